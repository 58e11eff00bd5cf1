"""Retention: who of those that started in a day, week or month comes back in the periods after it.

A user belongs to the period of their first start event, their cohort. A return is an event after it in path order, of
another step: the lines of one order are no return. Period 0 is the cohort's own, in which a return means again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import engine
from cartpath.paths.cohorts import MODES, CohortCounts, RetentionResult
from cartpath.paths.conditions import ANY, parse_steps
from cartpath.paths.counted import Basis, Counted, Paths, merge_basis
from cartpath.paths.counting import Counting
from cartpath.paths.groups import Groups, count_codes, property_name
from cartpath.paths.matching import Matcher, match
from cartpath.paths.observed import Observed
from cartpath.paths.orders import Orders, merge_orders, orders_of
from cartpath.paths.properties import Properties, Property
from cartpath.paths.rule import Rule
from cartpath.schema import CartpathError, Event
from cartpath.store import PathView, Snapshot
from cartpath.store.hashing import hash_strings
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]

#: What a bucket gives back.
Found = tuple[Basis, CohortCounts, Orders]

#: How many periods after the cohort's own are counted, where nothing is said.
SPAN = {"day": 30, "week": 12, "month": 12}

_START, _RETURN = np.uint64(1), np.uint64(2)


@dataclass(frozen=True)
class RetentionPlan:
    """What a bucket's scan needs to know.

    Attributes
    ----------
    matcher : Matcher
        Step 0 is the start, step 1 the return.
    edges : int64 array (n_periods + 1,)
    most : int
        Periods after the cohort's own.
    purchase : int
        Code of the purchase event.
    property : Property or None
    groups : Groups
    """

    matcher: Matcher
    edges: Ints
    most: int
    purchase: int
    property: Property | None
    groups: Groups


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
    zone: str = "UTC",
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
    zone : str
        IANA name of the time zone in which periods begin.

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
    rule, seen = counting.bind(snap), Observed.of(snap, counting, zone)
    calendar = seen.calendar(cohort)
    most = min(SPAN[cohort] if periods is None else periods, len(calendar) - 1)
    steps = (*parse_steps([start]), *parse_steps([back]))
    matcher = match(snap, steps)
    found = None if by is None else Properties(snap).find(property_name(by))
    groups = Groups.one() if found is None else _groups(snap, rule, matcher, found, top)
    purchase = snap.code_of("event", Event.purchase)
    plan = RetentionPlan(matcher, calendar.edges, most, purchase, found, groups)
    basis, counts, orders = engine.run(snap, partial(scan_retention, rule=rule, plan=plan), merge_retention)
    revenue = _revenue(orders, calendar.edges, counts)
    named = (str(steps[0]), str(steps[1]))
    return RetentionResult(counts, revenue, calendar, seen, rule, basis, mode, named, by, groups, matcher.warnings)


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


def scan_starts(view: PathView, rule: Rule, matcher: Matcher, found: Property) -> Ints:
    """Count the users of one bucket by the property at their start."""
    counted = rule.counted(view)
    paths = counted.paths("users")
    starts = _starts(paths.offsets, matcher.bits(counted))
    return count_codes(paths.take(found.of_events(view))[starts[starts >= 0]], len(found.labels))


def scan_retention(view: PathView, rule: Rule, plan: RetentionPlan) -> Found:
    """Count one bucket."""
    counted = rule.counted(view)
    paths = counted.paths("users")
    ts, bits = paths.take(view.ts), plan.matcher.bits(counted)
    starts = _starts(paths.offsets, bits)
    group = np.zeros(len(paths), np.int32)
    if plan.property is not None:
        # The start's value; where there is no start it is not read.
        group = plan.groups.of(paths.take(plan.property.of_events(view))[np.maximum(starts, 0)])
    shape = (len(plan.groups.names), len(plan.edges) - 1, plan.most + 1)
    size, again, last = _cells(paths.offsets, ts, bits, counted.step, starts, group, plan.edges, *shape)
    orders = _orders(
        counted, paths, starts, group * shape[1] + np.searchsorted(plan.edges, ts[starts], "right") - 1, plan
    )
    return counted.basis(), CohortCounts(size, again, last), orders


def _orders(counted: Counted, paths: Paths, starts: Ints, cohort: Ints, plan: RetentionPlan) -> Orders:
    """Gather the orders from the start on; each counts to the cohort of its buyer."""
    view = counted.view
    bought = paths.take(view.event) == plan.purchase
    at = np.flatnonzero(bought)
    path = np.searchsorted(paths.offsets, at, side="right") - 1
    bought[at] = (starts[path] >= 0) & (at >= starts[path])
    rank = np.zeros(len(paths), np.uint64)
    buyers = np.unique(path)
    rank[buyers] = hash_strings(view.user_id.take(pa.array(paths.user[buyers])))
    return orders_of(view, paths, bought, cohort, rank)


def merge_retention(parts: Sequence[Found]) -> Found:
    """Add the counts of buckets, and join their orders: one order id may appear with several users."""
    counts = [part[1] for part in parts]
    total = CohortCounts(*(np.sum([getattr(c, name) for c in counts], axis=0) for name in ("size", "again", "last")))
    return merge_basis([part[0] for part in parts]), total, merge_orders([part[2] for part in parts])


def _revenue(orders: Orders, edges: Ints, counts: CohortCounts) -> npt.NDArray[np.float64]:
    """Add up what orders are worth by group, cohort and period since the start."""
    n_groups, n_cohorts, width = counts.again.shape
    total = np.zeros((n_groups, n_cohorts, width))
    group, cohort = np.divmod(orders.owner, n_cohorts)
    after = np.searchsorted(edges, orders.ts, side="right") - 1 - cohort
    kept = after < width
    np.add.at(total, (group[kept], cohort[kept], after[kept]), orders.amounts[kept])
    return total


@kernel
def _starts(offsets: Ints, bits: npt.NDArray[np.uint64]) -> Ints:
    """Find the first start of each path; -1 where there is none."""
    found = np.full(len(offsets) - 1, -1, np.int64)
    for path in range(len(offsets) - 1):
        for i in range(offsets[path], offsets[path + 1]):
            if bits[i] & _START:
                found[path] = i
                break
    return found


@kernel
def _cells(
    offsets: Ints,
    ts: Ints,
    bits: npt.NDArray[np.uint64],
    step: npt.NDArray[np.uint8],
    starts: Ints,
    group: npt.NDArray[np.int32],
    edges: Ints,
    n_groups: int,
    n_periods: int,
    width: int,
) -> tuple[Ints, Ints, Ints]:
    """Count users by group and cohort; who is back in each period after; whose last period back it is."""
    size = np.zeros((n_groups, n_periods), np.int64)
    again = np.zeros((n_groups, n_periods, width), np.int64)
    last = np.zeros((n_groups, n_periods, width), np.int64)
    for path in range(len(offsets) - 1):
        start = starts[path]
        if start < 0:
            continue
        cohort = np.searchsorted(edges, ts[start], side="right") - 1
        g, at, before = group[path], cohort, -1
        size[g, cohort] += 1
        start += 1
        while start < offsets[path + 1] and step[start] == 0:
            start += 1
        for i in range(start, offsets[path + 1]):
            if bits[i] & _RETURN == 0:
                continue
            while ts[i] >= edges[at + 1]:
                at += 1
            if at - cohort != before:
                before = at - cohort
                if before < width:
                    again[g, cohort, before] += 1
        if before >= 0:
            last[g, cohort, min(before, width - 1)] += 1
    return size, again, last
