"""What metrics are given, or why it cannot be measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]
Positive = npt.NDArray[np.bool_]


def checked_scores(labels: npt.NDArray[Any], scores: npt.NDArray[Any]) -> tuple[Positive, Floats]:
    """Return which rows are positive (n,), and their scores (n,).

    Raises
    ------
    CartpathError
        If they are not one a row, a label is neither 0 nor 1, or a score is not a number.

    Examples
    --------
    >>> checked_scores(np.array([0, 1]), np.array([1, 2]))
    (array([False,  True]), array([1., 2.]))
    """
    answers, values = np.asarray(labels), np.asarray(scores, np.float64)
    if answers.ndim != 1 or answers.shape != values.shape:
        raise CartpathError(
            f"a metric needs a label and a score a row, got shapes {answers.shape} and {values.shape}",
            "give two arrays of one length",
        )
    if not np.isin(answers, (0, 1)).all():
        raise CartpathError("labels are 0 or 1, others were found", "pass 1 for what is predicted, else 0")
    if np.isnan(values).any():
        raise CartpathError(
            f"{int(np.isnan(values).sum())} of {len(values)} scores are not a number", "leave out rows without a score"
        )
    return answers == 1, values


def checked_probabilities(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> tuple[Positive, Floats]:
    """Return which rows are positive (n,), and their probabilities (n,).

    Raises
    ------
    CartpathError
        As ``checked_scores``, and for a probability outside 0 to 1.
    """
    positive, values = checked_scores(labels, probabilities)
    if ((values < 0) | (values > 1)).any():
        raise CartpathError("probabilities are from 0 to 1, others were found", "calibrate scores first")
    return positive, values


def users_or_rows(users: npt.NDArray[Any] | None, n: int) -> npt.NDArray[Any]:
    """Return whose row each is (n,): without users each row is one.

    Raises
    ------
    CartpathError
        If there is not one user a row.
    """
    if users is None:
        return np.arange(n)
    if len(users) != n:
        raise CartpathError(f"{len(users)} users for {n} rows", "give whose row each is, one a row")
    return users
