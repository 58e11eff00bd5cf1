"""A model and its calibration: probabilities that mean what they say, and amounts with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.artefact import write_json
from cartpath.models.calibration import Calibrator, Platt, calibrator_from_dict
from cartpath.models.cutoff.amounts import AmountCurve
from cartpath.models.cutoff.scorer import CutoffModel, Floats
from cartpath.tasks import CutoffRows, LogScale

CALIBRATION = "calibration.json"


@dataclass
class LabelScorer:
    """A model of a label, and the calibration of its log odds.

    Attributes
    ----------
    model : CutoffModel
    calibration : Calibrator
    """

    model: CutoffModel
    calibration: Calibrator = field(default_factory=Platt)

    def score(self, log: Log, rows: CutoffRows) -> Floats:
        """Return the probability of label 1 (n,)."""
        return self.of(self.model.predicted(log, rows))

    def of(self, predicted: Floats) -> Floats:
        """Return probabilities, given the log odds of the model (n,)."""
        return np.asarray(self.calibration.apply(predicted), np.float64) if len(predicted) else np.zeros(0)

    def save(self, folder: Path) -> None:
        """Write model and calibration into a folder; ``load_cutoff`` reads them."""
        self.model.save(folder)
        write_json(folder / CALIBRATION, {"of": "labels", "calibration": self.calibration.to_dict()})

    @classmethod
    def read(cls, model: CutoffModel, raw: dict[str, Any]) -> Self:
        """Take a model with the calibration that ``save`` wrote."""
        return cls(model, calibrator_from_dict(raw["calibration"]))


@dataclass(frozen=True)
class Band:
    """Around a prediction, where the answer lies: in groups of predictions the quantiles of errors, and a margin.

    Conformalised quantile regression (Romano, Patterson, Candès 2019), with quantiles of errors by group for the
    quantile regression: whom a model expects to spend nothing gets a narrow band, a buyer a wide one.

    Attributes
    ----------
    edges : float64 array (n_groups - 1,)
        Of predictions.
    below, above : float64 array (n_groups,)
        Quantiles of answer less prediction; 0 and 0 of one group is the plain absolute error.
    margin : float
        What a calibration slice adds on both sides; infinite where the slice is too small for the level.
    level : float
        Share of answers that lie in the band.

    Examples
    --------
    >>> band = Band(np.array([1.0]), np.array([0.0, -1.0]), np.array([0.5, 1.0]), 0.25)
    >>> [side.tolist() for side in band.around(np.array([0.0, 2.0]))]
    [[-0.25, 0.75], [0.75, 3.25]]
    """

    edges: Floats = field(default_factory=lambda: np.zeros(0))
    below: Floats = field(default_factory=lambda: np.zeros(1))
    above: Floats = field(default_factory=lambda: np.zeros(1))
    margin: float = float("inf")
    level: float = 0.9

    @classmethod
    def of(cls, predicted: Floats, target: Floats, groups: int = 10, least: int = 50, level: float = 0.9) -> Self:
        """Take the quantiles of errors on a slice, in groups of at least so many rows; no margin yet."""
        groups = max(min(groups, len(predicted) // least), 1)
        edges = np.unique(np.quantile(predicted, np.linspace(0, 1, groups + 1)[1:-1])) if groups > 1 else np.zeros(0)
        if len(predicted) < least:
            return cls(level=level)
        place, error = np.searchsorted(edges, predicted, side="right"), target - predicted
        tails = ((1 - level) / 2, (1 + level) / 2)
        found = [
            np.quantile(error[place == n], tails) if (place == n).any() else (0.0, 0.0) for n in range(len(edges) + 1)
        ]
        below, above = np.array(found).T
        return cls(edges, below, above, level=level)

    def misses(self, predicted: Floats, target: Floats) -> Floats:
        """Return how far answers lie beyond the band without its margin (n,); below zero inside of it."""
        low, high = self._quantiles(predicted)
        return np.maximum(low - target, target - high)

    def around(self, predicted: Floats) -> tuple[Floats, Floats]:
        """Return the ends of the band at predictions (n,)."""
        low, high = self._quantiles(predicted)
        # A margin below zero must not turn the band inside out.
        middle = (low + high) / 2
        return np.minimum(low - self.margin, middle), np.maximum(high + self.margin, middle)

    def _quantiles(self, predicted: Floats) -> tuple[Floats, Floats]:
        place = np.searchsorted(self.edges, predicted, side="right")
        return predicted + self.below[place], predicted + self.above[place]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        lists = {name: getattr(self, name).tolist() for name in ("edges", "below", "above")}
        return {**lists, "margin": self.margin if np.isfinite(self.margin) else None, "level": self.level}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Read what ``to_dict`` gave."""
        edges, below, above = (np.array(raw[name], np.float64) for name in ("edges", "below", "above"))
        margin = float("inf") if raw["margin"] is None else float(raw["margin"])
        return cls(edges, below, above, margin, float(raw["level"]))


@dataclass
class SpendScorer:
    """A model of spend on ``LogScale``, the way back to currency, and the band around it.

    Attributes
    ----------
    model : CutoffModel
    scale : AmountCurve
    band : Band
        On the scale.
    """

    model: CutoffModel
    scale: AmountCurve = field(default_factory=AmountCurve)
    band: Band = field(default_factory=Band)

    def score(self, log: Log, rows: CutoffRows) -> Floats:
        """Return the mean amount to be expected, in currency (n,)."""
        return self.scale.amount(self.model.predicted(log, rows))

    def interval(self, predicted: Floats) -> tuple[Floats, Floats]:
        """Return the least and the largest amount of the band, given what the model says (n,), in currency."""
        return amounts_of(*self.band.around(predicted))

    def save(self, folder: Path) -> None:
        """Write model and calibration into a folder; ``load_cutoff`` reads them."""
        self.model.save(folder)
        content = {"of": "amounts", "scale": self.scale.to_dict(), "band": self.band.to_dict()}
        write_json(folder / CALIBRATION, content)

    @classmethod
    def read(cls, model: CutoffModel, raw: dict[str, Any]) -> Self:
        """Take a model with the calibration that ``save`` wrote."""
        return cls(model, AmountCurve.from_dict(raw["scale"]), Band.from_dict(raw["band"]))


def amounts_of(low: Floats, high: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the ends of a band on ``LogScale`` in currency: quantiles are taken back as they are, at least zero."""
    return LogScale().amount(low), LogScale().amount(high)
