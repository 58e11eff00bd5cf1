"""One answer for everybody: what is known without looking at anyone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cartpath.features import Log
from cartpath.models.artefact import SCORER, read_scorer, write_json
from cartpath.models.calibration import logit
from cartpath.models.cutoff.scorer import Floats, target_of
from cartpath.tasks import CutoffRows, SpendRows


@dataclass(frozen=True)
class Constant:
    """The log odds of the share of positives, or the mean amount on ``LogScale``.

    Attributes
    ----------
    value : float

    Examples
    --------
    >>> place = np.zeros(2, np.int64)
    >>> Constant.of(SpendRows(place, place, place, place, np.expm1([1.0, 3.0]))).value
    2.0
    """

    value: float

    @classmethod
    def of(cls, rows: CutoffRows) -> Constant:
        """Take it of training rows."""
        mean = target_of(rows).mean()
        return cls(float(mean if isinstance(rows, SpendRows) else logit(np.array([mean]))[0]))

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return it for each row (n,); see ``CutoffModel``."""
        return np.full(len(rows), self.value)

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        write_json(folder / SCORER, {"kind": "constant", "value": self.value})

    @classmethod
    def load(cls, folder: Path) -> Constant:
        """Read what ``save`` wrote."""
        return cls(float(read_scorer(folder)["value"]))
