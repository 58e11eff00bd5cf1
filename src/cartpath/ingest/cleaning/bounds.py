"""What lies too far out: bounds fitted on observed values, for all of them or around each item's own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.config import OutlierSettings
from cartpath.ingest.cleaning import statistics as s
from cartpath.ingest.cleaning.observed import Observed

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: A lower bound that nothing is below; JSON has no infinity.
UNBOUNDED = -1e9
#: An item is compared with itself from this many observed values on.
ENOUGH = 5


@dataclass(frozen=True)
class Bounds:
    """From where to where values of a column are in order, on the scale they are judged on.

    Attributes
    ----------
    scale : {"log", "linear"}
        ``log``: the natural logarithm of the size.
    low, high : float
        For items without bounds of their own.
    centre : dict of int to float
        Centre of each item that has enough values.
    item_low, item_high : float
        Bounds of such an item, from its centre.
    """

    scale: str
    low: float
    high: float
    centre: dict[int, float]
    item_low: float
    item_high: float

    def of(self, item: Array) -> tuple[Floats, Floats]:
        """Return the lower and the upper bound of events by their items (n,)."""
        codes = np.fromiter(self.centre, np.int64, len(self.centre))
        size = int(max(codes.max(initial=-1), item.max(initial=-1))) + 2
        centre = np.full(size, np.nan)
        centre[codes] = np.fromiter(self.centre.values(), np.float64, len(self.centre))
        own = centre[item]  # the last place is that of -1
        known = ~np.isnan(own)
        low, high = np.where(known, own + self.item_low, self.low), np.where(known, own + self.item_high, self.high)
        return low, high

    def outside(self, item: Array, value: Floats) -> Bools:
        """Mark values (n,) that are out of bounds; what cannot be judged (NaN, or 0 on a log scale) is not."""
        low, high = self.of(item)
        judged = scaled(value, self.scale)
        with np.errstate(invalid="ignore"):
            found: Bools = (judged < low) | (judged > high)
        return found

    def clipped(self, item: Array, value: Floats) -> Floats:
        """Move values (n,) to the nearest bound; what cannot be judged stays."""
        low, high = self.of(item)
        judged = scaled(value, self.scale)
        moved = np.clip(judged, low, high)
        if self.scale == "log":
            moved = np.copysign(np.exp(moved), value)
        return np.where(self.outside(item, value), moved, value)

    @property
    def range(self) -> tuple[float, float]:
        """The bounds as values, for items without bounds of their own; of the size on a log scale."""
        if self.scale == "linear":
            return self.low, self.high
        return float(np.exp(self.low)), float(np.exp(self.high))

    def to_dict(self) -> dict[str, Any]:
        """Return the bounds as JSON has them."""
        return asdict(self) | {"centre": [list(self.centre), list(self.centre.values())]}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Bounds:
        """Read back what ``to_dict`` gave."""
        return cls(**{**found, "centre": dict(zip(*found["centre"], strict=True))})


def scaled(value: Floats, scale: str) -> Floats:
    """Put values on the scale they are judged on; NaN where they have no place there."""
    if scale == "linear":
        return value
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.log(np.abs(value))
    return np.where(np.isfinite(size), size, np.nan)


def fit_bounds(found: Observed, rule: OutlierSettings, least: float, *, above_only: bool = False) -> Bounds | None:
    """Fit bounds on observed values, None where there are too few.

    Parameters
    ----------
    found : Observed
    rule : OutlierSettings
    least : float
        The smallest spread that counts, on the log scale: as many parts of the size. On the linear scale, such parts
        of the median.
    above_only : bool
        Whether no value is too small.
    """
    x = scaled(found.value, rule.scale)
    found, x = found.select(~np.isnan(x)), x[~np.isnan(x)]
    if found.total < ENOUGH:
        return None
    if rule.scale == "linear":
        least *= abs(s.median(x, found.count))
    low, high = _fences(x, found.count, rule, least)
    if above_only:
        low = UNBOUNDED
    if rule.by == "all":
        return Bounds(rule.scale, low, high, {}, 0.0, 0.0)
    centre, away, count = _by_item(found, x, rule)
    around = _fences(away, count, rule, least) if len(away) else (0.0, 0.0)
    return Bounds(rule.scale, low, high, centre, *around)


def _by_item(found: Observed, x: Floats, rule: OutlierSettings) -> tuple[dict[int, float], Floats, s.Ints]:
    """Return the centre of each item with enough values, and how far the values of those items are from it."""
    order = np.lexsort((x, found.item))
    item, x, count = found.item[order], x[order], found.count[order]
    codes, begin = s.spans(item)
    centres = (s.group_means if rule.method == "zscore" else s.group_medians)(x, count, begin)
    enough = (codes >= 0) & (s.group_sums(count, begin) >= ENOUGH)
    row = np.repeat(np.arange(len(codes)), np.diff(begin))
    own = enough[row]
    centre = dict(zip(codes[enough].tolist(), centres[enough].tolist(), strict=True))
    return centre, (x - centres[row])[own], count[own]


def _fences(x: Floats, count: s.Ints, rule: OutlierSettings, least: float) -> tuple[float, float]:
    limit = rule.bound
    if rule.method == "iqr":
        low, high = s.quantile(x, count, 0.25), s.quantile(x, count, 0.75)
        reach = limit * max(high - low, s.IQR_OF_NORMAL * least)
        return low - reach, high + reach
    robust = rule.method == "robust_z"
    middle = (s.median if robust else s.mean)(x, count)
    reach = limit * max((s.robust_deviation if robust else s.deviation)(x, count), least)
    return middle - reach, middle + reach
