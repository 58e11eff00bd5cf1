"""``funnel`` compared: how many reach each step, of the first and of the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from cartpath import engine
from cartpath.paths.comparison.evidence import Measure, Sample
from cartpath.paths.comparison.rates import ClusteredRate, Rate
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.counting import Counting
from cartpath.paths.funnel import FunnelPlan, depth_of, plan
from cartpath.paths.rule import Rule
from cartpath.store import PathView, Snapshot

Rates = list[ClusteredRate]


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return for each step who reached it: of all, of the first step, and of the step before.

    Sessions of a user are no independent trials: errors are then clustered by user.
    """
    made = plan(snap, unit=a.unit, time_zone=a.time_zone, **options)
    both = [
        engine.run(snap, partial(scan_rates, rule=counting.bind(snap), plan=made), merge_rates) for counting in (a, b)
    ]
    names = [f"all {a.unit}", *map(str, made.steps)]
    found = [
        Measure(f"{names[step]}, of {names[base]}", "rate", _by_unit(one, a.unit), _by_unit(other, a.unit))
        for (step, base), one, other in zip(rates_of(made.n_steps), *both, strict=True)
    ]
    return Found(found, warnings=made.warnings)


COMPARABLE = Comparable(
    measures,
    options=("steps", "within", "order", "exclude", "hold"),
    needs=("steps",),
    units=("users", "sessions"),
)


def _by_unit(rate: ClusteredRate, unit: str) -> Sample:
    return Rate(rate.hits, rate.n) if unit == "users" else rate


def scan_rates(view: PathView, rule: Rule, plan: FunnelPlan) -> Rates:
    """Sum up a bucket: for each rate its hits and trials by user."""
    counted = rule.counted(view)
    paths = counted.paths(plan.unit)
    depth = depth_of(counted, plan)
    new = np.ones(len(paths), np.bool_)
    new[1:] = paths.user[1:] != paths.user[:-1]
    cluster, n = np.cumsum(new) - 1, int(new.sum())
    reached = [np.bincount(cluster, depth >= k, n) for k in range(plan.n_steps + 1)]
    return [ClusteredRate.of(reached[step], reached[base]) for step, base in rates_of(plan.n_steps)]


def rates_of(n_steps: int) -> list[tuple[int, int]]:
    """Return each rate as the number of the step reached and of the step that it is out of; 0 is everyone.

    Examples
    --------
    >>> rates_of(3)
    [(1, 0), (2, 1), (3, 1), (3, 2)]
    """
    found = [(1, 0)]
    for step in range(2, n_steps + 1):
        found += [(step, 1)] if step == 2 else [(step, 1), (step, step - 1)]
    return found


def merge_rates(parts: Sequence[Rates]) -> Rates:
    """Add the sums of buckets."""
    total = list(parts[0])
    for part in parts[1:]:
        total = [one + other for one, other in zip(total, part, strict=True)]
    return total
