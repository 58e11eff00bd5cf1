"""What goes with a conversion: for each event and property value how the odds of converting differ, and how surely.

It is correlation. What is done here against the usual ways of fooling oneself: behaviour counts only in a window that
is the same for all, before the outcome; the active are compared with the active; what few did is left out by margins
that do not look at the outcome; and q-values say how much of what is shown is there by chance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.conditions import NONE, parse_step
from cartpath.paths.counting import Counting, wilson
from cartpath.paths.driver_counts import (
    BEFORE,
    LEFT_OUT,
    N_STRATA,
    STEPS,
    TIME,
    Cells,
    DriverCounts,
    Window,
    merge_drivers,
    scan_drivers,
)
from cartpath.paths.matching import match
from cartpath.paths.names import codes_of
from cartpath.paths.odds import false_discovery, mantel_haenszel, odds_ratio, p_values
from cartpath.paths.properties import EVENT, Properties, Property
from cartpath.schema import CODED_CONTEXT, CONTEXT, MICROSECONDS, CartpathError, Columns, seconds
from cartpath.store import Snapshot
from cartpath.store.answers import kept

if TYPE_CHECKING:
    import pandas as pd

#: The window that is used unless another is asked for.
WITHIN = "10 steps"
#: The window that is all of the path before the conversion.
PATH = "path"
#: Largest q-value of what counts as significant.
LEVEL = 0.05
#: Shares of units, and units in a cell, beyond which a table is skewed.
_RARE, _THIN = 0.02, 5

_NOTE = (
    "Correlation, not cause: who did this converted more or less often than who did not; perhaps because of it,"
    " perhaps because of who they are."
)


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


@dataclass(frozen=True)
class DriversResult:
    """What goes with a conversion.

    Attributes
    ----------
    header : mapping
        What was counted, of all units, whether they are compared or not.
    goal : str
    within : str
        The window, as it was asked for.
    follow : str or None
        How long after it conversion counts.
    units, conversions : int
        Users or sessions that are compared, and those of them that converted.
    left_out : dict
        ``units`` that are not compared and ``candidates`` (values) that are not tested, by the reason.
    drivers : tuple of Driver
        All that was tested: significant ones first, then by ``Driver.strength``.
    """

    header: Mapping[str, Any]
    goal: str
    within: str
    follow: str | None
    units: int
    conversions: int
    left_out: dict[str, dict[str, int]]
    drivers: tuple[Driver, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know first."""
        return tuple(self.header["warnings"])

    @property
    def note(self) -> str:
        """What the numbers are not, and what they are of."""
        return f"{_NOTE} {_words(self.within, self.follow, self.header['count'])}"

    @property
    def frame(self) -> pd.DataFrame:
        """One row a driver, as a pandas frame; interval ends are columns of their own."""
        import pandas as pd

        rows = []
        for driver in self.drivers:
            row = {"label": driver.label, **driver.to_dict()}
            for name in ("interval", "adjusted_interval"):
                row[f"{name}_low"], row[f"{name}_high"] = row.pop(name) or (None, None)
            rows.append(row)
        return pd.DataFrame(rows, columns=_COLUMNS)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        found = wilson(self.conversions, self.units)
        return {
            **self.header,
            "goal": self.goal,
            "within": self.within,
            "follow": self.follow,
            "units": self.units,
            "conversions": self.conversions,
            "rate": self.conversions / self.units if self.units else None,
            "interval": None if found is None else list(found),
            "tested": len(self.drivers),
            "left_out": self.left_out,
            "drivers": [driver.to_dict() for driver in self.drivers],
            "note": self.note,
        }


_FIELDS = [name.rstrip("_") for name in Driver.__dataclass_fields__ if not name.endswith("interval")]
_ENDS = [f"{name}_{end}" for name in ("interval", "adjusted_interval") for end in ("low", "high")]
_COLUMNS = ["label", *_FIELDS, *_ENDS]


@kept
def drivers(
    snap: Snapshot,
    goal: str,
    counting: Counting | None = None,
    *,
    within: str = WITHIN,
    follow: str | None = None,
    of: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    min_support: int = 50,
    min_conversions: int = 10,
) -> DriversResult:
    """Compare those who converted with those who did not.

    Parameters
    ----------
    snap : Snapshot
    goal : str
        The conversion, such as ``"purchase"`` or ``"purchase[order_value>50]"``.
    counting : Counting, optional
        Units are its users or sessions.
    within : str
        Whose behaviour counts: ``"10 steps"`` (the first of each unit, conversion after them), ``"1h"`` (likewise), or
        ``"path"`` (everything before the conversion, of the others the whole path).
    follow : str, optional
        How long after the window conversion counts, such as ``"7d"``; who cannot be followed for so long is left out.
        By default for ever, though who came late has less of it.
    of : sequence of str, optional
        Properties whose values are compared; by default events, categories, the context of the session (of a user's
        first), and the columns of the user table.
    exclude : sequence of str
        Events that are not compared, such as the steps on the way to the goal.
    min_support : int
        Least units with a value, and without it.
    min_conversions : int
        Least units that convert, and that do not.

    Returns
    -------
    DriversResult

    Raises
    ------
    CartpathError
        If the goal, the window or a property cannot be read.
    """
    counting = counting or Counting()
    window = _window(within, follow)
    if min_support < 1 or min_conversions < 1:
        raise CartpathError("least support and least conversions are whole numbers from 1")
    matcher = match(snap, [parse_step(goal)])
    rule = counting.bind(snap)
    properties = [Properties(snap).find(name) for name in of or _usual(snap)]
    last = min(snap.totals.last_ts or 0, counting.until - 1)
    scan = partial(scan_drivers, rule=rule, goal=matcher, window=window, properties=properties, last=last)
    counts = engine.run(snap, scan, merge_drivers)
    names, missed = codes_of(list(exclude), snap.codes("event"))
    found = _Candidates(min_support, min_conversions, set(names))
    for one, cells in zip(properties, counts.cells, strict=True):
        found.add(one, cells, int(counts.units.sum()))
    tested = found.test(counts)
    warnings = [*matcher.warnings, *missed, *_warnings(counts, found, goal, counting.unit)]
    units, hits = int(counts.units.sum()), int(counts.converted.sum())
    reasons = {why: n for why, n in zip(LEFT_OUT, counts.left_out.tolist(), strict=True) if n}
    left_out = {"units": reasons, "candidates": found.left_out}
    header = rule.header(counts.basis, warnings)
    return DriversResult(header, goal, within, follow, units, hits, left_out, tuple(tested))


def _usual(snap: Snapshot) -> list[str]:
    """Return the properties that are compared unless others are asked for."""
    known = Properties(snap).names
    users = [name for name in snap.users.column_names if name != Columns.user_id]
    context = [name for name in CONTEXT if name not in CODED_CONTEXT or snap.codes(name)]
    return [name for name in dict.fromkeys([EVENT, Columns.category, *context, *users]) if name in known]


def _window(within: str, follow: str | None = None) -> Window:
    """Read a window, and how long conversion counts after it.

    Examples
    --------
    >>> [_window(text) for text in ("10 steps", "1h", "path")] == [
    ...     Window(STEPS, 10), Window(TIME, 3_600_000_000), Window(BEFORE)]
    True
    """
    for_ = 0 if follow is None else seconds(follow) * MICROSECONDS
    if within.strip() == PATH:
        if follow is not None:
            raise CartpathError(f"nothing follows on the window {PATH!r}", f"write --within '{WITHIN}' or a duration")
        return Window(BEFORE)
    steps = re.fullmatch(r"\s*(\d+)\s*steps?\s*", within)
    if steps and int(steps[1]):
        return Window(STEPS, int(steps[1]), for_)
    try:
        return Window(TIME, seconds(within) * MICROSECONDS, for_)
    except CartpathError:
        raise CartpathError(
            f"cannot read the window {within!r}", "write 10 steps, a duration such as 1h, or path"
        ) from None


def _words(within: str, follow: str | None, unit: str) -> str:
    for_ = "conversion counts after" if follow is None else f"conversion counts for {follow} after"
    window = _window(within)
    if window.kind == BEFORE:
        return (
            f"Counted is what {unit} did before their first conversion, and all that those did who never converted. So"
            " who converted late, or not at all, had more time to do anything (immortal time), and converters did what"
            f" leads to conversion anyway. A window that is the same for all is sounder: {WITHIN}."
        )
    if window.kind == STEPS:
        return (
            f"Counted is what {unit} did in their first {within}; {for_} them. {unit.capitalize()}"
            " with fewer steps, or that converted within them, are left out, so all had the same room to do anything."
        )
    return (
        f"Counted is what {unit} did within {within} of their first event; {for_} that. Left out are"
        f" {unit} that converted within it, or that came too late to be followed. The adjusted ratio"
        " compares those with as many steps in it."
    )


def _warnings(counts: DriverCounts, found: _Candidates, goal: str, unit: str) -> list[str]:
    units, hits = int(counts.units.sum()), int(counts.converted.sum())
    if not units:
        return [f"no {unit} are left to compare: see left_out; another --within leaves others out"]
    if min(hits, units - hits) < found.min_conversions:
        return [
            f"{hits:,} of {units:,} {unit} reached {goal}: too few did, or too few did not, to compare them"
            f" (at least {found.min_conversions:,} of each)"
        ]
    return []


class _Candidates:
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
