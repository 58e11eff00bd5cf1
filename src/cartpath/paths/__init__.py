"""Purchase paths: the counting rule, and the views that follow it."""

from cartpath.paths.attribution import AttributionResult, attribution
from cartpath.paths.counting import UNITS, Counting, wilson
from cartpath.paths.daily import DailyResult, daily
from cartpath.paths.driver_odds import Driver
from cartpath.paths.drivers import DriversResult, drivers
from cartpath.paths.flow import END, START, FlowResult, flow
from cartpath.paths.funnel import FunnelResult, funnel
from cartpath.paths.status import StatusResult, status
from cartpath.paths.variants import Variant, VariantsResult, variants

__all__ = [
    "END",
    "START",
    "UNITS",
    "AttributionResult",
    "Counting",
    "DailyResult",
    "Driver",
    "DriversResult",
    "FlowResult",
    "FunnelResult",
    "StatusResult",
    "Variant",
    "VariantsResult",
    "attribution",
    "daily",
    "drivers",
    "flow",
    "funnel",
    "status",
    "variants",
    "wilson",
]
