"""Buyers drawn from the processes that BG/NBD and gamma-gamma describe, event by event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cartpath.models.lifetime import BgNbd, GammaGamma, Rfm


@dataclass(frozen=True)
class Drawn:
    """Summaries as of ``age``, whether each buyer was alive then, and purchases within the horizon after it."""

    buyers: Rfm
    alive: np.ndarray
    later: np.ndarray


def drawn(model: BgNbd, n: int, age: np.ndarray | float, horizon: float = 1.0, seed: int = 0) -> Drawn:
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(model.r, 1 / model.alpha, n), rng.beta(model.a, model.b, n)
    age = np.broadcast_to(np.asarray(age, float), n)
    now, here = np.zeros(n), np.ones(n, bool)
    x, last, later, alive = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, bool)
    while here.any():
        now = now + rng.exponential(1 / rate)
        before, within = here & (now <= age), here & (now > age) & (now <= age + horizon)
        x, last, later = x + before, np.where(before, now, last), later + within
        left = rng.random(n) < leaves
        alive &= ~(before & left)
        here = (before | within) & ~left
    return Drawn(summaries(x, last, age), alive, later)


def summaries(x, last, age, paid=0.0, monetary=np.nan) -> Rfm:
    columns = np.broadcast_arrays(*(np.asarray(of, float) for of in (x, last, age, paid, monetary)))
    columns = [np.atleast_1d(of).copy() for of in columns]
    return Rfm(np.arange(len(columns[0])), *columns)


def paid_by(model: GammaGamma, n: int, most: int, seed: int = 0) -> tuple[Rfm, np.ndarray]:
    """Summaries of 1 to ``most`` amounts, and each buyer's true mean."""
    rng = np.random.default_rng(seed)
    rate, times = rng.gamma(model.q, 1 / model.gamma, n), rng.integers(1, most + 1, n)
    mean = np.array([rng.gamma(model.p, 1 / of, k).mean() for of, k in zip(rate, times, strict=True)])
    return summaries(times - 1, 0, 1, times, mean), model.p / rate
