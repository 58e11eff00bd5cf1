"""Stickiness: on how many days of a week or month a user is active, and how daily, weekly and monthly users compare.

Daily, weekly and monthly active users (DAU, WAU, MAU) are those of a day, of the seven and of the 28 days that end with
it: whole weeks, so that weekends do not sway them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.calendar import Calendar
from cartpath.paths.conditions import ANY, parse_steps
from cartpath.paths.counted import Basis
from cartpath.paths.counting import Counting, wilson
from cartpath.paths.matching import match
from cartpath.paths.observed import Observed
from cartpath.paths.rule import Heading
from cartpath.paths.stickiness_scan import MONTH, MOST_DAYS, WEEK, merge_stickiness, scan_stickiness
from cartpath.schema import Z95, CartpathError
from cartpath.store import Snapshot
from cartpath.store.answers import kept

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StickinessResult:
    """Counted stickiness.

    Attributes
    ----------
    active : int64 array (n_days, 3)
        Users active on the day, in the seven and in the 28 days that end with it.
    days_active : int64 array (n_periods, 32)
        Users of each period by the number of days that they were active on.
    days : Calendar
    periods : Calendar
        Weeks or months.
    observed : Observed
    rule : Heading
    basis : Basis
    event : str
        What makes a user active.
    missed : tuple of str
        Warnings of events that were never seen.
    """

    active: Ints
    days_active: Ints
    days: Calendar
    periods: Calendar
    observed: Observed
    rule: Heading
    basis: Basis
    event: str
    missed: tuple[str, ...] = ()

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One record a day: ``day dau wau mau dau_wau dau_mau complete``.

        A number is None where its day, or a day of its window, is not wholly observed; ``dau`` is there for every day,
        and ``complete`` says whether the day is.
        """
        if not self.basis.events:
            return []
        whole = self.days.whole(self.observed.begin, self.observed.end)
        run: Ints = np.cumsum(whole) - np.maximum.accumulate(np.where(whole, 0, np.cumsum(whole)))
        found = []
        for i, label in enumerate(self.days.labels):
            dau = int(self.active[i, 0])
            wau, mau = (int(self.active[i, k]) if run[i] >= length else None for k, length in ((1, WEEK), (2, MONTH)))
            ratios = {"dau_wau": dau / wau if wau else None, "dau_mau": dau / mau if mau else None}
            found.append({"day": label, "dau": dau, "wau": wau, "mau": mau, **ratios, "complete": bool(whole[i])})
        return found

    @cached_property
    def by_period(self) -> list[dict[str, Any]]:
        """One record a week or month.

        ``period days users mean_days low high dau_ratio complete``: its days, active users, on how many days they are
        active on average with a 95% interval, and that as a share of the days, which is the mean DAU over the
        period's active users.
        """
        if not self.basis.events:
            return []
        lengths = np.bincount(self.periods.place(self.days.edges[:-1]), minlength=len(self.periods))
        whole = self.periods.whole(self.observed.begin, self.observed.end)
        return [
            {"period": label, "days": int(lengths[i]), **_mean(self.days_active[i]),
             "dau_ratio": self._ratio(i, int(lengths[i]), bool(whole[i])), "complete": bool(whole[i])}
            for i, label in enumerate(self.periods.labels)
        ]  # fmt: skip

    def _ratio(self, period: int, length: int, complete: bool) -> float | None:
        users = int(self.days_active[period].sum())
        return (
            float(self.days_active[period] @ np.arange(MOST_DAYS + 1)) / (users * length)
            if users and complete
            else None
        )

    @cached_property
    def distribution(self) -> list[dict[str, Any]]:
        """One record a number of active days, over the wholly observed periods together.

        ``days n share low high``: ``n`` counts a user once in each period that they are active in; ``share`` is of all
        these, with its 95% Wilson interval. Without a wholly observed period there are none.
        """
        whole = self.periods.whole(self.observed.begin, self.observed.end)
        counts = self.days_active[whole].sum(axis=0)
        total = int(counts.sum())
        found = []
        for days in range(1, (7 if self.periods.unit == "week" else MOST_DAYS) + 1 if total else 1):
            n = int(counts[days])
            low, high = wilson(n, total) or (None, None)
            found.append({"days": days, "n": n, "share": n / total, "low": low, "high": high})
        return found

    @property
    def frame(self) -> pd.DataFrame:
        """One row a day, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["day", "dau", "wau", "mau", "dau_wau", "dau_mau", "complete"])

    @property
    def distribution_frame(self) -> pd.DataFrame:
        """One row a number of active days, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.distribution, columns=["days", "n", "share", "low", "high"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know: of every view that counts so, and of this one."""
        return (*self.rule.warnings_of(self.basis), *self.remarks)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of this view's numbers."""
        found = list(self.missed)
        if self.basis.events and not self.distribution:
            found.append(f"no {self.periods.unit} is wholly observed, so there is no distribution of active days")
        return (*found, *self.observed.warnings(self.rule.counting))

    def to_dict(self) -> dict[str, Any]:
        """Return stickiness as JSON has it."""
        return {
            **self.rule.header(self.basis, self.remarks, "users"),
            "event": self.event,
            "period_unit": self.periods.unit,
            **self.observed.to_dict(),
            "window_days": {"wau": WEEK, "mau": MONTH},
            "periods": self.by_period,
            "distribution": self.distribution,
            "days": self.rows,
        }


def _mean(counts: Ints) -> dict[str, Any]:
    """Return users, their mean number of active days, and its 95% interval by the normal approximation."""
    users, days = int(counts.sum()), np.arange(len(counts))
    if not users:
        return {"users": 0, "mean_days": None, "low": None, "high": None}
    mean = float(counts @ days) / users
    if users < 2:
        return {"users": users, "mean_days": mean, "low": None, "high": None}
    half = Z95 * math.sqrt(float(counts @ (days - mean) ** 2) / (users - 1) / users)
    return {"users": users, "mean_days": mean, "low": mean - half, "high": mean + half}


@kept
def stickiness(
    snap: Snapshot,
    counting: Counting | None = None,
    *,
    event: str = ANY,
    period: str = "month",
    zone: str | None = None,
) -> StickinessResult:
    """Count on how many days users are active.

    Parameters
    ----------
    snap : Snapshot
    counting : Counting, optional
        Which events count; stickiness counts users.
    event : str
        What makes a user active, such as ``"purchase"``; by default any event.
    period : str
        ``"week"`` or ``"month"``: where active days are counted.
    zone : str, optional
        By default that of ``counting``: the IANA name of the time zone in which days begin.

    Returns
    -------
    StickinessResult

    Raises
    ------
    CartpathError
        If a pattern, the period or the zone is unknown.
    """
    counting = counting or Counting()
    if counting.unit != "users":
        raise CartpathError(f"cannot count {counting.unit!r} here", "stickiness is one of users")
    if period not in ("week", "month"):
        raise CartpathError(f"cannot count the active days of a {period!r}", "take week or month")
    zone = zone or counting.time_zone
    rule, seen = counting.bind(snap), Observed.of(snap, counting, zone)
    days, periods = seen.calendar("day"), seen.calendar(period)
    steps = parse_steps([event])
    matcher = match(snap, steps, zone)
    of_day = periods.place(days.edges[:-1])
    scan = partial(scan_stickiness, rule=rule, matcher=matcher, edges=days.edges, period=of_day)
    basis, active, counts = engine.run(snap, scan, merge_stickiness)
    return StickinessResult(active, counts, days, periods, seen, rule.heading, basis, str(steps[0]), matcher.warnings)
