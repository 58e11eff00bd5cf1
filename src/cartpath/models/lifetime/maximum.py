"""The maximum of a likelihood over positive parameters, from several starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]
#: Parameters to the mean log likelihood and its gradient in them.
Likelihood = Callable[[Floats], tuple[float, Floats]]
#: How far from 1 a parameter may go, as a logarithm: beyond, the likelihood is level to the precision of numbers.
_FURTHEST = float(np.log(1e4))
#: Of the mean log likelihood, for each logarithm of a parameter that is at no bound.
_STEEPEST = 1e-5


def greatest(likelihood: Likelihood, starts: Sequence[Sequence[float]], what: str) -> tuple[Floats, float]:
    """Return the parameters with the greatest likelihood, and its logarithm's mean.

    L-BFGS-B in the logarithms of the parameters, which are held between 1e-4 and 1e4: where data say nothing of a
    parameter (nobody drops out), it ends at a bound, and what is predicted no longer depends on it.

    Parameters
    ----------
    likelihood : callable
        Parameters (k,) to the mean log likelihood and its gradient (k,).
    starts : sequence of sequences of float (k,)
        The best end is taken, so that a local maximum or a saddle is not.
    what : str
        The model, for the message.

    Raises
    ------
    CartpathError
        If no start ends where the likelihood is level.

    Examples
    --------
    Of an exponential distribution with mean 4 the rate is 1/4:

    >>> found, _ = greatest(lambda rate: (np.log(rate[0]) - 4 * rate[0], 1 / rate - 4), [[1.0], [9.0]], "the rate")
    >>> round(float(found[0]), 6)
    0.25
    """

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(np.exp(logs))
        return -value, -gradient * np.exp(logs)

    best: tuple[float, Floats] | None = None
    for start in starts:
        at = np.clip(np.log(np.asarray(start, np.float64)), -_FURTHEST, _FURTHEST)
        bounds = [(-_FURTHEST, _FURTHEST)] * len(at)
        options = {"maxiter": 2000, "maxfun": 20_000, "ftol": 1e-14, "gtol": 1e-9}
        end = minimize(loss, at, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if _level(end.x, end.jac) and np.isfinite(end.fun) and (best is None or end.fun < best[0]):
            best = float(end.fun), end.x
    if best is None:
        raise CartpathError(
            f"the likelihood of {what} has no maximum that {len(starts)} starts could find",
            "look at the purchases: amounts or times may be off; or use a longer log",
        )
    return np.exp(best[1]), -best[0]


def _level(logs: Floats, slope: Floats) -> bool:
    """Tell whether the loss falls in no direction in which the parameters may go."""
    held = ((logs <= -_FURTHEST) & (slope > 0)) | ((logs >= _FURTHEST) & (slope < 0))
    return bool((np.abs(slope[~held]) < _STEEPEST).all())
