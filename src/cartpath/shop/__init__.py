"""The facade: ``cartpath.open("SHOP")``, what a notebook and the command line use."""

from cartpath.shop.content import ReportContent, gather
from cartpath.shop.pipeline import StepOutcome
from cartpath.shop.results import Analysis
from cartpath.shop.shop import Shop, open
from cartpath.shop.views import default_steps

__all__ = ["Analysis", "ReportContent", "Shop", "StepOutcome", "default_steps", "gather", "open"]
