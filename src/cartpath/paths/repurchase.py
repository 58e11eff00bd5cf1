"""Repurchase: how many buyers order again, and how long it takes.

Two answers, as they differ: the intervals between orders that were seen, which leave out everybody who has not ordered
again yet, and a Kaplan-Meier curve from the first order to the second, which does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.counted import Basis
from cartpath.paths.counting import Counting, wilson
from cartpath.paths.observed import Observed
from cartpath.paths.properties import EVENT, Properties
from cartpath.paths.repurchase_scan import Buying, merge_repurchase, scan_repurchase
from cartpath.paths.rule import Heading
from cartpath.paths.survival import Curve, installed, kaplan_meier
from cartpath.schema import MICROSECONDS, CartpathError, Event, MissingExtraError
from cartpath.store import Snapshot
from cartpath.store.answers import kept

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]

DAY = 86400 * MICROSECONDS
MARKS = ("7d", "30d", "90d", "180d", "365d")
#: Widths of bins in days, and how many bins at most.
_WIDTHS = (1 / 24, 1, 2, 7, 14, 28, 56, 112, 364)
_MOST_BINS = 60


@dataclass(frozen=True)
class RepurchaseResult:
    """Counted repurchases.

    Attributes
    ----------
    buying : Buying
    curve : Curve or None
        From the first order to the second; None without the extra ``survival``.
    same : str or None
        The property that is bought again; buyers then are pairs of a user and a value.
    observed : Observed
    rule : Heading
    basis : Basis
    missed : tuple of str
        Warnings.
    """

    buying: Buying
    curve: Curve | None
    same: str | None
    observed: Observed
    rule: Heading
    basis: Basis
    missed: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """What a buyer is."""
        return "buyers" if self.same is None else f"pairs of buyer and {self.same}"

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The buyers, who of them ordered again so far, and the intervals that were seen."""
        buyers, again = len(self.buying.orders), int((self.buying.orders > 1).sum())
        low, high = wilson(again, buyers) or (None, None)
        gaps = self.buying.gaps / DAY
        median, p90 = np.quantile(gaps, [0.5, 0.9]).tolist() if len(gaps) else (None, None)
        return {
            "buyers": buyers,
            "orders": int(self.buying.orders.sum()),
            "again": again,
            "share": again / buyers if buyers else None,
            "low": low,
            "high": high,
            "intervals": len(gaps),
            "median_days": median,
            "p90_days": p90,
            "orders_without_id": self.buying.without_id,
            "lines_left_out": self.buying.left_out,
        }

    @cached_property
    def by_orders(self) -> list[dict[str, Any]]:
        """One record a number of orders, the last of ten and more: ``orders buyers share low high``."""
        n = len(self.buying.orders)
        counts = np.bincount(np.minimum(self.buying.orders, 10), minlength=11)
        found = []
        for orders in range(1, 11 if n else 1):
            low, high = wilson(int(counts[orders]), n) or (None, None)
            name = "10 and more" if orders == 10 else str(orders)
            row = {"orders": name, "buyers": int(counts[orders]), "share": int(counts[orders]) / n}
            found.append({**row, "low": low, "high": high})
        return found

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One record a bin of intervals: ``from_days to_days n share cumulative``, the last a share of all up to it."""
        gaps = self.buying.gaps
        if not len(gaps):
            return []
        longest = float(gaps.max()) / DAY
        width = next((w for w in _WIDTHS if longest / w < _MOST_BINS), _WIDTHS[-1])
        counts = np.bincount(gaps // round(width * DAY))
        sums = np.cumsum(counts)
        return [
            {"from_days": i * width, "to_days": (i + 1) * width, "n": n, "share": n / len(gaps),
             "cumulative": int(sums[i]) / len(gaps)}
            for i, n in enumerate(counts.tolist())
        ]  # fmt: skip

    @property
    def marks(self) -> tuple[str, ...]:
        """The times by which shares are given."""
        return MARKS

    @property
    def frame(self) -> pd.DataFrame:
        """One row a bin of intervals, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["from_days", "to_days", "n", "share", "cumulative"])

    @property
    def curve_frame(self) -> pd.DataFrame:
        """The curve from the first order to the second, one row a time, as a pandas frame."""
        import pandas as pd

        points = [] if self.curve is None else self.curve.points()
        return pd.DataFrame(points, columns=["seconds", "converted", "low", "high", "at_risk"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know: of every view that counts so, and of this one."""
        return (*self.rule.warnings_of(self.basis), *self.remarks)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of this view's numbers."""
        found = list(self.missed)
        if self.buying.without_id:
            found.append(
                f"{self.buying.without_id:,} orders have no order id: the purchases of one step are taken as one order"
            )
        if len(self.buying.orders):
            found.append(
                "the intervals seen are too short as a forecast: who has not ordered again yet is not among them; the"
                " Kaplan-Meier curve counts them for as long as they were watched"
            )
        return (*found, *self.observed.warnings(self.rule.counting, periods=False))

    def to_dict(self) -> dict[str, Any]:
        """Return repurchases as JSON has them."""
        curve = None if self.curve is None else {**self.curve.summary(MARKS), "points": self.curve.points()}
        return {
            **self.rule.header(self.basis, self.remarks, "users"),
            "same": self.same,
            **self.observed.to_dict(),
            **self.numbers,
            "by_orders": self.by_orders,
            "distribution": self.rows,
            "second_order": curve,
        }


def repurchase(
    snap: Snapshot, counting: Counting | None = None, *, same: str | None = None, zone: str | None = None
) -> RepurchaseResult:
    """Count who orders again, and after how long.

    Parameters
    ----------
    snap : Snapshot
    counting : Counting, optional
        Which events count; repurchase counts users.
    same : str, optional
        A property of the lines, such as ``"item_id"`` or ``"category"``: intervals are between orders with the same.
    zone : str, optional
        By default that of ``counting``: the IANA name of the shop's time zone, for where the last day ends.

    Returns
    -------
    RepurchaseResult

    Raises
    ------
    CartpathError
        If the property is unknown, or is not one of lines.
    """
    counting = counting or Counting()
    if counting.unit != "users":
        raise CartpathError(f"cannot count {counting.unit!r} here", "repurchase counts users: who orders again")
    return _count(snap, counting, same, zone or counting.time_zone, installed())


@kept
def _count(snap: Snapshot, counting: Counting, same: str | None, zone: str, survival: str | None) -> RepurchaseResult:
    """Count; ``survival`` is the library that makes the curve, as an answer without one is none once it is there."""
    rule, seen = counting.bind(snap), Observed.of(snap, counting, zone)
    found = None if same is None else Properties(snap, zone).find(same)
    if found is not None and found.level != EVENT:
        raise CartpathError(f"{same} is no property of a line of an order", "for example item_id, category or brand")
    purchase = snap.code_of("event", Event.purchase)
    scan = partial(scan_repurchase, rule=rule, purchase=purchase, end=seen.end, found=found)
    basis, buying = engine.run(snap, scan, merge_repurchase)
    missed = [] if purchase >= 0 else ["there is no purchase event, so nobody could order"]
    try:
        curve = kaplan_meier(buying.waited, buying.orders > 1)
    except MissingExtraError as error:
        curve = None
        missed.append(f"no curve of the second order: {error.message} ({error.hint})")
    return RepurchaseResult(buying, curve, same, seen, rule.heading, basis, tuple(missed))
