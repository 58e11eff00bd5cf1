"""What goes with a conversion: for each event and property value how the odds of converting differ, and how surely.

It is correlation. What is done here against the usual ways of fooling oneself: behaviour counts only in a window that
is the same for all, before the outcome; the active are compared with the active; what few did is left out by margins
that do not look at the outcome; and q-values say how much of what is shown is there by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cartpath import engine
from cartpath.paths.conditions import parse_step
from cartpath.paths.counting import Counting, wilson
from cartpath.paths.drivers.counts import DriverCounts, merge_drivers, scan_drivers
from cartpath.paths.drivers.odds import Candidates, Driver
from cartpath.paths.drivers.windows import LEFT_OUT, WITHIN, read_window, words_of
from cartpath.paths.matching import match
from cartpath.paths.names import codes_of
from cartpath.paths.properties import EVENT, Properties
from cartpath.schema import CODED_CONTEXT, CONTEXT, CartpathError, Columns
from cartpath.store import Snapshot
from cartpath.store.answers import kept

if TYPE_CHECKING:
    import pandas as pd

_NOTE = (
    "Correlation, not cause: who did this converted more or less often than who did not; perhaps because of it,"
    " perhaps because of who they are."
)


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
        return f"{_NOTE} {words_of(self.within, self.follow, self.header['count'])}"

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
    window = read_window(within, follow)
    if min_support < 1 or min_conversions < 1:
        raise CartpathError("least support and least conversions are whole numbers from 1")
    matcher = match(snap, [parse_step(goal)], counting.time_zone)
    rule = counting.bind(snap)
    properties = [Properties(snap, counting.time_zone).find(name) for name in of or _usual(snap)]
    last = min(snap.totals.last_ts or 0, counting.until - 1)
    scan = partial(scan_drivers, rule=rule, goal=matcher, window=window, properties=properties, last=last)
    counts = engine.run(snap, scan, merge_drivers)
    names, missed = codes_of(list(exclude), snap.codes("event"))
    found = Candidates(min_support, min_conversions, set(names))
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


def _warnings(counts: DriverCounts, found: Candidates, goal: str, unit: str) -> list[str]:
    units, hits = int(counts.units.sum()), int(counts.converted.sum())
    if not units:
        return [f"no {unit} are left to compare: see left_out; another --within leaves others out"]
    if min(hits, units - hits) < found.min_conversions:
        return [
            f"{hits:,} of {units:,} {unit} reached {goal}: too few did, or too few did not, to compare them"
            f" (at least {found.min_conversions:,} of each)"
        ]
    return []
