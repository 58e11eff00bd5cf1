"""Values of events that are plain: of the type that their column has, and with nothing to tell of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cartpath.ingest.numbers import MAX_MONEY
from cartpath.schema import Columns, event_schema, microseconds_of

#: Names that an event may have; as in an ingest, others are left out.
NAMES: tuple[str, ...] = tuple(event_schema().names)
_IDS = frozenset((Columns.user_id, Columns.item_id, Columns.session_id, Columns.order_id))
_MONEY = frozenset((Columns.price, Columns.order_value))
_WHOLE = frozenset((Columns.quantity, Columns.visit_number))
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?(Z|\+00:00)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _DAY = microseconds_of("1995-01-01"), timedelta(days=1)
_LONG = 4096


class OddError(Exception):
    """A value that is not plain: ``ingest.normalise`` says what it is."""


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970 UTC."""
    delta = moment - _EPOCH
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds


def _text(value: Any, _: datetime) -> str:
    if type(value) is not str or not value or value[0] <= " " or len(value) > _LONG or "\0" in value:
        raise OddError
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise OddError from None
    return value


def _id(value: Any, now: datetime) -> str:
    if type(value) is int and abs(value) < 2**53:
        return str(value)
    text = _text(value, now)
    if text.endswith(".0"):  # perhaps a whole number that went through a float
        raise OddError
    return text


def _time(value: Any, now: datetime) -> int:
    if type(value) is int and 0 < value < 10**17:
        found = value * (1_000_000 if value < 10**11 else 1000 if value < 10**14 else 1)
    elif type(value) is str and _ISO.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise OddError from None
        found = microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    else:
        raise OddError
    if not _EARLIEST <= found <= microseconds(now + _DAY):
        raise OddError
    return found


def _money(value: Any, _: datetime) -> float:
    if type(value) not in (int, float) or not abs(value) < MAX_MONEY:
        raise OddError
    return float(value) + 0.0


def _price(value: Any, now: datetime) -> float:
    if (found := _money(value, now)) < 0:
        raise OddError
    return found


def _whole(value: Any, _: datetime) -> int:
    if type(value) is not int or abs(value) >= 2**31:
        raise OddError
    return value


def _flag(value: Any, _: datetime) -> bool:
    if type(value) is not bool:
        raise OddError
    return value


def _props(value: Any, now: datetime) -> str:
    if type(value) is str:
        return _text(value, now)
    if type(value) is not dict:
        raise OddError
    try:
        return _text(json.dumps(value, ensure_ascii=True), now)
    except (TypeError, ValueError, RecursionError):
        raise OddError from None


def _reader(name: str) -> Callable[[Any, datetime], Any]:
    special = {Columns.ts: _time, Columns.price: _price, Columns.is_direct: _flag, Columns.props: _props}
    if name in special:
        return special[name]
    return _id if name in _IDS else _money if name in _MONEY else _whole if name in _WHOLE else _text


#: Reads a value of each column.
READERS: dict[str, Callable[[Any, datetime], Any]] = {name: _reader(name) for name in NAMES}
