"""Figures: a tidy frame in, a Plotly figure out; no number is computed here but positions on the page.

A figure's module is imported when it is asked for: Plotly takes longer to import than most questions to answer.
"""

from typing import TYPE_CHECKING

from cartpath.schema.lazy import lazy

if TYPE_CHECKING:
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
    from cartpath.figures.models_by_step import models_by_step_figure
    from cartpath.figures.profit import profit_figure
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
    "models_by_step_figure",
    "note_figure",
    "profit_figure",
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

lazy(
    __name__,
    {
        "attribution_figure": "attribution",
        "calibration_figure": "models",
        "comparison_figure": "comparison",
        "daily_figure": "daily",
        "drivers_figure": "drivers",
        "flow_comparison_figure": "flow_comparison",
        "flow_figure": "flow",
        "funnel_figure": "funnel",
        "funnel_groups_figure": "funnel_groups",
        "funnel_instead_figure": "funnel_groups",
        "funnel_times_figure": "funnel_over_time",
        "funnel_trend_figure": "funnel_over_time",
        "lifecycle_figure": "lifecycle",
        "metric_figure": "models",
        "models_by_step_figure": "models_by_step",
        "note_figure": "style",
        "profit_figure": "profit",
        "repurchase_figure": "repurchase",
        "retention_figure": "retention",
        "segments_figure": "comparison",
        "step_matrix_figure": "step_view",
        "step_view_figure": "step_view",
        "stickiness_figure": "stickiness",
        "survival_figure": "survival",
        "titled": "titles",
        "variants_figure": "variants",
    },
)
