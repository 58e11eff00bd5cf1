"""The share of positives at each step: what is known without looking at the path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.artefact import SCORER, read_scorer, write_json
from cartpath.models.calibration import logit
from cartpath.models.intent.scorer import GROUPS, Floats, Index, group_of, steps_at


@dataclass
class BaseRate:
    """The share of positives in training, by group of steps.

    Attributes
    ----------
    rates : dict of int to float
        By the group's first step.

    Examples
    --------
    >>> BaseRate.of(np.array([0, 0, 0, 1], np.int8), np.array([1, 1, 2, 2])).rates
    {1: 0.0, 2: 0.5, 3: 0.25, 5: 0.25, 10: 0.25, 20: 0.25}
    """

    rates: dict[int, float]

    @classmethod
    def of(cls, labels: npt.NDArray[np.int8], steps: Index) -> BaseRate:
        """Take the rates of training rows; a group of steps without rows has that of all."""
        group = group_of(steps)
        parts = {first: labels[group == first] for first in GROUPS}
        return cls({first: float((part if len(part) else labels).mean()) for first, part in parts.items()})

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return the log odds (n,); see ``Intent``."""
        rate = np.array([self.rates[first] for first in GROUPS])
        return logit(rate[np.searchsorted(GROUPS, steps_at(log, ends), side="right") - 1])

    def save(self, folder: Path) -> None:
        """Write the rates into a folder."""
        write_json(folder / SCORER, {"kind": "base-rate", "rates": self.rates})

    @classmethod
    def load(cls, folder: Path) -> BaseRate:
        """Read what ``save`` wrote."""
        return cls({int(first): float(rate) for first, rate in read_scorer(folder)["rates"].items()})
