"""Events as a client gives them: each becomes a line of the log and canonical values, or a reason why it cannot.

The rules are those of an ingest (``ingest.normalise``). An event of plain types, as nearly all are, is read here value
by value, which takes a tenth of the time of a column of one; whatever is not plain is given to ``normalise`` itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from cartpath.ingest.chunk import Reason
from cartpath.ingest.normalise import Plan, normalise
from cartpath.ingest.readers.json_reader import as_scalar
from cartpath.ingest.readers.lines import MAX_LINE
from cartpath.schema import Columns
from cartpath.serving.state.plain import NAMES, READERS, OddError, microseconds

_KNOWN = frozenset(NAMES)

#: What is wrong, in words for whoever sent the event.
WORDS: Mapping[str, str] = {
    Reason.missing_user: "the event has no user_id",
    Reason.missing_event: "the event has no name: event",
    Reason.unreadable_time: "ts is no time: write ISO 8601, or seconds or milliseconds since 1970",
    Reason.time_before_1995: "ts is before 1995: is its unit right?",
    Reason.time_in_future: "ts is more than a day ahead",
    Reason.negative_price: "price is negative: send a refund as an event",
    Reason.wrong_type: "a value is of the wrong type: a number that is none, or an object where text belongs",
    Reason.bad_encoding: "a text is not UTF-8",
    Reason.nul_bytes: "a text has NUL bytes",
    Reason.field_too_large: "the event has more than 1 MiB",
    Reason.malformed_json: "an event is a JSON object",
    Reason.forgotten_user: "this user asked to be forgotten",
}


@dataclass(frozen=True)
class Rejected:
    """An event that is not taken.

    Attributes
    ----------
    index : int
        Its place in the array, from 0.
    reason : str
        One of ``ingest.chunk.Reason``, as in the quarantine of an ingest.
    what : str
        The same in words.
    """

    index: int
    reason: str
    what: str

    @classmethod
    def of(cls, index: int, reason: str) -> Rejected:
        """Return it with the words for its reason."""
        return cls(index, reason, WORDS.get(reason, reason))


@dataclass(frozen=True, slots=True)
class Given:
    """An event that can be taken.

    Attributes
    ----------
    index : int
        Its place among those given.
    line : bytes
        What the log keeps of it: a JSON object and a newline; ``ts`` in microseconds, other values as they were given.
    values : dict
        Canonical values by column, those it has; ``ts`` in microseconds since 1970 UTC.
    blanked : bool
        Whether a value did not fit its column and is left out.
    """

    index: int
    line: bytes
    values: dict[str, Any]
    blanked: bool = False

    @property
    def user_id(self) -> str:
        """Whose event it is."""
        return str(self.values[Columns.user_id])


def check(events: Sequence[Any], now: datetime | None = None) -> tuple[list[Given], list[Rejected]]:
    """Return the events that can be taken, in their order, and those that cannot.

    Parameters
    ----------
    events : sequence
        Canonical events as JSON has them. One without ``ts`` happened now.
    now : datetime, optional

    Examples
    --------
    >>> good, bad = check([{"user_id": "u", "event": "view", "ts": 1577836800}, {"event": "view"}, 7])
    >>> good[0].values
    {'user_id': 'u', 'event': 'view', 'ts': 1577836800000000}
    >>> [(one.index, one.reason) for one in bad]
    [(1, 'missing_user'), (2, 'malformed_json')]
    """
    now = now or datetime.now(UTC)
    good: list[Given] = []
    bad: list[Rejected] = []
    odd: list[tuple[int, dict[str, Any]]] = []
    for index, event in enumerate(events):
        if not isinstance(event, Mapping):
            bad.append(Rejected.of(index, Reason.malformed_json))
            continue
        own = {name: value for name, value in event.items() if value is not None and name in _KNOWN}
        own.setdefault(Columns.ts, microseconds(now))
        try:
            good.append(_given(index, own, {name: READERS[name](value, now) for name, value in own.items()}))
        except OddError:
            odd.append((index, own))
    for kept, out in (_normalised(index, own, now) for index, own in odd):
        good += kept
        bad += out
    if odd:
        good.sort(key=lambda one: one.index)
    return _short(good, bad)


def _short(good: list[Given], bad: list[Rejected]) -> tuple[list[Given], list[Rejected]]:
    """Refuse lines that no reader of the log would take."""
    if any(len(one.line) > MAX_LINE for one in good):
        bad += [Rejected.of(one.index, Reason.field_too_large) for one in good if len(one.line) > MAX_LINE]
        good = [one for one in good if len(one.line) <= MAX_LINE]
    return good, sorted(bad, key=lambda one: one.index)


def _given(index: int, own: Mapping[str, Any], values: dict[str, Any], blanked: bool = False) -> Given:
    if Columns.user_id not in values or Columns.event not in values:
        raise OddError
    line = json.dumps({**own, Columns.ts: values[Columns.ts]}).encode() + b"\n"
    return Given(index, line, values, blanked)


def _normalised(index: int, own: Mapping[str, Any], now: datetime) -> tuple[list[Given], list[Rejected]]:
    """Read an event as an ingest does, a column at a time."""
    try:
        texts = {name: as_scalar(value, name == Columns.props) for name, value in own.items()}
    except (TypeError, ValueError, RecursionError) as error:
        return [], [Rejected.of(index, str(error) if str(error) in WORDS else Reason.wrong_type)]
    table = pa.table({name: pa.array([text], pa.string()) for name, text in texts.items()})
    done = normalise(table, Plan({name: name for name in texts}), now=now)
    if done.reasons:
        return [], [Rejected.of(index, next(iter(done.reasons)))]
    row = done.events.set_column(
        done.events.column_names.index(Columns.ts), Columns.ts, done.events[Columns.ts].cast(pa.int64())
    ).to_pylist()[0]
    values = {name: value for name, value in row.items() if value is not None and name in _KNOWN}
    return [_given(index, own, values, bool(done.blanked))], []
