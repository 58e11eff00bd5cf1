"""Models of users at cut-offs: churn, spend, and what is bought again."""

from cartpath.models.cutoff.scorer import SCORER, CutoffModel, read_scorer, target_of

__all__ = ["SCORER", "CutoffModel", "read_scorer", "target_of"]
