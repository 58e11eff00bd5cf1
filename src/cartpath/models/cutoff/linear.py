"""Linear models of columns: logistic regression, and ridge regression of the spend on ``LogScale``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import FeatureTable, Log
from cartpath.models.artefact import SCORER, read_scorer, write_json
from cartpath.models.cutoff.columns import ColumnSet, describe
from cartpath.models.cutoff.scorer import Floats
from cartpath.models.intent import Design
from cartpath.tasks import CutoffRows

_WEIGHTS = "weights.npz"


@dataclass(frozen=True)
class LinearModel:
    """A weighted sum of columns.

    Attributes
    ----------
    columns : ColumnSet
    design : Design
        How they become those of a linear model.
    weights : float64 array (n_design_columns,)
    bias : float
    """

    columns: ColumnSet
    design: Design
    weights: Floats
    bias: float

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return the sums (n,); see ``CutoffModel``."""
        return self.of(self.columns.read(describe(log, rows)))

    def of(self, table: FeatureTable) -> Floats:
        """Return the sums of a table's rows (n,)."""
        # Row by row, so that a user alone gets the same digits as among others.
        found: Floats = np.einsum("ij,j->i", self.design.columns(table), self.weights) + self.bias
        return found

    def save(self, folder: Path) -> None:
        """Write weights and columns into a folder."""
        arrays: dict[str, npt.NDArray[Any]] = {"mean": self.design.mean, "deviation": self.design.deviation}
        arrays |= {f"category_{n}": values for n, values in enumerate(self.design.categories)}
        np.savez(folder / _WEIGHTS, weights=self.weights, **arrays)  # type: ignore[arg-type]
        content = {"kind": "linear", "bias": self.bias, "categories": len(self.design.categories)}
        write_json(folder / SCORER, {**content, "columns": self.columns.to_dict()})

    @classmethod
    def load(cls, folder: Path) -> LinearModel:
        """Read what ``save`` wrote."""
        raw = read_scorer(folder)
        with np.load(folder / _WEIGHTS) as arrays:
            categories = tuple(arrays[f"category_{n}"] for n in range(raw["categories"]))
            design = Design(arrays["mean"], arrays["deviation"], categories)
            return cls(ColumnSet.from_dict(raw["columns"]), design, arrays["weights"], float(raw["bias"]))
