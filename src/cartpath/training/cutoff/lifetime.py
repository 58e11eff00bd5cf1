"""BG/NBD and gamma-gamma: what is known of buyers without features, fitted to all purchases of the training period."""

from __future__ import annotations

from dataclasses import asdict

from cartpath.models.lifetime import fit_lifetime_churn, fit_lifetime_spend
from cartpath.tasks import ChurnRows, ChurnTask, SpendRows, SpendTask
from cartpath.training.cutoff.job import CutoffJob, Fitted
from cartpath.training.data import Progress


def lifetime(job: CutoffJob, told: Progress) -> Fitted:
    """Fit BG/NBD for churn of purchases, and gamma-gamma with it for spend."""
    told("purchases", 0.0)
    rows, task = job.of("train"), job.task
    if isinstance(task, SpendTask) and isinstance(rows, SpendRows):
        spend = fit_lifetime_spend(job.log, rows, task, job.zone)
        return Fitted(spend, {**asdict(spend.buying), **asdict(spend.paying)})
    if isinstance(task, ChurnTask) and isinstance(rows, ChurnRows):
        churn = fit_lifetime_churn(job.log, rows, task, job.zone)
        return Fitted(churn, asdict(churn.buying))
    raise TypeError(f"BG/NBD answers churn and spend, not {job.name}")
