"""LightGBM on the columns of users at cut-offs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.features import FeatureTable, Log
from cartpath.models.artefact import write_json
from cartpath.models.calibration import logit
from cartpath.models.cutoff.columns import ColumnSet, describe
from cartpath.models.cutoff.scorer import SCORER, Floats, read_scorer
from cartpath.models.intent.trees import read_trees, write_trees
from cartpath.tasks import CutoffRows


@dataclass(frozen=True)
class TreeModel:
    """Boosted trees.

    Attributes
    ----------
    trees : lightgbm.Booster
    columns : ColumnSet
    of_amounts : bool
        Whether the trees give amounts on ``LogScale`` rather than probabilities.
    """

    trees: Any
    columns: ColumnSet
    of_amounts: bool

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return log odds, or amounts on the scale (n,); see ``CutoffModel``."""
        return self.of(self.inputs(log, rows))

    def inputs(self, log: Log, rows: CutoffRows) -> FeatureTable:
        """Return what the trees read."""
        return self.columns.read(describe(log, rows))

    def of(self, table: FeatureTable) -> Floats:
        """Return what the trees say of a table's rows (n,)."""
        said = np.asarray(self.trees.predict(table.values, num_threads=2), np.float64)
        return np.maximum(said, 0.0) if self.of_amounts else logit(said)

    def save(self, folder: Path) -> None:
        """Write trees and columns into a folder."""
        content = {"kind": "trees", "of_amounts": self.of_amounts, "columns": self.columns.to_dict()}
        write_json(folder / SCORER, {**content, "digest": write_trees(self.trees, folder)})

    @classmethod
    def load(cls, folder: Path) -> TreeModel:
        """Read what ``save`` wrote."""
        raw = read_scorer(folder)
        trees = read_trees(folder, raw["digest"])
        return cls(trees, ColumnSet.from_dict(raw["columns"]), bool(raw["of_amounts"]))
