"""Where a head for users at cut-offs begins: at a regression on where the users stand, which the path then adds to."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath.models.cutoff.scorer import Floats
from cartpath.models.extra import need

if TYPE_CHECKING:
    from cartpath.models.cutoff.head import CutoffHead
    from cartpath.training.cutoff.network import Questions

#: Log odds of what always, or never, is so in training.
_SURE = 10.0


def start_head(head: CutoffHead, questions: Questions) -> None:
    """Fit the bins of a head to training rows, and its linear map to their answers.

    From nothing, the hundred weights of the standing take longer than the network has before it has learned rows by
    heart: on Online Retail such networks stayed behind a regression on recency, frequency and monetary value.

    Parameters
    ----------
    head : CutoffHead
        New; with two outputs the first is whether there is any amount, the second how much there is then.
    questions : Questions
    """
    import torch

    from cartpath.models.cutoff.head import encoded

    standing = torch.from_numpy(questions.standing)
    head.fit_scale(standing)
    columns = encoded(standing, head.edges).numpy()
    target, weight = questions.target.astype(np.float64), questions.weight.astype(np.float64)
    found = [_odds(columns, target > 0, weight)]
    if head.shape["outputs"] == 2:
        some = target > 0
        found.append(_amounts(columns[some], target[some]))
    weights, biases = (np.array(values, np.float32) for values in zip(*found, strict=True))
    head.start_at(torch.from_numpy(weights), torch.from_numpy(biases))


def _odds(columns: npt.NDArray[Any], label: npt.NDArray[np.bool_], weight: Floats) -> tuple[Floats, float]:
    """Return the weights and the bias of a logistic regression."""
    need("sklearn", "the networks for users at cut-offs")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if label.all() or not label.any():
        return np.zeros(columns.shape[1]), _SURE if label.any() else -_SURE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = LogisticRegression(max_iter=300).fit(columns, label, weight)
    return found.coef_[0], float(found.intercept_[0])


def _amounts(columns: npt.NDArray[Any], target: Floats) -> tuple[Floats, float]:
    """Return the weights and the bias of a ridge regression."""
    need("sklearn", "the networks for users at cut-offs")
    from sklearn.linear_model import Ridge

    found = Ridge().fit(columns.astype(np.float64), target)
    return found.coef_, float(found.intercept_)
