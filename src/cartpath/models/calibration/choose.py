"""Which calibration: the one whose probabilities were the likeliest for visitors that it was not fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cartpath.models.calibration.checks import MIN_OF_EACH, Floats, Labels, checked, too_few
from cartpath.models.calibration.isotonic import Isotonic, fit_isotonic
from cartpath.models.calibration.logistic import Platt, fit_platt, fit_shift, weight_shift
from cartpath.models.calibration.temperature import Temperature, fit_temperature
from cartpath.schema import CartpathError

_FOLDS = 5
_LEAST = 1e-15


class Calibrator(Protocol):
    """From logits to probabilities, in the same order."""

    def apply(self, logits: Floats) -> Floats:
        """Return probabilities (n,) of logits (n,)."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, with its ``kind``."""


_KINDS: dict[str, Callable[[dict[str, Any]], Calibrator]] = {
    "platt": Platt.from_dict,
    "temperature": Temperature.from_dict,
    "isotonic": Isotonic.from_dict,
}


def calibrator_from_dict(raw: dict[str, Any]) -> Calibrator:
    """Read what a calibrator's ``to_dict`` gave; without a kind, as older models are stored, it is Platt's.

    Raises
    ------
    CartpathError
        If there is no such kind, or its numbers are missing.

    Examples
    --------
    >>> calibrator_from_dict({"slope": 2.0, "shift": 0.5})
    Platt(slope=2.0, shift=0.5)
    >>> calibrator_from_dict({"kind": "temperature", "temperature": 1.5})
    Temperature(temperature=1.5)
    """
    kind = raw.get("kind", "platt")
    try:
        return _KINDS[kind](raw)
    except (KeyError, TypeError, ValueError) as error:
        raise CartpathError(
            f"no calibration can be read from {raw!r}", f"kinds: {', '.join(_KINDS)}; fit the model again"
        ) from error


@dataclass(frozen=True)
class Chosen:
    """A calibrator, and why it is this one.

    Attributes
    ----------
    calibrator : Calibrator
        Fitted on the whole slice.
    name : str
        ``identity``, ``prior`` (what undoes the loss weight), ``shift``, ``temperature``, ``platt`` or ``isotonic``.
    losses : dict of str to float
        Mean log loss of each in nats, on the folds it was not fitted on; empty where nothing could be compared.
    n, positives, folds : int
        Rows and positives of the slice, and the folds; 0 folds where nothing was compared.
    reason : str
        In words.
    """

    calibrator: Calibrator
    name: str
    losses: dict[str, float]
    n: int
    positives: int
    folds: int
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**vars(self), "calibrator": self.calibrator.to_dict(), "losses": dict(self.losses)}


def choose_calibrator(
    logits: Floats,
    labels: npt.NDArray[np.int8],
    groups: npt.NDArray[Any] | None = None,
    seed: int = 0,
    weight: float = 1.0,
) -> Chosen:
    """Fit each calibration, and keep the one with the lowest cross-validated log loss within the slice.

    Before anything else the logits lose the loss weight of positives, so that the candidates are: as it is
    (``identity``, or ``prior`` with a weight), ``shift``, ``temperature``, ``platt``, ``isotonic``; of equal losses the
    first wins. Logits that training has fitted to this very slice would make it all look better than it is.

    Parameters
    ----------
    logits : float64 array (n,)
    labels : int8 array (n,)
        0 or 1.
    groups : array (n,), optional
        Whose row each is: the rows of one visitor are in one fold. Without it each row is a visitor.
    seed : int
        Of the folds.
    weight : float
        What the loss of a positive was multiplied by in training.

    Returns
    -------
    Chosen
        As it is, where either label occurs fewer than ``MIN_OF_EACH`` times or there are fewer than two visitors with
        each label.

    Raises
    ------
    CartpathError
        As ``checks.checked`` and ``weight_shift`` say, or where groups are not one a row.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> odds = rng.normal(-1, 1, 4000)
    >>> labels = (rng.random(4000) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    >>> choose_calibrator(3 * odds, labels).name
    'temperature'
    >>> choose_calibrator(odds[:12], labels[:12]).reason
    'left as it is: 3 positives of 12, and a fit needs 10 of either label'
    """
    logits, labels = checked(logits, labels)
    visitors = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if len(visitors) != len(labels):
        raise CartpathError(f"{len(visitors)} groups for {len(labels)} rows", "give whose row each is, one a row")
    prior = weight_shift(weight)
    first = "identity" if weight == 1 else "prior"
    n, positives = len(labels), int(labels.sum())
    folds, count = _folds(visitors, labels, seed)
    if too_few(labels) or count < 2:
        why = (
            f"a fit needs {MIN_OF_EACH} of either label" if too_few(labels) else "too few visitors have them for folds"
        )
        reason = f"left as it is: {positives} positives of {n}, and {why}"
        return Chosen(prior, first, {}, n, positives, 0, reason)
    fits = _candidates(first, prior)
    losses = {name: _held_out(fit, logits, labels, folds) for name, fit in fits.items()}
    best = min(losses, key=lambda name: losses[name])
    reason = f"lowest log loss over {count} folds of visitors, of {len(losses)} calibrations"
    return Chosen(fits[best](logits, labels), best, losses, n, positives, count, reason)


def _candidates(first: str, prior: Platt) -> dict[str, Callable[[Floats, Labels], Calibrator]]:
    """Return the fits by name, the simplest first."""
    return {
        first: lambda logits, labels: prior,
        "shift": fit_shift,
        "temperature": lambda logits, labels: _temperature(prior, logits, labels),
        "platt": fit_platt,
        "isotonic": fit_isotonic,
    }


def _temperature(prior: Platt, logits: Floats, labels: Labels) -> Calibrator:
    """Fit the temperature of logits without their loss weight; with one, the two together are a line."""
    found = fit_temperature(logits + prior.shift, labels)
    return Platt(1 / found.temperature, prior.shift / found.temperature) if prior.shift else found


def _folds(visitors: npt.NDArray[np.int64], labels: Labels, seed: int) -> tuple[npt.NDArray[np.int64], int]:
    """Return the fold of each row, and how many there are: visitors dealt out at random, whatever their labels.

    Folds made to have equal rates would tell a fit the rate of the rows it is judged on: of right probabilities the
    shift to the slice's chance rate would then win. Where few visitors have a label, there are as few folds.
    """
    converted = np.bincount(visitors, labels) > 0
    left = np.bincount(visitors, 1 - labels) > 0
    count = int(min(_FOLDS, converted.sum(), left.sum()))
    fold = np.random.default_rng(seed).permutation(len(converted)) % max(count, 1)
    return fold[visitors], count


def _held_out(
    fit: Callable[[Floats, Labels], Calibrator], logits: Floats, labels: Labels, folds: npt.NDArray[np.int64]
) -> float:
    """Return the mean log loss of rows under the calibration of the other folds."""
    total = 0.0
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        p = np.clip(fit(logits[~held], labels[~held]).apply(logits[held]), _LEAST, 1 - _LEAST)
        total -= float(np.where(labels[held] == 1, np.log(p), np.log1p(-p)).sum())
    return total / len(labels)
