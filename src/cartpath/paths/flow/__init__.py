"""The flow graph: which step directly follows which, how often, of how many users, after how long.

What is counted is in ``docs/counting.md``.
"""

from typing import TYPE_CHECKING

from cartpath.schema.lazy import lazy

if TYPE_CHECKING:
    from cartpath.paths.flow.compare import FlowComparison, compare_flows
    from cartpath.paths.flow.nodes import END, START
    from cartpath.paths.flow.view import FlowResult, flow

__all__ = ["END", "START", "FlowComparison", "FlowResult", "compare_flows", "flow"]

lazy(
    __name__,
    {
        "END": "nodes",
        "START": "nodes",
        "FlowComparison": "compare",
        "FlowResult": "view",
        "compare_flows": "compare",
        "flow": "view",
    },
)
