"""One bucket of a funnel counted, and buckets merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cartpath.paths.counted import Basis, Counted, merge_basis
from cartpath.paths.funnel.breakdown import by_value
from cartpath.paths.funnel.chains import chains_of
from cartpath.paths.funnel.instead import NextCounts, merge_next, next_counts
from cartpath.paths.funnel.masks import Masks
from cartpath.paths.funnel.plain import count_plain, is_plain
from cartpath.paths.funnel.plan import FunnelPlan
from cartpath.paths.funnel.tables import DepthTable, Ints, at_least, merge_depth_tables
from cartpath.paths.funnel.times import Durations, durations_of, merge_durations
from cartpath.paths.funnel.trend import by_period
from cartpath.paths.rule import Rule
from cartpath.store import PathView
from cartpath.store.jit import kernel, part
from cartpath.store.ties import block_end, buffer_size


@dataclass(frozen=True)
class FunnelCounts:
    """What was counted in a bucket, or in all.

    Attributes
    ----------
    basis : Basis
    units : int
        Users, sessions or entries, those without a step included.
    reached : int64 array (n_steps,)
    tied : int
        Paths with two different events of the funnel at the same moment.
    last_ts : int or None
        The latest event that counts.
    durations : Durations
    after : NextCounts
    groups : DepthTable or None
    periods : DepthTable or None
    """

    basis: Basis
    units: int
    reached: Ints
    tied: int
    last_ts: int | None
    durations: Durations
    after: NextCounts
    groups: DepthTable | None = None
    periods: DepthTable | None = None


def scan_funnel(view: PathView, rule: Rule, plan: FunnelPlan) -> FunnelCounts:
    """Count one bucket."""
    counted = rule.counted(view)
    return _plain(counted, plan) if is_plain(counted, plan) else general(counted, plan)


def _plain(counted: Counted, plan: FunnelPlan) -> FunnelCounts:
    found, end = count_plain(counted, plan), counted.view.sessions.end
    basis, last_ts = counted.basis(), int(end.max()) if len(end) else None
    return FunnelCounts(basis, basis.users, found.reached, found.tied, last_ts, found.durations, found.after)


def general(counted: Counted, plan: FunnelPlan) -> FunnelCounts:
    """Count one bucket, whatever is asked."""
    view, chains = counted.view, chains_of(counted, plan)
    paths, n_steps = chains.paths, plan.n_steps
    ts, event = paths.take(view.ts), paths.take(view.event)
    exactly = np.bincount(chains.depth, minlength=n_steps + 1)[1:]
    return FunnelCounts(
        counted.basis(),
        len(chains.depth),
        at_least(exactly),
        0 if plan.order == "any" and not plan.excluded else int(_tied(paths.offsets, ts, chains.mask)),
        int(ts.max()) if len(ts) else None,
        durations_of(chains, ts, plan),
        next_counts(chains, counted.along(paths, counted.step), event, n_steps, len(plan.matcher.by_event) - 1),
        None if plan.breakdown is None else by_value(chains, view, plan.breakdown, n_steps),
        None if plan.trend is None else by_period(chains, ts, plan.trend, n_steps),
    )


def merge_funnel(parts: Sequence[FunnelCounts], n_steps: int) -> FunnelCounts:
    """Add buckets; a user lives in one bucket, so nothing is counted twice."""
    groups = [part.groups for part in parts if part.groups is not None]
    periods = [part.periods for part in parts if part.periods is not None]
    return FunnelCounts(
        merge_basis([part.basis for part in parts]),
        sum(part.units for part in parts),
        np.sum([np.zeros(n_steps, np.int64), *(part.reached for part in parts)], axis=0),
        sum(part.tied for part in parts),
        max((part.last_ts for part in parts if part.last_ts is not None), default=None),
        merge_durations([part.durations for part in parts]),
        merge_next([part.after for part in parts]),
        merge_depth_tables(groups, n_steps) if groups else None,
        merge_depth_tables(periods, n_steps) if periods else None,
    )


@kernel
def _tied(offsets: Ints, ts: Ints, mask: Masks) -> int:
    """Count the paths in which events that can be different steps have the same time."""
    tied, end, size = 0, 0, buffer_size(offsets)
    row, before = np.empty(size, np.int64), np.empty(size, np.int64)
    while end < len(offsets) - 1:
        begin, end = end, block_end(offsets, end)
        low, high = offsets[begin], offsets[end]
        n = _alike(ts[low:high], mask[low:high], row, before)
        path, last = begin, -1
        for k in range(n):
            while offsets[path + 1] - low <= row[k]:
                path += 1
            if offsets[path] - low <= before[k]:  # else they are of two paths
                tied += path != last
                last = path
    return tied


@part
def _alike(ts: Ints, mask: Masks, row: Ints, before: Ints) -> int:
    """Note events that can be a step, and the one before them, where these have the same time and can be others."""
    n, m = 0, 0
    for i in range(len(mask)):  # written always and kept where wanted: a branch would cost more
        row[n] = i
        n += mask[i] != 0
    for k in range(1, n):
        i, j = row[k], row[k - 1]
        row[m], before[m] = i, j
        m += (ts[i] == ts[j]) & (mask[i] != mask[j])
    return m
