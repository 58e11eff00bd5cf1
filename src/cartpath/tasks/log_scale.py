"""A scale on which amounts are learned: most users spend nothing, a few very much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LogScale:
    """The logarithm of one plus an amount, and the way back to the mean in currency.

    A model fitted by squared error on the scale predicts the mean of log(1 + amount), and exp of that falls short of
    the mean amount. Duan's smearing estimate [1]_ makes up for it without an assumption on how errors are distributed:
    with residuals e_i = log(1 + y_i) - z_i, the mean amount at a prediction z is estimated by the mean over i of
    exp(z + e_i) - 1, which is ``smear * exp(z) - 1`` with ``smear`` the mean of exp(e_i).

    Attributes
    ----------
    smear : float
        1 takes exp as it is: the median, where errors on the scale are symmetric.

    Notes
    -----
    It takes errors to be alike at all predictions. Where they are not (a slice of users of whom nearly none buy), look
    at the mean of amounts against that of predictions in groups of these. Fit it on rows that the model did not
    learn from: residuals of those it did are too small.

    References
    ----------
    .. [1] N. Duan (1983): Smearing estimate: a nonparametric retransformation method. Journal of the American
       Statistical Association 78, 605-610.

    Examples
    --------
    >>> scale = LogScale.fit(np.array([0.0, 0.0]), np.array([0.0, 3.0]))
    >>> scale.smear, scale.amount(np.array([0.0, -5.0])).tolist()
    (2.5, [1.5, 0.0])
    """

    smear: float = 1.0

    @classmethod
    def fit(cls, predicted: Floats, amount: Floats) -> Self:
        """Fit the way back.

        Parameters
        ----------
        predicted : float array (n,)
            On the scale.
        amount : float array (n,)
            What was spent, in currency; with no rows nothing is fitted.
        """
        if not len(amount):
            return cls()
        return cls(float(np.mean(np.exp(cls().scaled(amount) - predicted))))

    def scaled(self, amount: Floats) -> Floats:
        """Return amounts on the scale (n,); one below zero, a shop's correction, counts as zero."""
        return np.log1p(np.maximum(amount, 0.0))

    def amount(self, predicted: Floats) -> Floats:
        """Return the mean amount at predictions on the scale (n,), in currency, at least zero."""
        return np.maximum(self.smear * np.exp(predicted) - 1.0, 0.0)
