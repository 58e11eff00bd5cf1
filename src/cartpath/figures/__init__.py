"""Figures: a tidy frame in, a Plotly figure out; no number is computed here but positions on the page."""

from cartpath.figures.attribution import attribution_figure
from cartpath.figures.comparison import comparison_figure, segments_figure
from cartpath.figures.daily import daily_figure
from cartpath.figures.drivers import drivers_figure
from cartpath.figures.flow import flow_figure
from cartpath.figures.flow_comparison import flow_comparison_figure
from cartpath.figures.funnel import funnel_figure
from cartpath.figures.funnel_groups import funnel_groups_figure, funnel_instead_figure
from cartpath.figures.funnel_over_time import funnel_times_figure, funnel_trend_figure
from cartpath.figures.lifecycle import lifecycle_figure
from cartpath.figures.models import calibration_figure, metric_figure
from cartpath.figures.repurchase import repurchase_figure
from cartpath.figures.retention import retention_figure
from cartpath.figures.step_view import step_matrix_figure, step_view_figure
from cartpath.figures.stickiness import stickiness_figure
from cartpath.figures.style import note_figure
from cartpath.figures.survival import survival_figure
from cartpath.figures.titles import titled
from cartpath.figures.variants import variants_figure

__all__ = [
    "attribution_figure",
    "calibration_figure",
    "comparison_figure",
    "daily_figure",
    "drivers_figure",
    "flow_comparison_figure",
    "flow_figure",
    "funnel_figure",
    "funnel_groups_figure",
    "funnel_instead_figure",
    "funnel_times_figure",
    "funnel_trend_figure",
    "lifecycle_figure",
    "metric_figure",
    "note_figure",
    "repurchase_figure",
    "retention_figure",
    "segments_figure",
    "step_matrix_figure",
    "step_view_figure",
    "stickiness_figure",
    "survival_figure",
    "titled",
    "variants_figure",
]
