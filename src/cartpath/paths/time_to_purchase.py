"""Time to purchase: what share has bought by when, as a Kaplan-Meier curve, and whether groups differ.

A user's clock starts at their first start event and stops at the first goal event from there on in path order; a goal
in the very start event stops it at 0. Who has no goal is followed to the end of what is watched, not to their own last
event: somebody who does not come back does not buy either.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from cartpath import engine
from cartpath.paths.conditions import ANY, parse_steps
from cartpath.paths.counted import Basis
from cartpath.paths.counting import Counting
from cartpath.paths.durations import Durations, merge_durations, scan_durations
from cartpath.paths.log_rank import Difference, log_rank, pairwise
from cartpath.paths.matching import match
from cartpath.paths.observed import Observed
from cartpath.paths.properties import Properties
from cartpath.paths.property_groups import Groups, count_codes, property_name
from cartpath.paths.rule import Heading
from cartpath.paths.survival import FEW, Curve, kaplan_meier, need
from cartpath.schema import MICROSECONDS, CartpathError, Event, iso
from cartpath.store import Snapshot
from cartpath.store.answers import kept

if TYPE_CHECKING:
    import pandas as pd


UNITS = ("users", "sessions")
MARKS = ("1h", "1d", "7d", "30d")


@dataclass(frozen=True)
class TimeToPurchaseResult:
    """Kaplan-Meier curves.

    Attributes
    ----------
    curve : Curve
        Of all.
    groups : tuple of (str, Curve)
        Of the groups, the largest first.
    overall : Difference or None
        Log-rank test between all groups but ``(other)``.
    pairs : tuple of Difference
        Log-rank test of each pair of them, corrected after Holm.
    events : tuple of str
        Start and goal.
    by : str or None
    merged : int
        Values that are in ``(other)``.
    observed : Observed
    rule : Heading
    basis : Basis
    missed : tuple of str
        Warnings of events that were never seen.
    """

    curve: Curve
    groups: tuple[tuple[str, Curve], ...]
    overall: Difference | None
    pairs: tuple[Difference, ...]
    events: tuple[str, str]
    by: str | None
    merged: int
    observed: Observed
    rule: Heading
    basis: Basis
    missed: tuple[str, ...] = ()

    @cached_property
    def curves(self) -> list[tuple[str, Curve]]:
        """``all``, then the groups."""
        return [("all", self.curve), *self.groups]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One record for all and one a group: what ``Curve.summary`` says, and the times of those who converted.

        ``median_of_converted`` and ``p90_of_converted`` are seconds; they know nothing of who has not converted.
        """
        return [{"group": name, **curve.summary(MARKS), **_of_converted(curve)} for name, curve in self.curves]

    @property
    def marks(self) -> tuple[str, ...]:
        """The times by which shares are given."""
        return MARKS

    @property
    def frame(self) -> pd.DataFrame:
        """The curves, one row a group and time: ``group seconds converted low high at_risk``."""
        import pandas as pd

        rows = [{"group": name, **point} for name, curve in self.curves for point in curve.points()]
        return pd.DataFrame(rows, columns=["group", "seconds", "converted", "low", "high", "at_risk"])

    @cached_property
    def horizon(self) -> int:
        """How far curves are drawn, microseconds: well beyond nearly all conversions, or to the end of the log."""
        if not self.curve.converted:
            return self.curve.longest
        return min(self.curve.longest, max(MICROSECONDS, round(3 * self.curve.of_converted([0.99])[0])))

    @property
    def drawn_frame(self) -> pd.DataFrame:
        """The curves as far as they are drawn."""
        end = self.horizon / MICROSECONDS
        frame = self.frame
        last = [{"group": name, "seconds": end, **curve.at(self.horizon)} for name, curve in self.curves]
        rows = [row for row in frame.to_dict("records") if row["seconds"] < end] + last
        return type(frame)(rows, columns=frame.columns)

    @property
    def risk_frame(self) -> pd.DataFrame:
        """How many are still followed and have not converted, at even times: ``group seconds at_risk``."""
        import pandas as pd

        rows = [{"group": name, **row} for name, curve in self.curves for row in curve.numbers_at_risk(self.horizon)]
        return pd.DataFrame(rows, columns=["group", "seconds", "at_risk"])

    @property
    def what(self) -> str:
        """What those who converted did, as a label says it."""
        return "have purchased" if self.events[1] == Event.purchase else f"have reached {self.events[1]}"

    @property
    def note(self) -> str:
        """What stands below the curves: the test, or how long is followed who does not convert."""
        cut = self.horizon < self.curve.longest
        rest = "; the curves go on beyond what is drawn." if cut else "."
        return self.test_words or f"Who has not is followed to the end of the log, {iso(self.observed.end)[:10]}{rest}"

    @property
    def test_words(self) -> str:
        """What the log-rank test says, as a sentence; empty where nothing was tested."""
        if self.overall is None:
            return ""
        test, found = self.overall, [pair for pair in self.pairs if pair.adjusted < 0.05]
        p_value = "p < 0.0001" if test.p_value < 0.0001 else f"p = {test.p_value:.2g}"
        return (
            f"Log-rank test of {len(test.groups)} groups: chi-squared {test.statistic:,.1f} with {test.degrees} degrees"
            f" of freedom, {p_value}; {len(found)} of {len(self.pairs)} pairs differ (p < 0.05 after Holm)."
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know: of every view that counts so, and of this one."""
        return (*self.rule.warnings_of(self.basis), *self.remarks)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of this view's numbers."""
        found = list(self.missed)
        few = [name for name, curve in self.groups if curve.few]
        if few:
            found.append(f"fewer than {FEW} conversions, so little can be said of: {', '.join(few)}")
        return (*found, *self.observed.warnings(self.rule.counting, periods=False))

    def to_dict(self) -> dict[str, Any]:
        """Return the curves as JSON has them."""
        rows = [{**row, "points": curve.points()} for row, (_, curve) in zip(self.rows, self.curves, strict=True)]
        return {
            **self.rule.header(self.basis, self.remarks),
            "start": self.events[0],
            "goal": self.events[1],
            **self.observed.to_dict(),
            "censoring": "who has not converted is followed to observed_until",
            "started": self.curve.n,
            **{name: value for name, value in rows[0].items() if name not in ("group", "n")},
            "by": self.by,
            "groups": rows[1:],
            "groups_merged": self.merged,
            "log_rank": None if self.overall is None else self.overall.to_dict(),
            "pairs": [pair.to_dict() for pair in self.pairs],
        }


def _of_converted(curve: Curve) -> dict[str, Any]:
    if not curve.converted:
        return {"median_of_converted": None, "p90_of_converted": None}
    median, p90 = curve.of_converted([0.5, 0.9])
    return {"median_of_converted": median / MICROSECONDS, "p90_of_converted": p90 / MICROSECONDS}


@kept
def time_to_purchase(
    snap: Snapshot,
    counting: Counting | None = None,
    *,
    start: str = ANY,
    goal: str = Event.purchase,
    by: str | None = None,
    top: int = 5,
    zone: str | None = None,
) -> TimeToPurchaseResult:
    """Estimate what share has converted by when.

    Parameters
    ----------
    snap : Snapshot
    counting : Counting, optional
        Which events count, and whether users or sessions do. Of a session only goals in that session are seen.
    start : str
        The event that starts the clock; by default the first that counts.
    goal : str
        The event that stops it.
    by : str, optional
        A property, taken at the start event, to compare groups by.
    top : int
        Groups kept by name; the rest are ``(other)``, which is drawn and not tested.
    zone : str, optional
        By default that of ``counting``: the IANA name of the shop's time zone, for where the last day ends.

    Returns
    -------
    TimeToPurchaseResult

    Raises
    ------
    MissingExtraError
        If lifelines is not installed.
    CartpathError
        If a pattern or property is unknown.
    """
    counting = counting or Counting()
    if counting.unit not in UNITS:
        raise CartpathError(f"cannot count {counting.unit!r} here", f"count one of: {', '.join(UNITS)}")
    if top < 1:
        raise CartpathError("top must be a whole number from 1")
    need()
    zone = zone or counting.time_zone
    rule, seen = counting.bind(snap), Observed.of(snap, counting, zone)
    steps = (*parse_steps([start]), *parse_steps([goal]))
    matcher = match(snap, steps, zone)
    found = None if by is None else Properties(snap, zone).find(property_name(by))
    scan = partial(scan_durations, rule=rule, matcher=matcher, end=seen.end, found=found)
    basis, durations = engine.run(snap, scan, merge_durations)
    durations = durations.in_order()  # curves and tests look places up in them, which is several times as fast then
    named = (str(steps[0]), str(steps[1]))
    whole = kaplan_meier(durations.waited, durations.converted)
    if found is None:
        return TimeToPurchaseResult(whole, (), None, (), named, None, 0, seen, rule.heading, basis, matcher.warnings)
    groups = Groups.largest(count_codes(durations.code, len(found.labels)), found, top)
    curves, overall, pairs = _compare(durations, groups, top)
    return TimeToPurchaseResult(
        whole, curves, overall, pairs, named, by, groups.merged, seen, rule.heading, basis, matcher.warnings
    )


def _compare(
    durations: Durations, groups: Groups, top: int
) -> tuple[tuple[tuple[str, Curve], ...], Difference | None, tuple[Difference, ...]]:
    group = groups.of(durations.code)
    curves = []
    for i, name in enumerate(groups.names):
        here = group == i
        curves.append((name, kaplan_meier(durations.waited[here], durations.converted[here])))
    tested = group < top
    chosen = (durations.waited[tested], durations.converted[tested], group[tested], groups.names)
    return tuple(curves), log_rank(*chosen), tuple(pairwise(*chosen))
