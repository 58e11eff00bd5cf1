"""``variants`` compared: the share of users who took a path at least once, path by path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.rates import Rate
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.conditions import parse_step
from cartpath.paths.counting import Counting
from cartpath.paths.same_paths import NO_LIMIT, Cut, merge_groups, most_frequent
from cartpath.paths.variant_scan import Plan, Whole, codes_of_groups, merge_variants, scan_variants
from cartpath.paths.variants import MORE, variants_plan
from cartpath.schema import CartpathError, Event
from cartpath.store import Snapshot

#: Variants that are compared, the most frequent of both groups together.
_TOP = 50


@dataclass(frozen=True)
class Side:
    """The variants of one group, and where those of both groups together are among them; -1 where they are not."""

    plan: Plan
    whole: Whole
    at: npt.NDArray[np.int64]

    def rate(self, variant: int) -> Rate:
        """Users who took it, of all."""
        at = int(self.at[variant])
        return Rate(int(self.whole.groups.users[at]) if at >= 0 else 0, self.whole.basis.users)


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return for each variant the users who took it, of all: a session is no independent trial, a user is."""
    found = [_count(snap, counting, options) for counting in (a, b)]
    both, numbers = merge_groups([whole.groups for _, whole in found])
    sides = []
    for (plan, whole), of in zip(found, numbers, strict=True):
        at = np.full(len(both), -1, np.int64)
        at[of] = np.arange(len(of))
        sides.append(Side(plan, whole, at))
    chosen = most_frequent(both, options.get("top", _TOP), lambda some: list(_paths(snap, sides, some).values()))
    names = _paths(snap, sides, chosen)
    made = [Measure(" → ".join(names[v]), "rate", sides[0].rate(v), sides[1].rate(v)) for v in chosen.tolist()]
    return Found(made, len(both) - len(made), sides[0].plan.goal.warnings)


COMPARABLE = Comparable(
    measures, options=("collapse", "unit", "max_length", "node", "goal", "across_sessions", "top"), many=True
)


def _count(snap: Snapshot, counting: Counting, options: Mapping[str, Any]) -> tuple[Plan, Whole]:
    unit = options.get("unit", "step")
    if unit not in ("step", "event"):
        raise CartpathError(f"an element of a path is no {unit!r}", "unit is step or event")
    cut = Cut(unit == "step", bool(options.get("collapse")), options.get("max_length") or NO_LIMIT)
    goal = parse_step(options.get("goal", Event.purchase))
    plan = variants_plan(snap, counting, cut, options.get("node", "event"), goal, bool(options.get("across_sessions")))
    return plan, engine.run(snap, partial(scan_variants, plan=plan), merge_variants)


def _paths(snap: Snapshot, sides: list[Side], chosen: npt.NDArray[np.int64]) -> dict[int, tuple[str, ...]]:
    """Read the paths by name, each from a group that has it."""
    found: dict[int, tuple[str, ...]] = {}
    for side in sides:
        here = np.array([v for v in chosen.tolist() if side.at[v] >= 0 and v not in found], np.int64)
        paths = side.plan.names(codes_of_groups(snap, side.plan, side.whole.groups, side.at[here]), MORE)
        found |= zip(here.tolist(), paths, strict=True)
    return {v: found[v] for v in chosen.tolist()}
