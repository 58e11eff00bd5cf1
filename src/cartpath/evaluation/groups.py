"""The metrics of probabilities for each value of a property: channel, device, country, new or returning."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.bootstrap import DRAWS, Interval
from cartpath.evaluation.calibration_error import CalibrationError, calibration_error
from cartpath.evaluation.drawn import drawn_discrimination
from cartpath.evaluation.inputs import checked_probabilities, users_or_rows
from cartpath.evaluation.likelihood import log_losses
from cartpath.evaluation.paired import mean_interval
from cartpath.models.artefact import finite
from cartpath.schema import CartpathError

#: What rows without a value are called, as in the path views.
NONE = "(none)"
#: A group with fewer of either label is small: its figures say little, whatever their intervals.
MIN_OF_EACH = 10


@dataclass(frozen=True)
class GroupMetrics:
    """One value of a property.

    Attributes
    ----------
    group : str
    n, positives, users : int
    small : bool
        Whether either label occurs fewer than ``MIN_OF_EACH`` times.
    rate, predicted : float
        Of positives, and the mean probability.
    auc, average_precision, log_loss : Interval
        NaN where not defined, as AUC is with one label alone.
    calibration_error : CalibrationError
    """

    group: str
    n: int
    positives: int
    users: int
    small: bool
    rate: float
    predicted: float
    auc: Interval
    average_precision: Interval
    log_loss: Interval
    calibration_error: CalibrationError

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, what is not defined as None."""
        content: dict[str, Any] = finite(asdict(self))
        return content


def by_group(
    labels: npt.NDArray[Any],
    probabilities: npt.NDArray[Any],
    groups: npt.NDArray[Any],
    users: npt.NDArray[Any] | None = None,
    bins: int = 10,
    draws: int = DRAWS,
    seed: int = 0,
    scores: npt.NDArray[Any] | None = None,
) -> list[GroupMetrics]:
    """Return the metrics of each group, the largest first, none left out however small.

    Parameters
    ----------
    labels : array (n,)
        0 or 1.
    probabilities : array (n,)
    groups : array (n,)
        The value of the property; missing ones (None, NaN, empty text) are the group ``(none)``.
    users : array (n,), optional
        Whose row each is; without it each row is a user.
    bins : int
        Of the calibration error.
    draws : int
    seed : int
    scores : array (n,), optional
        What rows are ranked by, where probabilities come from several calibrations; the probabilities by default.

    Returns
    -------
    list of GroupMetrics
        By falling n, then by name.

    Raises
    ------
    CartpathError
        If groups or users are not one a row, or labels or probabilities are none.

    Examples
    --------
    >>> table = by_group(np.array([0, 1, 0]), np.array([0.2, 0.8, 0.1]), np.array(["app", "app", None]), draws=10)
    >>> [(row.group, row.n, row.positives, row.auc.value, row.small) for row in table]
    [('app', 2, 1, 1.0, True), ('(none)', 1, 0, nan, True)]
    """
    positive, p = checked_probabilities(labels, probabilities)
    whose = users_or_rows(users, len(p))
    if len(groups) != len(p):
        raise CartpathError(f"{len(groups)} groups for {len(p)} rows", "give the value of each row")
    ranked = p if scores is None else np.asarray(scores, np.float64)
    names, place = np.unique(np.array([_name(value) for value in groups], object), return_inverse=True)
    table = []
    for number, name in enumerate(names):
        rows = place == number
        table.append(_metrics(name, positive[rows], p[rows], ranked[rows], whose[rows], bins, draws, seed))
    return sorted(table, key=lambda row: (-row.n, row.group))


def _metrics(
    name: str,
    positive: npt.NDArray[np.bool_],
    p: Any,
    scores: Any,
    users: npt.NDArray[Any],
    bins: int,
    draws: int,
    seed: int,
) -> GroupMetrics:
    n, positives = len(p), int(positive.sum())
    auc, ap = drawn_discrimination(positive, scores, users, draws, seed)
    return GroupMetrics(
        name, n, positives, len(np.unique(users)), min(positives, n - positives) < MIN_OF_EACH,
        positives / n, float(p.mean()), auc.interval, ap.interval,
        mean_interval(log_losses(positive, p), users, draws, seed),
        calibration_error(positive, p, users, bins, draws, seed),
    )  # fmt: skip


def _name(value: Any) -> str:
    missing = value is None or value != value or value == ""
    return NONE if missing else str(value)
