"""Two segments compared on a view; see ``docs/compare.md``."""

from cartpath.paths.comparison.compare import compare
from cartpath.paths.comparison.evidence import Evidence, Measure
from cartpath.paths.comparison.result import ComparisonResult

__all__ = ["ComparisonResult", "Evidence", "Measure", "compare"]
