"""What a calibrator can be fitted on, and the labels that it is fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
#: With fewer of either label a fit says more of chance than of the scores.
MIN_OF_EACH = 10


def checked(logits: npt.NDArray[Any], labels: npt.NDArray[Any]) -> tuple[Floats, Labels]:
    """Return logits and labels as arrays of numbers.

    Raises
    ------
    CartpathError
        If they are not one a row, a logit is no finite number, or a label is neither 0 nor 1.

    Examples
    --------
    >>> checked(np.array([0, 1]), np.array([False, True]))
    (array([0., 1.]), array([0, 1], dtype=int8))
    """
    odds, answers = np.asarray(logits, np.float64), np.asarray(labels)
    if odds.ndim != 1 or odds.shape != answers.shape:
        raise CartpathError(
            f"calibration needs a logit and a label a row, got shapes {odds.shape} and {answers.shape}",
            "give two arrays of one length",
        )
    if not np.isfinite(odds).all():
        raise CartpathError(
            f"{int((~np.isfinite(odds)).sum())} of {len(odds)} logits are not finite",
            "probabilities of 0 and 1 have no logit: take models.logit, which holds them finite",
        )
    if not np.isin(answers, (0, 1)).all():
        raise CartpathError(
            "labels for calibration are 0 or 1, others were found", "pass 1 for what is predicted, else 0"
        )
    return odds, answers.astype(np.int8)


def too_few(labels: Labels) -> bool:
    """Tell whether either label occurs fewer than ``MIN_OF_EACH`` times."""
    positives = int(labels.sum())
    return min(positives, len(labels) - positives) < MIN_OF_EACH


def smoothed(labels: Labels) -> Floats:
    """Return Platt's targets, which are never 0 or 1: each label as if one more of it and one of the other were seen.

    ``(N1 + 1) / (N1 + 2)`` for a positive and ``1 / (N0 + 2)`` for a negative, of N1 positives and N0 negatives.

    Examples
    --------
    >>> [round(float(target), 4) for target in smoothed(np.array([0, 0, 1], np.int8))]
    [0.25, 0.25, 0.6667]
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    return np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
