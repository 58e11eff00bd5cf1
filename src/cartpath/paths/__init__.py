"""Purchase paths: the counting rule, and the views that follow it."""

from typing import TYPE_CHECKING

from cartpath.schema.lazy import lazy

if TYPE_CHECKING:
    from cartpath.paths.attribution import AttributionResult, attribution
    from cartpath.paths.cohorts import RetentionResult
    from cartpath.paths.comparison.compare import compare
    from cartpath.paths.comparison.result import ComparisonResult
    from cartpath.paths.counting import UNITS, Counting, wilson
    from cartpath.paths.daily import DailyResult, daily
    from cartpath.paths.drivers import Driver, DriversResult, drivers
    from cartpath.paths.flow import END, START, FlowComparison, FlowResult, compare_flows, flow
    from cartpath.paths.funnel import FunnelResult, funnel
    from cartpath.paths.lifecycle import LifecycleResult, lifecycle
    from cartpath.paths.repurchase import RepurchaseResult, repurchase
    from cartpath.paths.retention import retention
    from cartpath.paths.segments import SegmentPlan, SegmentsResult, compile_segment, segments
    from cartpath.paths.status import StatusResult, status
    from cartpath.paths.step_view import StepViewResult, step_view
    from cartpath.paths.stickiness import StickinessResult, stickiness
    from cartpath.paths.time_to_purchase import TimeToPurchaseResult, time_to_purchase
    from cartpath.paths.variants import Variant, VariantsResult, variants

__all__ = [
    "END",
    "START",
    "UNITS",
    "AttributionResult",
    "ComparisonResult",
    "Counting",
    "DailyResult",
    "Driver",
    "DriversResult",
    "FlowComparison",
    "FlowResult",
    "FunnelResult",
    "LifecycleResult",
    "RepurchaseResult",
    "RetentionResult",
    "SegmentPlan",
    "SegmentsResult",
    "StatusResult",
    "StepViewResult",
    "StickinessResult",
    "TimeToPurchaseResult",
    "Variant",
    "VariantsResult",
    "attribution",
    "compare",
    "compare_flows",
    "compile_segment",
    "daily",
    "drivers",
    "flow",
    "funnel",
    "lifecycle",
    "repurchase",
    "retention",
    "segments",
    "status",
    "step_view",
    "stickiness",
    "time_to_purchase",
    "variants",
    "wilson",
]

lazy(
    __name__,
    {
        "END": "flow",
        "START": "flow",
        "UNITS": "counting",
        "AttributionResult": "attribution",
        "ComparisonResult": "comparison.result",
        "Counting": "counting",
        "DailyResult": "daily",
        "Driver": "drivers",
        "DriversResult": "drivers",
        "FlowComparison": "flow",
        "FlowResult": "flow",
        "FunnelResult": "funnel",
        "LifecycleResult": "lifecycle",
        "RepurchaseResult": "repurchase",
        "RetentionResult": "cohorts",
        "SegmentPlan": "segments",
        "SegmentsResult": "segments",
        "StatusResult": "status",
        "StepViewResult": "step_view",
        "StickinessResult": "stickiness",
        "TimeToPurchaseResult": "time_to_purchase",
        "Variant": "variants",
        "VariantsResult": "variants",
        "attribution": "attribution",
        "compare": "comparison.compare",
        "compare_flows": "flow",
        "compile_segment": "segments",
        "daily": "daily",
        "drivers": "drivers",
        "flow": "flow",
        "funnel": "funnel",
        "lifecycle": "lifecycle",
        "repurchase": "repurchase",
        "retention": "retention",
        "segments": "segments",
        "status": "status",
        "step_view": "step_view",
        "stickiness": "stickiness",
        "time_to_purchase": "time_to_purchase",
        "variants": "variants",
        "wilson": "counting",
    },
)
