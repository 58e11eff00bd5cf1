"""Which threshold each draw of users would choose, and so what choosing on the same rows flatters."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.bootstrap import drawn_counts, user_codes
from cartpath.evaluation.discrimination import ends_of_ties
from cartpath.store.jit import kernel

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
_NAN = float("nan")


def choose_by_draws(
    positive: npt.NDArray[np.bool_],
    p: Floats,
    users: npt.NDArray[Any],
    worth: tuple[float, float],
    thresholds: Floats,
    per_row: Floats,
    draws: int,
    seed: int,
) -> tuple[float, float, float]:
    """Return the optimism of choosing on the same rows, and the ends of where 95% of draws choose.

    Parameters
    ----------
    positive : bool array (n,)
    p : float64 array (n,)
    users : array (n,)
    worth : tuple of float
        Benefit and cost.
    thresholds, per_row : float64 array (m,)
        As of ``ProfitCurve``, falling from infinity; and the profit per row at each.
    draws, seed : int
    """
    codes, n_users = user_codes(users)
    order = np.argsort(-p, kind="stable")
    ranked = (codes[order], positive[order], ends_of_ties(p[order]))
    found = [_best(counts, *ranked, *worth) for counts in drawn_counts(n_users, draws, seed)]
    if not found:
        return _NAN, _NAN, _NAN
    place = np.array([at for at, _ in found])
    optimism = float(np.mean([there for _, there in found]) - per_row[place].mean())
    # An infinite threshold has no mean with another, so that the ends are thresholds of draws.
    low, high = np.quantile(thresholds[place], [0.025, 0.975], method="inverted_cdf")
    return optimism, float(low), float(high)


@kernel
def _best(
    weights: Index,
    users: Index,
    positive: npt.NDArray[np.bool_],
    last: npt.NDArray[np.bool_],
    benefit: float,
    cost: float,
) -> tuple[int, float]:
    """Return which threshold has the highest profit, 0 being that of nobody, and the profit per row."""
    best, place, level = 0.0, 0, 0
    treated = found = np.int64(0)
    for row in range(len(users)):
        weight = weights[users[row]]
        treated += weight
        found += weight * np.int64(positive[row])
        if last[row]:
            level += 1
            worth = benefit * found - cost * treated
            if worth > best:
                best, place = worth, level
    return place, best / treated
