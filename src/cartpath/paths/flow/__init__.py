"""The flow graph: which step directly follows which, how often, of how many users, after how long.

What is counted is in ``docs/counting.md``.
"""

from cartpath.paths.flow.compare import FlowComparison, compare_flows
from cartpath.paths.flow.view import END, START, FlowResult, flow

__all__ = ["END", "START", "FlowComparison", "FlowResult", "compare_flows", "flow"]
