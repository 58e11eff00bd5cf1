"""Attribution of conversions and revenue to channels or events.

The rules of touches, conversions and models are in ``docs/attribution.md``.
"""

from cartpath.paths.attribution.question import MODELS
from cartpath.paths.attribution.result import NOT_CAUSAL, AttributionResult
from cartpath.paths.attribution.shapley import GAMES
from cartpath.paths.attribution.view import attribution

__all__ = ["GAMES", "MODELS", "NOT_CAUSAL", "AttributionResult", "attribution"]
