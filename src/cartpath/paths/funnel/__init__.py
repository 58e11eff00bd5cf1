"""The funnel: how many users, sessions or entries reach each step.

What counts as reaching a step is in ``docs/counting.md``, and in the docstring of each order's kernel.
"""

from typing import TYPE_CHECKING

from cartpath.schema.lazy import lazy

if TYPE_CHECKING:
    from cartpath.paths.funnel.asking import GRAINS, ORDERS, plan
    from cartpath.paths.funnel.chains import Chains, chains_of, depth_of
    from cartpath.paths.funnel.count import funnel
    from cartpath.paths.funnel.plan import FunnelPlan
    from cartpath.paths.funnel.result import FunnelResult
    from cartpath.paths.funnel.scan import FunnelCounts, merge_funnel, scan_funnel

__all__ = [
    "GRAINS",
    "ORDERS",
    "Chains",
    "FunnelCounts",
    "FunnelPlan",
    "FunnelResult",
    "chains_of",
    "depth_of",
    "funnel",
    "merge_funnel",
    "plan",
    "scan_funnel",
]

lazy(
    __name__,
    {
        "GRAINS": "asking",
        "ORDERS": "asking",
        "Chains": "chains",
        "FunnelCounts": "scan",
        "FunnelPlan": "plan",
        "FunnelResult": "result",
        "chains_of": "chains",
        "depth_of": "chains",
        "funnel": "count",
        "merge_funnel": "scan",
        "plan": "asking",
        "scan_funnel": "scan",
    },
)
