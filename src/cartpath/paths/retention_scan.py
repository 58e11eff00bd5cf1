"""One pass over users' paths: cohorts, returns after the start, and the cohorts' orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.paths.cohorts import CohortCounts
from cartpath.paths.counted import Basis, Counted, Paths, merge_basis
from cartpath.paths.matching import Matcher
from cartpath.paths.orders import Orders, merge_orders, orders_of
from cartpath.paths.properties import Property
from cartpath.paths.property_groups import Groups, count_codes
from cartpath.paths.rule import Rule
from cartpath.store import PathView
from cartpath.store.hashing import hash_strings
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]

#: What a bucket gives back.
Found = tuple[Basis, CohortCounts, Orders]

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
