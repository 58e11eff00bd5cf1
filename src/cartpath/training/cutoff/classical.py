"""Models on columns: one answer for everybody, linear models, LightGBM."""

from __future__ import annotations

from cartpath.models.cutoff.constant import Constant
from cartpath.training.cutoff.job import CutoffJob, Fitted
from cartpath.training.data import Progress


def constant(job: CutoffJob, told: Progress) -> Fitted:
    """Take the share of positives, or the mean amount, of training."""
    rows = job.of("train")
    return Fitted(Constant.of(rows), {"n_rows": len(rows)})
