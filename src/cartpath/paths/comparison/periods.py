"""What to say where no period can be compared."""

from __future__ import annotations

from cartpath.paths.observed import Observed

#: Calendar unit -> shorter ones.
_SHORTER = {"month": ("week", "day"), "week": ("day",)}


def nothing(seen: Observed, why: str, flag: str, unit: str) -> str:
    """Say why there is nothing to compare, and what to do.

    Parameters
    ----------
    seen : Observed
    why : str
    flag : str
        The option that says how long a period is.
    unit : str
        ``day``, ``week`` or ``month``.

    Examples
    --------
    >>> nothing(Observed(0, 10 * 86400 * 1_000_000, "UTC"), "no month is whole", "--cohort", "month")
    'nothing to compare: no month is whole (what is counted runs from 1970-01-01 to 1970-01-10, UTC); take
    --cohort week or day, or a longer period'
    """
    days = seen.calendar("day").labels
    shorter = _SHORTER.get(unit, ())
    do = f"take {flag} {' or '.join(shorter)}, or a longer period" if shorter else "take a longer period"
    return f"nothing to compare: {why} (what is counted runs from {days[0]} to {days[-1]}, {seen.zone}); {do}"
