"""Raw rows become canonical events, or a reason why they cannot; a column at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.chunk import Reason
from cartpath.ingest.identity import links_of_events
from cartpath.ingest.numbers import MAX_MONEY, as_numbers, whole
from cartpath.ingest.text import as_text, defects, encoded, single
from cartpath.ingest.times import Clock, as_times
from cartpath.schema import CODED_CONTEXT, Columns, event_schema, microseconds_of

Mask = npt.NDArray[np.bool_]

_EARLIEST = microseconds_of("1995-01-01")
#: Text that repeats: kept as a dictionary, which the store wants anyway.
CODED = (Columns.item_id, Columns.page, Columns.query, *CODED_CONTEXT)
_IDS = (Columns.item_id, Columns.session_id, Columns.order_id)
_TEXT = (*CODED, Columns.session_id, Columns.order_id, Columns.event_id, Columns.props)
_MONEY = (Columns.price, Columns.order_value)
_WHOLE = (Columns.quantity, Columns.visit_number)
_INTERNAL = (Columns.hit, Columns.once)
_YES, _NO = ("true", "t", "1", "yes", "y"), ("false", "f", "0", "no", "n")


REPEATED = (*CODED, Columns.event)


def is_text(name: str) -> bool:
    """Whether a canonical column is text, whatever the source writes in it."""
    return name in (*_TEXT, Columns.user_id, Columns.anonymous_id, Columns.event)


@dataclass(frozen=True)
class Plan:
    """How the raw columns of one file become canonical ones.

    Attributes
    ----------
    columns : mapping of canonical column to raw column
    clock : Clock
    events : mapping of raw event name to canonical
    defaults : mapping of canonical column to the value of rows that have none
    divide : mapping of canonical column to float
    point : str
        Decimal point of numbers written as text.
    """

    columns: Mapping[str, str]
    clock: Clock = field(default_factory=Clock)
    events: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    divide: Mapping[str, float] = field(default_factory=dict)
    point: str = "."


@dataclass(frozen=True)
class Normalised:
    """What became of a chunk.

    Attributes
    ----------
    events : pyarrow.Table (m rows)
        Canonical, as ``store.Writer.add`` takes them.
    good : bool array (n,)
        Which rows of the chunk they are.
    reasons : dict of str to int64 array
        Rows that cannot be used, by reason; each row once.
    user_id : pyarrow.Array (n,)
        The users of all rows, null where unknown.
    blanked : int
        Events of which a value was blanked.
    anonymous_id : pyarrow.Array (n,), optional
        The anonymous ids of all rows, where the plan has a column of them.
    links : pyarrow.Table, optional
        What events with both ids say.
    """

    events: pa.Table
    good: Mask
    reasons: dict[str, npt.NDArray[np.int64]]
    user_id: pa.Array
    blanked: int
    anonymous_id: pa.Array | None = None
    links: pa.Table | None = None


class _Verdicts:
    """Which rows are out; the first reason counts."""

    def __init__(self, n: int) -> None:
        self.good = np.ones(n, np.bool_)
        self.blanked = np.zeros(n, np.bool_)
        self.reasons: dict[str, npt.NDArray[np.int64]] = {}

    def out(self, mask: Mask | None, reason: str) -> None:
        if mask is None or not mask.any():
            return
        rows = np.flatnonzero(mask & self.good)
        self.good[rows] = False
        self.move(rows, reason)

    def move(self, rows: npt.NDArray[np.int64], reason: str) -> None:
        if len(rows):
            self.reasons[reason] = np.sort(np.append(self.reasons.get(reason, np.zeros(0, np.int64)), rows))


def normalise(table: pa.Table, plan: Plan, *, checked: bool = False, now: datetime | None = None) -> Normalised:
    """Turn raw rows into canonical events.

    Parameters
    ----------
    table : pyarrow.Table (n rows)
        Raw columns under the names that ``plan`` gives; may have ``Columns.hit`` and ``Columns.once``.
    plan : Plan
    checked : bool
        Whether text is known to be UTF-8 without NULs.
    now : datetime, optional

    Returns
    -------
    Normalised

    Examples
    --------
    >>> raw = pa.table({"who": ["a", None], "when": ["2020-01-01", "2020-01-01"], "what": ["buy", "buy"]})
    >>> done = normalise(raw, Plan({"user_id": "who", "ts": "when", "event": "what"}, events={"buy": "purchase"}))
    >>> done.events["event"].to_pylist(), done.reasons
    (['purchase'], {'missing_user': array([1])})
    """
    n = len(table)
    verdicts = _Verdicts(n)
    raw = {name: single(table[source]) for name, source in plan.columns.items() if source in table.column_names}
    if not checked:
        raw = {name: _without_defects(values, verdicts) for name, values in raw.items()}
    known = as_text(raw.get(Columns.user_id, pa.nulls(n)), is_id=True).cast(pa.string())
    anonymous = raw.get(Columns.anonymous_id)
    if anonymous is not None:
        anonymous = as_text(anonymous, is_id=True).cast(pa.string())
    user = _default(known if anonymous is None else pc.coalesce(known, anonymous), plan, Columns.user_id)
    columns: dict[str, Any] = {Columns.user_id: user}
    verdicts.out(user.is_null().to_numpy(zero_copy_only=False), Reason.missing_user)
    columns[Columns.ts] = _times(raw.get(Columns.ts), n, plan, verdicts, now)
    columns[Columns.event] = event = _event(raw.get(Columns.event, pa.nulls(n)), plan)
    verdicts.out(event.is_null().to_numpy(zero_copy_only=False), Reason.missing_event)
    _optional(raw, n, plan, verdicts, columns)
    if Columns.received in raw:
        columns[Columns.received] = _received(raw[Columns.received], plan)
    _repeated_header(raw, plan, verdicts)
    for name in _INTERNAL:
        if name in table.column_names:
            columns[name] = single(table[name])
    if verdicts.blanked.any():
        columns[Columns.blanked] = pa.array(verdicts.blanked)
    events = pa.table({name: columns[name] for name in _order(columns)})
    n_blanked = int((verdicts.blanked & verdicts.good).sum())
    if not verdicts.good.all():
        events = events.filter(pa.array(verdicts.good))
    links = None if anonymous is None else links_of_events(anonymous, known, columns[Columns.ts], verdicts.good)
    return Normalised(events, verdicts.good, verdicts.reasons, user, n_blanked, anonymous, links)


def _order(columns: Mapping[str, Any]) -> list[str]:
    return [name for name in (*event_schema().names, *_INTERNAL, Columns.blanked, Columns.received) if name in columns]


def _default(values: pa.Array, plan: Plan, name: str) -> pa.Array:
    if name not in plan.defaults or not values.null_count:
        return values
    return values.fill_null(pa.scalar(plan.defaults[name], values.type))


def _without_defects(values: pa.Array, verdicts: _Verdicts) -> pa.Array:
    """Rule out rows whose text cannot be kept, and empty it so that it does no harm."""
    encoding, nul, large = defects(values)
    verdicts.out(nul, Reason.nul_bytes)
    verdicts.out(encoding, Reason.bad_encoding)
    verdicts.out(large, Reason.field_too_large)
    found = [mask for mask in (encoding, nul, large) if mask is not None]
    if found:
        if pa.types.is_dictionary(values.type):
            values = values.dictionary.cast(pa.binary()).take(values.indices)
        values = pc.if_else(pa.array(np.any(found, axis=0)), pa.scalar(None, values.type), values)
    # What is left of bytes is text: a time or a number written as bytes is read as such.
    return values.cast(pa.string()) if pa.types.is_binary(values.type) else values


def _times(raw: pa.Array | None, n: int, plan: Plan, verdicts: _Verdicts, now: datetime | None) -> pa.Array:
    if raw is None:
        raw = pa.nulls(n, pa.string())
    if Columns.ts in plan.defaults and raw.null_count:
        raw = raw.cast(pa.string()).fill_null(str(plan.defaults[Columns.ts]))
    times, read = as_times(raw, plan.clock)
    latest = microseconds_of((now or datetime.now(UTC)) + timedelta(days=1))
    verdicts.out(~read, Reason.unreadable_time)
    verdicts.out(times < _EARLIEST, Reason.time_before_1995)
    verdicts.out(times > latest, Reason.time_in_future)
    return pa.array(times, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def _received(raw: pa.Array, plan: Plan) -> pa.Array:
    """Read when the server had the event; what cannot be read is unknown, and rules nothing out."""
    times, read = as_times(raw, plan.clock)
    return pa.array(times, pa.int64(), mask=~read).cast(pa.timestamp("us", tz="UTC"))


def _event(raw: pa.Array, plan: Plan) -> pa.Array:
    event = encoded(as_text(raw))
    words = [plan.events.get(word, word) for word in event.dictionary.to_pylist()]
    indices = event.indices
    if Columns.event in plan.defaults and indices.null_count:
        indices = indices.fill_null(len(words))
        words.append(plan.defaults[Columns.event])
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))


def _optional(raw: dict[str, pa.Array], n: int, plan: Plan, verdicts: _Verdicts, columns: dict[str, Any]) -> None:
    for name in event_schema().names:
        if name in columns or (name not in raw and name not in plan.defaults):
            continue
        values = raw.get(name, pa.nulls(n))
        if name in _MONEY:
            columns[name] = _default(_money(name, values, plan, verdicts), plan, name)
        elif name in _WHOLE:
            columns[name] = _default(_whole(values, plan, verdicts), plan, name)
        elif name == Columns.is_direct:
            columns[name] = _default(_flag(values, verdicts), plan, name)
        else:
            text = as_text(_json(values) if name == Columns.props else values, is_id=name in _IDS)
            text = _default(text if name not in plan.defaults else text.cast(pa.string()), plan, name)
            columns[name] = encoded(text) if name in CODED else text.cast(pa.string())


def _money(name: str, values: pa.Array, plan: Plan, verdicts: _Verdicts) -> pa.Array:
    numbers, present, wrong = as_numbers(values, plan.point)
    if name in plan.divide:
        numbers = numbers / plan.divide[name]
    if name == Columns.price:
        verdicts.out(present & ~wrong & (numbers < 0), Reason.negative_price)
    verdicts.out(wrong, Reason.wrong_type)
    with np.errstate(invalid="ignore"):
        misfit = present & ~wrong & ~(np.abs(numbers) < MAX_MONEY)
    verdicts.blanked |= misfit
    return pa.array(numbers, pa.float64(), mask=~present | misfit | wrong)


def _whole(values: pa.Array, plan: Plan, verdicts: _Verdicts) -> pa.Array:
    numbers, present, wrong = as_numbers(values, plan.point)
    verdicts.out(wrong, Reason.wrong_type)
    out, misfit = whole(numbers, present & ~wrong)
    verdicts.blanked |= misfit
    return pa.array(out, pa.int32(), mask=~present | misfit | wrong)


def _flag(values: pa.Array, verdicts: _Verdicts) -> pa.Array:
    if pa.types.is_boolean(values.type):
        return values
    text = encoded(as_text(values, is_id=True))
    words = [word.strip().lower() for word in text.dictionary.to_pylist()]
    known = pa.array([True if word in _YES else False if word in _NO else None for word in words], pa.bool_())
    flags = known.take(text.indices)
    verdicts.out((flags.is_null().to_numpy(zero_copy_only=False)) & text.is_valid().to_numpy(False), Reason.wrong_type)
    return flags


def _json(values: pa.Array) -> pa.Array:
    if not pa.types.is_nested(values.type):
        return values
    import json

    return pa.array(
        [None if v is None else json.dumps(v, default=str, ensure_ascii=False) for v in values.to_pylist()],
        pa.string(),
    )


def _repeated_header(raw: dict[str, pa.Array], plan: Plan, verdicts: _Verdicts) -> None:
    """Rows that are out because they repeat the header are told apart."""
    rows = verdicts.reasons.get(Reason.unreadable_time)
    if rows is None or Columns.ts not in raw:
        return
    names = {name: plan.columns[name] for name in (Columns.user_id, Columns.ts, Columns.event) if name in raw}
    again = np.ones(len(rows), np.bool_)
    for name, source in names.items():
        taken = raw[name].take(pa.array(rows))
        again &= np.array([str(value).strip() == source for value in taken.to_pylist()], np.bool_)
    if again.any():
        verdicts.reasons.pop(Reason.unreadable_time)
        verdicts.move(rows[~again], Reason.unreadable_time)
        verdicts.move(rows[again], Reason.repeated_header)
