"""Count a funnel over a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from cartpath import engine
from cartpath.paths.counting import Counting
from cartpath.paths.funnel.asking import plan
from cartpath.paths.funnel.breakdown import group_rows, taken_at
from cartpath.paths.funnel.instead import instead_rows
from cartpath.paths.funnel.plan import NO_WINDOW, FunnelPlan
from cartpath.paths.funnel.result import Breakdowns, FunnelResult
from cartpath.paths.funnel.scan import FunnelCounts, merge_funnel, scan_funnel
from cartpath.paths.funnel.trend import trend_rows
from cartpath.paths.rule import Rule
from cartpath.schema import MICROSECONDS, CartpathError
from cartpath.store import Snapshot
from cartpath.store.answers import kept

#: The tables that a funnel has.
SHOWN = ("steps", "by", "trend", "times", "instead")

_ALL = Counting()


@kept
def funnel(
    snap: Snapshot,
    steps: str | Sequence[str],
    within: str | None = None,
    counting: Counting = _ALL,
    *,
    order: str = "loose",
    exclude: str | Sequence[str] | None = None,
    hold: str | None = None,
    by: str | None = None,
    trend: str | None = None,
    top: int = 10,
    show: str | None = None,
) -> FunnelResult:
    """Count how many get through steps.

    Parameters
    ----------
    snap : Snapshot
    steps : str or sequence of str
        Steps in order, a name may repeat: ``"view[category=shoes],add_to_cart,checkout|purchase"``.
    within : str, optional
        Longest time from the first step to the last, such as ``"7d"``, or ``"session"``; None is no limit.
    counting : Counting
        Of ``"users"``, ``"sessions"`` or ``"entries"``.
    order : str
        ``"loose"``: other events may lie between; ``"strict"``: nothing in between; ``"any"``: whichever order.
    exclude : str or sequence of str, optional
        Events that may not lie between the first step and the last.
    hold : str, optional
        A property that must be the same at all steps, such as ``"item_id"``.
    by : str, optional
        A property, and the step at whose event it is taken: ``"device"``, ``"category@last"``, ``"page@2"``.
    trend : str, optional
        ``"day"``, ``"week"`` or ``"month"``.
    top : int
        Values of ``by``, and events in ``instead``, that stand for themselves; the rest is ``(other)``.
    show : str, optional
        Which table ``frame`` is, and the figure: ``"steps"``, ``"by"``, ``"trend"``, ``"times"`` or ``"instead"``; by
        default the breakdown where there is one, then the trend, then the steps.

    Returns
    -------
    FunnelResult

    Raises
    ------
    CartpathError
        If something cannot be read or is unknown.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> store.init(folder)
    >>> with store.open_snapshot(folder) as snap:
    ...     funnel(snap, "view,purchase", within="7d").counts
    (0, 0)
    """
    scheme = plan(
        snap, steps, within, unit=counting.unit, order=order, exclude=exclude, hold=hold, by=by, trend=trend,
        time_zone=counting.time_zone,
    )  # fmt: skip
    shown = _shown(show, by, trend)
    rule = counting.bind(snap)
    scan = partial(scan_funnel, rule=rule, plan=scheme)
    counts = engine.run(snap, scan, partial(merge_funnel, n_steps=scheme.n_steps))
    return replace(result_of(counts, scheme, rule, snap.codes("event"), top), shown=shown)


def _shown(show: str | None, by: str | None, trend: str | None) -> str:
    if show is None:
        return "by" if by else "trend" if trend else "steps"
    there = [name for name in SHOWN if {"by": by, "trend": trend}.get(name, True)]
    if show not in there:
        raise CartpathError(
            f"there is no {show!r} to show", f"one of: {', '.join(there)}; by and trend with their option"
        )
    return show


def result_of(counts: FunnelCounts, scheme: FunnelPlan, rule: Rule, names: Sequence[str], top: int) -> FunnelResult:
    """Put what was counted into words and tables."""
    steps = tuple(str(step) for step in scheme.steps)
    header = rule.header(counts.basis, (*scheme.warnings, *_ties(counts, scheme)))
    header.pop("steps")  # the number of steps counted; a funnel's steps are something else
    return FunnelResult(
        steps,
        tuple(int(n) for n in counts.reached),
        counts.units,
        rule.counting,
        None if scheme.window == NO_WINDOW else scheme.window // MICROSECONDS,
        tuple(header["warnings"]),
        {
            "order": scheme.order,
            "within_session": scheme.lane_unit == "sessions",
            "exclude": [str(step) for step in scheme.excluded],
            "hold": None if scheme.hold is None else scheme.hold.name,
        },
        {**header, "units": counts.units, "ties": {**header["ties"], f"funnel_{scheme.lane_unit}": counts.tied}},
        counts.durations,
        instead_rows(counts.after, names, steps, top),
        _parts(counts, scheme, steps, top),
    )


def _parts(counts: FunnelCounts, scheme: FunnelPlan, steps: Sequence[str], top: int) -> Breakdowns:
    by, trend = scheme.breakdown, scheme.trend
    return Breakdowns(
        by.property.name if by else None,
        taken_at(by, steps) if by else None,
        group_rows(counts.groups, by, top) if by and counts.groups else [],
        None if trend is None else trend.unit,
        trend_rows(counts.periods, trend, scheme.window, counts.last_ts) if trend and counts.periods else [],
    )


def _ties(counts: FunnelCounts, scheme: FunnelPlan) -> list[str]:
    if not counts.tied:
        return []
    paths = getattr(counts.basis, scheme.lane_unit)
    return [
        f"{counts.tied:,} of {paths:,} {scheme.lane_unit} have different events of this funnel at the same moment;"
        " which of them comes first is the order of the source alone"
    ]
