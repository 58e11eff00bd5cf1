"""The funnel: how many users, sessions or entries reach each step.

What counts as reaching a step is in ``docs/counting.md``, and in the docstring of each order's kernel.
"""

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
