"""Segments: named sets of users, and the language they are written in; see ``docs/segments.md``."""

from cartpath.paths.segments.language import parse
from cartpath.paths.segments.meaning import meaning
from cartpath.paths.segments.overview import SegmentsResult, members, segments, write_members
from cartpath.paths.segments.plan import SegmentPlan, compile_segment, expressions_of

__all__ = [
    "SegmentPlan",
    "SegmentsResult",
    "compile_segment",
    "expressions_of",
    "meaning",
    "members",
    "parse",
    "segments",
    "write_members",
]
