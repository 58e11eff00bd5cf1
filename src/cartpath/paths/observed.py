"""From when to when a log watches its users: what lies beyond is unknown, not zero."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cartpath.paths.calendar import Calendar, calendar
from cartpath.paths.counting import BEGINNING, FOREVER, Counting
from cartpath.schema import MICROSECONDS, iso
from cartpath.store import Snapshot


@dataclass(frozen=True)
class Observed:
    """The time that is watched, half open, microseconds since 1970 UTC; empty where ``begin == end``.

    Without ``since`` and ``until`` it runs from the store's first event to its last: nobody can say what came after.
    With them it runs as far as they say, but not beyond the local day of the first and the last event.
    """

    begin: int
    end: int
    zone: str

    @classmethod
    def of(cls, snap: Snapshot, counting: Counting, zone: str = "UTC") -> Observed:
        """Find out what a store watches under a counting rule.

        Parameters
        ----------
        snap : Snapshot
        counting : Counting
        zone : str
            IANA name of the shop's time zone.

        Raises
        ------
        CartpathError
            If the zone is unknown.
        """
        return observed(snap.totals.first_ts, snap.totals.last_ts, counting, zone)

    @property
    def empty(self) -> bool:
        """Whether nothing is watched."""
        return self.begin >= self.end

    def calendar(self, unit: str) -> Calendar:
        """Lay out the days, weeks or months that are watched, if only in part."""
        return calendar(unit, self.zone, self.begin, max(self.begin, self.end - 1))

    def warnings(self, counting: Counting, periods: bool = True) -> list[str]:
        """Say what a reader should know of the ends: they cut a day and, where ``periods`` are counted, a period."""
        if self.empty:
            return []
        cut = [word for name in ("since", "until") if (word := self._cut(name, getattr(counting, name)))]
        return [*(self._open(counting) if periods else []), *cut]

    def _cut(self, name: str, moment: int) -> str | None:
        # A plain date is midnight in UTC, which is within a day elsewhere.
        if moment in (BEGINNING, FOREVER):
            return None
        day = calendar("day", self.zone, moment, moment)
        if day.edges[0] == moment:
            return None
        return (
            f"{name} {iso(moment)} is {_local(moment, day):%H:%M} in {self.zone}, which cuts a day in two; midnight"
            f" there is --{name} {_local(int(day.edges[0]), day).isoformat(timespec='minutes')}"
        )

    def _open(self, counting: Counting) -> list[str]:
        days = self.calendar("day")
        ends = (("since", counting.since, 0), ("until", counting.until, -1))
        given = [
            f"--{name} {_local(int(days.edges[i]), days).isoformat(timespec='minutes')}"
            for name, moment, i in ends
            if moment in (BEGINNING, FOREVER)
        ]
        if not given:
            return []
        runs = [_local(moment, days).isoformat(" ", timespec="seconds") for moment in (self.begin, self.end - 1)]
        return [
            f"what is watched runs from {runs[0]} to {runs[1]}; a period that this cuts is incomplete"
            f" ({' '.join(given)} says that the day at the end is whole)"
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the ends as JSON has them, None where nothing is watched, and the time zone."""
        ends = (None, None) if self.empty else (iso(self.begin), iso(self.end))
        return {"observed_from": ends[0], "observed_until": ends[1], "time_zone": self.zone}


def observed(first: int | None, last: int | None, counting: Counting, zone: str = "UTC") -> Observed:
    """Return what a log from ``first`` to ``last`` watches; see ``Observed``.

    Examples
    --------
    >>> hour = 3_600_000_000
    >>> found = observed(2 * hour, 50 * hour, Counting())
    >>> found.begin // hour, found.end - 50 * hour
    (2, 1)
    >>> observed(2 * hour, 50 * hour, Counting.of(since="1970-01-01", until="2024-01-01")).end // hour
    72
    """
    if first is None or last is None:
        return Observed(0, 0, calendar("day", zone, 0, 0).zone)
    day = calendar("day", zone, first, first)
    begin = first if counting.since == BEGINNING else max(counting.since, int(day.edges[0]))
    day = calendar("day", zone, last, last)
    end = last + 1 if counting.until == FOREVER else min(counting.until, int(day.edges[-1]))
    return Observed(begin, max(begin, end), zone)


def _local(moment: int, within: Calendar) -> datetime:
    return datetime.fromtimestamp(moment // MICROSECONDS, UTC).astimezone(within.tz)
