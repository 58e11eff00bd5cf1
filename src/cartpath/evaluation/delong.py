"""DeLong's test: do two scores of the same rows differ in AUC?

Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988; mid-rank form of Sun and Xu, 2014.
It takes rows as independent; where users have several rows, read the user bootstrap beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.discrimination import mid_ranks

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DeLong:
    """Two AUCs and how sure their difference is.

    Attributes
    ----------
    ours, theirs : float
        The AUCs.
    z, p : float
        Difference over its standard error, and the two-sided p-value.
    """

    ours: float
    theirs: float
    z: float
    p: float


def delong(labels: npt.NDArray[Any], ours: Floats, theirs: Floats) -> DeLong:
    """Compare the AUCs of two scores.

    Parameters
    ----------
    labels : array (n,)
        0 or 1, both present.
    ours, theirs : float64 array (n,)

    Returns
    -------
    DeLong
        z is 0 and p is 1 where the AUCs are equal. z and p are NaN where the data say nothing of how sure a
        difference is: one row of a label alone, or no spread. All NaN where a label is missing.

    Examples
    --------
    >>> labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.2, 0.9])
    >>> delong(labels, scores, scores).p
    1.0
    """
    positive = np.asarray(labels) == 1
    if positive.all() or not positive.any():
        return DeLong(*[float("nan")] * 4)
    parts = [_components(positive, np.asarray(scores, np.float64)) for scores in (ours, theirs)]
    aucs = [float(by_positive.mean()) for by_positive, _ in parts]
    if math.isclose(*aucs, rel_tol=0, abs_tol=1e-12):
        return DeLong(aucs[0], aucs[1], 0.0, 1.0)
    gaps = [ours_side - theirs_side for ours_side, theirs_side in zip(*parts, strict=True)]
    variance = sum(float(np.var(gap, ddof=1)) / len(gap) if len(gap) > 1 else math.nan for gap in gaps)
    if not variance > 0:
        return DeLong(aucs[0], aucs[1], math.nan, math.nan)
    z = (aucs[0] - aucs[1]) / math.sqrt(variance)
    return DeLong(aucs[0], aucs[1], z, math.erfc(abs(z) / math.sqrt(2)))


def _components(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Return for each positive the share of negatives below it, for each negative the share of positives above."""
    ranks = mid_ranks(scores)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    by_positive = (ranks[positive] - mid_ranks(scores[positive])) / n_negative
    by_negative = 1 - (ranks[~positive] - mid_ranks(scores[~positive])) / n_positive
    return by_positive, by_negative
