"""Who came how far through a funnel, as a set of users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cartpath.paths.counting import Counting
from cartpath.paths.funnel import FunnelPlan, depth_of, plan
from cartpath.paths.rule import Rule
from cartpath.paths.segments.atoms import Atom, Mask
from cartpath.paths.segments.tree import Reached
from cartpath.schema import CartpathError
from cartpath.store import PathView, Snapshot


@dataclass(frozen=True)
class Deep:
    """Users whose way through a funnel was so deep; of sessions the deepest counts.

    Attributes
    ----------
    plan : FunnelPlan
    rule : Rule
        Of the period.
    depth : int
        Steps.
    """

    plan: FunnelPlan
    rule: Rule
    depth: int

    def mask(self, view: PathView) -> Mask:
        """Return for each user of a bucket whether they belong."""
        counted = self.rule.counted(view)
        depth = np.zeros(view.n_users, np.int64)
        np.maximum.at(depth, counted.paths(self.plan.unit).user, depth_of(counted, self.plan))
        found: Mask = depth == self.depth
        return found


def bind_reached(snap: Snapshot, node: Reached, time_zone: str = "UTC") -> tuple[Atom, tuple[str, ...]]:
    """Bind ``reached()`` and ``stopped()`` to a store; returns warnings beside."""
    options = dict(node.options)
    unit = options.pop("count", "users")
    if unit not in ("users", "sessions"):
        raise CartpathError(f"reached() cannot count {unit!r}", "count=users, or count=sessions: within one session")
    made = plan(snap, node.steps, unit=unit, time_zone=time_zone, **options)
    since, until = node.period.ends
    rule = Counting(unit, since, until).bind(snap)
    return Deep(made, rule, made.n_steps if node.stopped_at is None else node.stopped_at), made.warnings
