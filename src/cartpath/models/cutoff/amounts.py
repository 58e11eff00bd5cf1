"""From a prediction on ``LogScale`` to the mean amount in currency, where errors are not alike at all predictions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from cartpath.models.cutoff.scorer import Floats


@dataclass(frozen=True)
class AmountCurve:
    """Mean amounts of groups of predictions, a line between them on the log scale, and a factor that keeps the total.

    Duan's smearing (``LogScale.fit``) takes errors to be alike at all predictions. Of those expected to spend little
    most spend nothing and a few much; of those expected to spend much nearly all do: one factor for both is too large
    for one of them. So each group of predictions has its own, and what lies between groups is between their means,
    never falling. Beyond the first and the last group it is one plus the amount that grows as exp of the prediction.

    Attributes
    ----------
    at : float64 array (n_groups,)
        Predictions, ascending.
    mean : float64 array (n_groups,)
        The logarithm of one plus the mean amount there.
    factor : float
        What makes the predicted amounts of the slice it was fitted on add up to the real ones.

    Examples
    --------
    >>> curve = AmountCurve(np.array([0.0, 1.0]), np.log([3.0, 9.0]))
    >>> curve.amount(np.array([0.0, 0.5, 1.0, 1.0 + np.log(2)])).round(6).tolist()
    [2.0, 4.196152, 8.0, 17.0]
    """

    at: Floats = field(default_factory=lambda: np.zeros(1))
    mean: Floats = field(default_factory=lambda: np.zeros(1))
    factor: float = 1.0

    @classmethod
    def fit(cls, predicted: Floats, amount: Floats, groups: int = 10, least: int = 100) -> Self:
        """Fit it on rows that the model did not learn from.

        Parameters
        ----------
        predicted : float64 array (n,)
            On ``LogScale``.
        amount : float64 array (n,)
            In currency; with no rows nothing is fitted.
        groups, least : int
            As many groups of equal size at most, each of so many rows at least.
        """
        if not len(amount):
            return cls()
        count = max(min(groups, len(amount) // least), 1)
        edges = np.unique(np.quantile(predicted, np.linspace(0, 1, count + 1)[1:-1]))
        place = np.searchsorted(edges, predicted, side="right")
        kept = np.unique(place)
        at = np.array([np.log(np.mean(np.exp(predicted[place == group]))) for group in kept])
        size = np.bincount(place)[kept].astype(np.float64)
        means = never_falling(np.array([max(float(amount[place == group].mean()), 0.0) for group in kept]), size)
        curve = cls(at, np.log1p(means))
        total = float(curve.amount(predicted).sum())
        return cls(curve.at, curve.mean, max(float(amount.sum()), 0.0) / total if total > 0 else 1.0)

    def amount(self, predicted: Floats) -> Floats:
        """Return the mean amount at predictions (n,), in currency, at least zero."""
        between = np.interp(predicted, self.at, self.mean)
        beyond = np.minimum(predicted - self.at[0], 0) + np.maximum(predicted - self.at[-1], 0)
        amounts: Floats = self.factor * np.maximum(np.expm1(between + beyond), 0.0)
        return amounts

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"at": self.at.tolist(), "mean": self.mean.tolist(), "factor": self.factor}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Read what ``to_dict`` gave."""
        return cls(np.array(raw["at"], np.float64), np.array(raw["mean"], np.float64), float(raw["factor"]))


def never_falling(values: Floats, weights: Floats) -> Floats:
    """Return the least squares fit that never falls (n,): neighbours that fall are pooled.

    Source: Ayer et al., An empirical distribution function for sampling with incomplete information, 1955.

    Examples
    --------
    >>> never_falling(np.array([1.0, 4.0, 2.0, 5.0]), np.ones(4)).tolist()
    [1.0, 3.0, 3.0, 5.0]
    """
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            before = pools.pop()
            total = before[1] + pool[1]
            pool = ((before[0] * before[1] + pool[0] * pool[1]) / total, total, before[2] + pool[2])
        pools.append(pool)
    return np.repeat([value for value, *_ in pools], [n for *_, n in pools]).astype(np.float64)
