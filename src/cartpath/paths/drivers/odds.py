"""The tests of drivers: from the counts of a value to its odds ratios, its q-values, and what to beware of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.conditions import NONE
from cartpath.paths.drivers.counts import N_STRATA, Cells, DriverCounts
from cartpath.paths.multiple_testing import false_discovery
from cartpath.paths.odds import mantel_haenszel, odds_ratio, p_values
from cartpath.paths.properties import EVENT, Property

#: Largest q-value of what counts as significant.
LEVEL = 0.05
#: Shares of units, and units in a cell, beyond which a table is skewed.
_RARE, _THIN = 0.02, 5


@dataclass(frozen=True)
class Driver:
    """One event or property value, and the conversion of those with and without it.

    Attributes
    ----------
    kind : str
        ``"event"``, or ``"event property"``, ``"session property"``, ``"user property"``.
    name, value : str
        The property (``event`` for an event) and its value.
    with_, with_converted, without, without_converted : int
        Units that have it, that do not, and how many of them converted.
    rate_with, rate_without : float
    odds_ratio : float
    interval : tuple of float
        Its 95% interval.
    adjusted_odds_ratio : float or None
        Among units with as many steps in the window; None where no such group can say.
    adjusted_interval : tuple of float or None
    p, adjusted_p : float or None
    q, adjusted_q : float or None
        Over all that was tested.
    significant : bool
        Whether both q-values are at most 0.05 and both ratios are on the same side of 1.
    skewed : bool
        Whether the ratio compares (nearly) everyone with (nearly) nobody, or rests on a handful of units.
    skewed_why : str or None
    same_counts_as : str or None
        A driver before this one with the same counts, so probably the same units by another name; ``not …`` where
        those with it are as many as those without that one.
    """

    kind: str
    name: str
    value: str
    with_: int
    with_converted: int
    without: int
    without_converted: int
    rate_with: float
    rate_without: float
    odds_ratio: float
    interval: tuple[float, float]
    adjusted_odds_ratio: float | None
    adjusted_interval: tuple[float, float] | None
    p: float
    adjusted_p: float | None
    q: float
    adjusted_q: float | None
    significant: bool
    skewed: bool
    skewed_why: str | None
    same_counts_as: str | None = None

    @property
    def label(self) -> str:
        """What it is, in words."""
        return self.value if self.kind == EVENT else f"{self.name} = {self.value}"

    @property
    def strength(self) -> float:
        """How far from 1 the ratio is at least, as a logarithm: by the nearer end of the (adjusted) interval."""
        low, high = self.adjusted_interval or self.interval
        return float(np.log(low) if low > 1 else -np.log(high) if high < 1 else 0.0)

    @property
    def effect(self) -> float:
        """The (adjusted) ratio."""
        return self.odds_ratio if self.adjusted_odds_ratio is None else self.adjusted_odds_ratio

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {name.rstrip("_"): list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


class Candidates:
    """Values that may be tested, and why others are not.

    Parameters
    ----------
    min_support, min_conversions : int
    excluded : set of int
        Codes of events.
    """

    def __init__(self, min_support: int, min_conversions: int, excluded: set[int]) -> None:
        self.min_support, self.min_conversions, self.excluded = min_support, min_conversions, excluded
        self.left_out: dict[str, int] = {}
        self._names: list[tuple[str, str, str]] = []
        self._units: list[npt.NDArray[np.int64]] = []
        self._converted: list[npt.NDArray[np.int64]] = []

    def add(self, one: Property, cells: Cells, units: int) -> None:
        """Take the values of a property that enough units have, and enough do not: whatever the outcome."""
        code, place = np.unique(cells.key // N_STRATA, return_inverse=True)
        if not code.any():
            return  # nobody has a value
        with_ = np.bincount(place, cells.units, len(code)).astype(np.int64)
        barred = np.isin(code - 1, list(self.excluded)) & (one.name == EVENT)
        few, most = with_ < self.min_support, units - with_ < self.min_support
        for why, which in (
            ("excluded", barred),
            ("too_few_with", few & ~barred),
            ("too_few_without", most & ~few & ~barred),
        ):
            self._skip(why, int(which.sum()))
        row = np.full(len(code), -1)
        kept = np.flatnonzero(~(barred | few | most))
        row[kept] = np.arange(len(kept))
        here = row[place] >= 0
        for found, values in ((self._units, cells.units), (self._converted, cells.converted)):
            table = np.zeros((len(kept), N_STRATA), np.int64)
            table[row[place[here]], cells.key[here] % N_STRATA] = values[here]
            found.append(table)
        kind = EVENT if one.name == EVENT else f"{one.level} property"
        self._names += [(kind, one.name, NONE if c == 0 else one.labels[c - 1]) for c in code[kept].tolist()]

    def _skip(self, why: str, n: int) -> None:
        if n:
            self.left_out[why] = self.left_out.get(why, 0) + n

    def test(self, counts: DriverCounts) -> list[Driver]:
        """Return what was tested, best first."""
        units, hits = int(counts.units.sum()), int(counts.converted.sum())
        if min(hits, units - hits) < self.min_conversions:
            self._skip("too_few_conversions", len(self._names))
            return []
        if not self._names:
            return []
        with_, with_converted = np.concatenate(self._units), np.concatenate(self._converted)
        strata = (with_, with_converted, counts.units - with_, counts.converted - with_converted)
        crude = tuple(part.sum(axis=-1) for part in strata)
        ratio, adjusted, p = odds_ratio(*crude), mantel_haenszel(*strata), p_values(*crude)
        tests = np.stack([p, false_discovery(p), adjusted[:, 3], false_discovery(adjusted[:, 3])], axis=-1)
        rows = zip(self._names, np.stack(crude, axis=-1).tolist(), ratio, adjusted, tests, strict=True)
        found = [_driver(*row) for row in rows]
        return _same(sorted(found, key=lambda d: (not d.significant, -d.strength, d.p, d.kind, d.name, d.value)))


def _same(drivers: Sequence[Driver]) -> list[Driver]:
    """Say of each driver whether one before it has the same counts, or the same the other way round."""
    first: dict[tuple[int, int], str] = {}
    found = []
    for driver in drivers:
        opposite = first.get((driver.without, driver.without_converted))
        before = first.get((driver.with_, driver.with_converted))
        before = before or (None if opposite is None else f"not {opposite}")
        if before is None:
            first[driver.with_, driver.with_converted] = driver.label
        found.append(replace(driver, same_counts_as=before))
    return found


def _driver(
    names: tuple[str, str, str],
    crude: list[int],
    ratio: npt.NDArray[np.float64],
    adjusted: npt.NDArray[np.float64],
    tests: npt.NDArray[np.float64],
) -> Driver:
    with_, with_converted, without, without_converted = crude
    effect, low, high = ratio.tolist()
    p, q, adjusted_p, adjusted_q = tests.tolist()
    own, own_low, own_high = adjusted[:3].tolist()
    is_known = own == own
    why = _skewed(crude)
    return Driver(
        *names,
        with_,
        with_converted,
        without,
        without_converted,
        with_converted / with_,
        without_converted / without,
        effect,
        (low, high),
        own if is_known else None,
        (own_low, own_high) if is_known else None,
        p,
        adjusted_p if adjusted_p == adjusted_p else None,
        q,
        adjusted_q if adjusted_q == adjusted_q else None,
        is_known and (own > 1) == (effect > 1) and max(q, adjusted_q) <= LEVEL,
        why is not None,
        why,
    )


def _skewed(crude: Sequence[int]) -> str | None:
    """Say why an odds ratio should be read with care, None where it need not be.

    Examples
    --------
    >>> _skewed([100, 20, 100, 10]), _skewed([10, 6, 990, 100]), _skewed([500, 60, 500, 2])
    (None, 'hardly anyone has it', 'fewer than 5 converted without it')
    """
    with_, with_converted, without, without_converted = crude
    share = with_ / (with_ + without)
    if share < _RARE:
        return "hardly anyone has it"
    if share > 1 - _RARE:
        return "nearly everyone has it"
    cells = (
        (without_converted, "converted without it"),
        (with_converted, "converted with it"),
        (with_ - with_converted, "with it did not convert"),
        (without - without_converted, "without it did not convert"),
    )
    return next((f"fewer than {_THIN} {what}" for n, what in cells if n < _THIN), None)
