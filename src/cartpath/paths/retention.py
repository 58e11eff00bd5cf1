"""Retention: who of those that started in a day, week or month comes back in the periods after it.

A user belongs to the period of their first start event, their cohort. A return is an event after it in path order, of
another step: the lines of one order are no return. Period 0 is the cohort's own, in which a return means again.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.cohorts import MODES, CohortCounts, RetentionResult
from cartpath.paths.conditions import ANY, parse_steps
from cartpath.paths.counting import Counting
from cartpath.paths.matching import Matcher, match
from cartpath.paths.observed import Observed
from cartpath.paths.orders import Orders
from cartpath.paths.properties import Properties, Property
from cartpath.paths.property_groups import Groups, property_name
from cartpath.paths.retention_scan import RetentionPlan, merge_retention, scan_retention, scan_starts
from cartpath.paths.rule import Rule
from cartpath.schema import CartpathError, Event
from cartpath.store import Snapshot
from cartpath.store.answers import kept

Ints = npt.NDArray[np.int64]


#: How many periods after the cohort's own are counted, where nothing is said.
SPAN = {"day": 30, "week": 12, "month": 12}


@kept
def retention(
    snap: Snapshot,
    counting: Counting | None = None,
    *,
    start: str = ANY,
    back: str = ANY,
    cohort: str = "week",
    mode: str = "classic",
    periods: int | None = None,
    by: str | None = None,
    top: int = 5,
    zone: str | None = None,
) -> RetentionResult:
    """Count who comes back, by cohort.

    Parameters
    ----------
    snap : Snapshot
    counting : Counting, optional
        Which events count; retention counts users.
    start : str
        The event that begins a user's time, such as ``"purchase"``; by default the first that counts.
    back : str
        The event that is a return; by default any.
    cohort : str
        ``"day"``, ``"week"`` or ``"month"``.
    mode : str
        ``"classic"``: back in that very period. ``"unbounded"`` (rolling): back in that period or later.
    periods : int, optional
        How many periods after the cohort's own; by default 30 days, 12 weeks or 12 months.
    by : str, optional
        A property, taken at the start event, to part users by.
    top : int
        Groups kept by name; the rest are ``(other)``.
    zone : str, optional
        By default that of ``counting``: the IANA name of the time zone in which periods begin.

    Returns
    -------
    RetentionResult

    Raises
    ------
    CartpathError
        If a pattern, period, mode, property or zone is unknown.
    """
    counting = counting or Counting()
    _check(counting, mode, periods, top)
    zone = zone or counting.time_zone
    rule, seen = counting.bind(snap), Observed.of(snap, counting, zone)
    calendar = seen.calendar(cohort)
    most = min(SPAN[cohort] if periods is None else periods, len(calendar) - 1)
    steps = (*parse_steps([start]), *parse_steps([back]))
    matcher = match(snap, steps, zone)
    found = None if by is None else Properties(snap, zone).find(property_name(by))
    groups = Groups.one() if found is None else _groups(snap, rule, matcher, found, top)
    purchase = snap.code_of("event", Event.purchase)
    plan = RetentionPlan(matcher, calendar.edges, most, purchase, found, groups)
    basis, counts, orders = engine.run(snap, partial(scan_retention, rule=rule, plan=plan), merge_retention)
    revenue = _revenue(orders, calendar.edges, counts)
    named = (str(steps[0]), str(steps[1]))
    told = (rule.heading, basis, mode, named, by, groups.called, matcher.warnings)
    return RetentionResult(counts, revenue, calendar, seen, *told)


def _check(counting: Counting, mode: str, periods: int | None, top: int) -> None:
    if counting.unit != "users":
        raise CartpathError(f"cannot count {counting.unit!r} here", "retention counts users: who comes back")
    if mode not in MODES:
        raise CartpathError(f"no mode {mode!r}", f"take one of: {', '.join(MODES)}")
    if periods is not None and periods < 1:
        raise CartpathError("periods must be a whole number from 1")
    if top < 1:
        raise CartpathError("top must be a whole number from 1")


def _groups(snap: Snapshot, rule: Rule, matcher: Matcher, found: Property, top: int) -> Groups:
    scan = partial(scan_starts, rule=rule, matcher=matcher, found=found)
    counts = engine.run(snap, scan, lambda parts: np.sum(np.stack(parts), axis=0))
    return Groups.largest(counts, found, top)


def _revenue(orders: Orders, edges: Ints, counts: CohortCounts) -> npt.NDArray[np.float64]:
    """Add up what orders are worth by group, cohort and period since the start."""
    n_groups, n_cohorts, width = counts.again.shape
    total = np.zeros((n_groups, n_cohorts, width))
    group, cohort = np.divmod(orders.owner, n_cohorts)
    after = np.searchsorted(edges, orders.ts, side="right") - 1 - cohort
    kept = after < width
    np.add.at(total, (group[kept], cohort[kept], after[kept]), orders.amounts[kept])
    return total
