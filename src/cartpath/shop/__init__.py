"""The facade: ``cartpath.open("SHOP")``, what a notebook and the command line use."""

from typing import TYPE_CHECKING

from cartpath.schema.lazy import lazy

if TYPE_CHECKING:
    from cartpath.shop.content import ReportContent, gather
    from cartpath.shop.pipeline import StepOutcome
    from cartpath.shop.results import Analysis
    from cartpath.shop.shop import Shop, open
    from cartpath.shop.views import default_steps

__all__ = ["Analysis", "ReportContent", "Shop", "StepOutcome", "default_steps", "gather", "open"]

lazy(
    __name__,
    {
        "Analysis": "results",
        "ReportContent": "content",
        "Shop": "shop",
        "StepOutcome": "pipeline",
        "default_steps": "views",
        "gather": "content",
        "open": "shop",
    },
)
