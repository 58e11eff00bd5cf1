"""The counting rule: which events count, for which unit, in which period; every view uses it.

The rule in full is in ``docs/counting.md``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.schema import CartpathError, iso, microseconds_of
from cartpath.store import ERASED, PathView
from cartpath.store.jit import kernel

#: What can be counted.
UNITS: tuple[str, ...] = ("users", "sessions")

#: Open ends of a period, in microseconds.
BEGINNING = -(2**62)
FOREVER = 2**62

#: Two-sided 95% point of the normal distribution.
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Counting:
    """Which events count, and for whom.

    Attributes
    ----------
    unit : str
        ``"users"`` or ``"sessions"``.
    since, until : int
        The period, half open: ``since <= ts < until``, microseconds since 1970 UTC.

    Examples
    --------
    >>> Counting.of("users", until="2016-10-10").words
    'all events before 2016-10-10T00:00:00Z (UTC, that moment excluded)'
    """

    unit: str = "users"
    since: int = BEGINNING
    until: int = FOREVER

    @classmethod
    def of(
        cls,
        count: str = "users",
        since: str | date | datetime | None = None,
        until: str | date | datetime | None = None,
    ) -> Counting:
        """Read a counting rule as people write it.

        Parameters
        ----------
        count : str
            ``"users"`` or ``"sessions"``.
        since, until : str, date, datetime or None
            The first moment that counts and the first that does not; a date is its midnight in UTC.

        Returns
        -------
        Counting

        Raises
        ------
        CartpathError
            If the unit is unknown, a date cannot be read, or the period is empty.
        """
        if count not in UNITS:
            raise CartpathError(f"cannot count {count!r}", f"count one of: {', '.join(UNITS)}")
        low = BEGINNING if since is None else _moment(since)
        high = FOREVER if until is None else _moment(until)
        if low >= high:
            raise CartpathError(
                f"the period is empty: since {iso(low)} is not before until {iso(high)}",
                "until is the first moment that no longer counts; for one day write the next day",
            )
        return cls(count, low, high)

    @property
    def whole(self) -> bool:
        """Whether there is no limit in time."""
        return self.since == BEGINNING and self.until == FOREVER

    @property
    def words(self) -> str:
        """The period as a sentence says it."""
        if self.whole:
            return "all events"
        if self.until == FOREVER:
            return f"all events from {iso(self.since)} on (UTC)"
        if self.since == BEGINNING:
            return f"all events before {iso(self.until)} (UTC, that moment excluded)"
        return f"events from {iso(self.since)} until before {iso(self.until)} (UTC, the last moment excluded)"

    def to_dict(self) -> dict[str, Any]:
        """Return ``since``, ``until`` (ISO 8601 or None) and the ``period`` in words."""
        return {
            "since": None if self.since == BEGINNING else iso(self.since),
            "until": None if self.until == FOREVER else iso(self.until),
            "period": self.words,
        }


def _moment(value: str | date | datetime) -> int:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    try:
        return microseconds_of(value)
    except (AttributeError, TypeError):
        raise CartpathError(f"not a date: {value!r}", "write 2016-08-01 or 2016-08-01T12:00:00") from None


def codes_of(names: Sequence[str], known: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return the code of each event name, -1 where it was never seen, and a warning for each such name.

    Examples
    --------
    >>> codes_of(["view", "purchse"], ["view", "purchase"])
    ([0, -1], ["no event 'purchse' was ever seen; did you mean 'purchase'?"])
    """
    place = {text: code for code, text in enumerate(known)}
    warnings = []
    seen = [name for name in known if name != ERASED]
    for name in dict.fromkeys(names):
        if name not in place:
            near = difflib.get_close_matches(name, seen, n=1)
            tail = f"did you mean {near[0]!r}?" if near else f"seen are: {_some(seen)}"
            warnings.append(f"no event {name!r} was ever seen; {tail}")
    return [place.get(name, -1) for name in names], warnings


def _some(names: Sequence[str], most: int = 15) -> str:
    listed = ", ".join(sorted(names)[:most]) or "none, the store is empty"
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed


def wilson(hits: int, total: int) -> tuple[float, float] | None:
    """Return the 95% Wilson score interval of a rate; None where the denominator is 0.

    Parameters
    ----------
    hits, total : int
        Successes and trials.

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
    rate, z2 = hits / total, _Z95 * _Z95
    middle = (rate + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 * math.sqrt(rate * (1 - rate) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def units_in(view: PathView, counting: Counting) -> int:
    """Return how many users or sessions of a bucket have at least one event in the period."""
    by_session = counting.unit == "sessions"
    if counting.whole:
        return len(view.sessions) if by_session else view.n_users
    if by_session:
        return int(_sessions_in(view.ts, view.session, len(view.sessions), counting.since, counting.until))
    return int(_users_in(view.offsets, view.ts, counting.since, counting.until))


@kernel
def _users_in(offsets: npt.NDArray[np.int64], ts: npt.NDArray[np.int64], since: int, until: int) -> int:
    found = 0
    for user in range(len(offsets) - 1):
        low, high = offsets[user], offsets[user + 1]
        place = low + np.searchsorted(ts[low:high], since)
        if place < high and ts[place] < until:
            found += 1
    return found


@kernel
def _sessions_in(
    ts: npt.NDArray[np.int64], session: npt.NDArray[np.int32], n_sessions: int, since: int, until: int
) -> int:
    seen = np.zeros(n_sessions, np.uint8)
    found = 0
    for i in range(len(ts)):
        if since <= ts[i] < until and seen[session[i]] == 0:
            seen[session[i]] = 1
            found += 1
    return found
