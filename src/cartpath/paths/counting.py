"""The counting rule: which events count, for which unit, in which period; every view uses it.

The rule in full is in ``docs/counting.md``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypedDict
from zoneinfo import ZoneInfo

from cartpath.config import zone_named
from cartpath.paths.clock import shown
from cartpath.paths.conditions import Condition, parse_conditions
from cartpath.schema import Z95, CartpathError, iso, microseconds_of
from cartpath.store import Snapshot

if TYPE_CHECKING:
    from cartpath.paths.rule import Rule

#: What can be counted.
UNITS: tuple[str, ...] = ("users", "sessions", "entries")

#: Open ends of a period, in microseconds.
BEGINNING = -(2**62)
FOREVER = 2**62


Moment = str | date | datetime | None
Texts = str | Sequence[str] | None


class CountingOptions(TypedDict, total=False):
    """The options of the counting rule, as every view takes them; see ``Counting.of``."""

    count: str
    since: Moment
    until: Moment
    where: Texts
    segment: str | None
    time_zone: str | None


@dataclass(frozen=True)
class Counting:
    """Which events count, and for whom, as it was asked.

    Attributes
    ----------
    unit : str
        ``"users"``, ``"sessions"`` or ``"entries"``.
    since, until : int
        The period, half open: ``since <= ts < until``, microseconds since 1970 UTC.
    where : tuple of Condition
        What must hold of an event for it to count; of its session and its user where that is what the property is of.
    segment : str or None
        The users who count: a segment's name or an expression.
    time_zone : str
        IANA name of the zone in which dates and clock times are read and shown.

    Examples
    --------
    >>> Counting.of("users", until="2016-10-10").words
    'all events before 2016-10-10T00:00:00Z (UTC, that moment excluded)'
    >>> Counting.of(where="device=mobile,price>50").filter_words
    'device is mobile and price > 50'
    """

    unit: str = "users"
    since: int = BEGINNING
    until: int = FOREVER
    where: tuple[Condition, ...] = ()
    segment: str | None = None
    time_zone: str = "UTC"

    @classmethod
    def of(
        cls,
        count: str = "users",
        since: Moment = None,
        until: Moment = None,
        where: Texts = None,
        segment: str | None = None,
        units: Sequence[str] = UNITS,
        time_zone: str | None = None,
    ) -> Counting:
        """Read a counting rule as people write it.

        Parameters
        ----------
        count : str
            ``"users"``, ``"sessions"`` or ``"entries"``.
        since, until : str, date, datetime or None
            The first moment that counts and the first that does not; a date is its midnight, a time
            without an offset what the clock of ``time_zone`` shows.
        where : str, sequence of str or None
            Conditions such as ``"device=mobile,price>50"``; all must hold.
        segment : str or None
        units : sequence of str
            What the view can count.
        time_zone : str, optional
            IANA name; by default UTC.

        Returns
        -------
        Counting

        Raises
        ------
        CartpathError
            If the unit or the zone is unknown, a date or a condition cannot be read, or the period is empty.
        """
        if count not in units:
            raise CartpathError(f"cannot count {count!r}", f"count one of: {', '.join(units)}")
        time_zone = time_zone or "UTC"
        zone = zone_named(time_zone)
        low = BEGINNING if since is None else _moment(since, zone)
        high = FOREVER if until is None else _moment(until, zone)
        if low >= high:
            raise CartpathError(
                f"the period is empty: since {_shown(low, time_zone)} is not before until {_shown(high, time_zone)}",
                "until is the first moment that no longer counts; for one day write the next day",
            )
        return cls(count, low, high, parse_conditions(where or ()), segment or None, time_zone)

    @property
    def always(self) -> bool:
        """Whether there is no limit in time."""
        return self.since == BEGINNING and self.until == FOREVER

    @property
    def whole(self) -> bool:
        """Whether every event counts."""
        return self.always and not self.where and self.segment is None

    @property
    def words(self) -> str:
        """The period as a sentence says it."""
        if self.always:
            return "all events"
        zone = self.time_zone
        since, until = (_shown(moment, zone) for moment in (self.since, self.until))
        if self.until == FOREVER:
            return f"all events from {since} on ({zone})"
        if self.since == BEGINNING:
            return f"all events before {until} ({zone}, that moment excluded)"
        return f"events from {since} until before {until} ({zone}, the last moment excluded)"

    @property
    def filter_words(self) -> str | None:
        """The filter as a sentence says it; None where there is none."""
        return " and ".join(condition.words for condition in self.where) or None

    @property
    def sentence(self) -> str:
        """Period, filter and segment as one sentence says them."""
        parts = [self.words]
        if self.where:
            parts.append(f"where {self.filter_words}")
        if self.segment is not None:
            parts.append(f"of users in {self.segment}")
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as JSON has it: the period's ends (ISO 8601 or None), period and filter in words, segment."""
        return {
            "since": None if self.since == BEGINNING else iso(self.since),
            "until": None if self.until == FOREVER else iso(self.until),
            "period": self.words,
            "filter": self.filter_words,
            "segment": self.segment,
            "time_zone": self.time_zone,
        }

    def meant_in(self, snap: Snapshot) -> Any:
        """Return the rule with what its segment stands for in a workspace now, so that no kept answer is stale."""
        if self.segment is None:
            return self
        from cartpath.paths.segments import meaning

        return {"counting": self, "segment": meaning(snap, self.segment, time_zone=self.time_zone)}

    def bind(self, snap: Snapshot) -> Rule:
        """Look up what the rule names in a store.

        Parameters
        ----------
        snap : Snapshot

        Returns
        -------
        Rule
            What scans read; it may be pickled.

        Raises
        ------
        CartpathError
            If a property or a segment is unknown; the message suggests which may have been meant.
        """
        from cartpath.paths.rule import bind

        return bind(self, snap)


def _shown(moment: int, time_zone: str) -> str:
    if moment in (BEGINNING, FOREVER):
        return ""
    return iso(moment) if time_zone == "UTC" else shown(moment, time_zone)


def _moment(value: str | date | datetime, zone: ZoneInfo) -> int:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    try:
        return microseconds_of(value, zone)
    except (AttributeError, TypeError):
        raise CartpathError(f"not a date: {value!r}", "write 2016-08-01 or 2016-08-01T12:00:00") from None


def wilson(hits: float, total: float) -> tuple[float, float] | None:
    """Return the 95% Wilson score interval of a rate; None where the denominator is 0.

    Parameters
    ----------
    hits, total : int or float
        Successes and trials; fractions where units are shared or their effective number is meant.

    Returns
    -------
    tuple of float or None
        Lower and upper end, within 0 to 1.

    Notes
    -----
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Examples
    --------
    >>> low, high = wilson(5, 10)
    >>> round(low, 4), round(high, 4)
    (0.2366, 0.7634)
    """
    if total <= 0:
        return None
    rate, z2 = hits / total, Z95 * Z95
    middle = (rate + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 * math.sqrt(rate * (1 - rate) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    # The ends of none and of all are 0 and 1, which rounding would miss by a hair.
    return max(0.0, middle - half) if hits else 0.0, min(1.0, middle + half) if hits < total else 1.0


def newcombe(hits_a: int, total_a: int, hits_b: int, total_b: int) -> tuple[float, float] | None:
    """Return the 95% interval of the difference b - a of two rates; None where a denominator is 0.

    Notes
    -----
    R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17
    (1998), method 10: from the Wilson intervals of both.

    Examples
    --------
    >>> low, high = newcombe(48, 80, 56, 70)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    first, second = wilson(hits_a, total_a), wilson(hits_b, total_b)
    if first is None or second is None:
        return None
    a, b = hits_a / total_a, hits_b / total_b
    low, high = math.hypot(b - second[0], first[1] - a), math.hypot(second[1] - b, a - first[0])
    return max(-1.0, b - a - low), min(1.0, b - a + high)
