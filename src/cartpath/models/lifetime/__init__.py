"""Lifetime models of buyers: when they buy again (BG/NBD), and for how much (gamma-gamma)."""

from cartpath.models.lifetime.bg_nbd import BgNbd, fit_bg_nbd
from cartpath.models.lifetime.gamma_gamma import GammaGamma, fit_gamma_gamma
from cartpath.models.lifetime.rfm import Rfm, rfm_at
from cartpath.models.lifetime.scorers import (
    LifetimeChurn,
    LifetimeSpend,
    fit_lifetime_churn,
    fit_lifetime_spend,
)

__all__ = [
    "BgNbd",
    "GammaGamma",
    "LifetimeChurn",
    "LifetimeSpend",
    "Rfm",
    "fit_bg_nbd",
    "fit_gamma_gamma",
    "fit_lifetime_churn",
    "fit_lifetime_spend",
    "rfm_at",
]
