"""LightGBM on the columns of users at cut-offs, alone or with a pretrained network's view of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.features import FeatureTable, Log
from cartpath.models.artefact import SCORER, read_scorer, write_json
from cartpath.models.calibration import logit
from cartpath.models.cutoff.columns import ColumnSet, describe
from cartpath.models.cutoff.frozen import frozen_at, frozen_names
from cartpath.models.cutoff.scorer import Floats
from cartpath.models.intent.trees import read_trees, write_trees
from cartpath.models.pretrained import Pretrained
from cartpath.tasks import CutoffRows, RepeatRows

_FROZEN = "frozen"


@dataclass(frozen=True)
class TreeModel:
    """Boosted trees.

    Attributes
    ----------
    trees : lightgbm.Booster
    columns : ColumnSet
    of_amounts : bool
        Whether the trees give amounts on ``LogScale`` rather than probabilities.
    frozen : Pretrained, optional
        A network that saw no answers; its view of the user is input as well.
    """

    trees: Any
    columns: ColumnSet
    of_amounts: bool
    frozen: Pretrained | None = None

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return log odds, or amounts on the scale (n,); see ``CutoffModel``."""
        return self.of(self.inputs(log, rows))

    def inputs(self, log: Log, rows: CutoffRows) -> FeatureTable:
        """Return what the trees read."""
        return tree_inputs(log, rows, self.columns, self.frozen)

    def of(self, table: FeatureTable) -> Floats:
        """Return what the trees say of a table's rows (n,)."""
        said = np.asarray(self.trees.predict(table.values, num_threads=2), np.float64)
        return np.maximum(said, 0.0) if self.of_amounts else logit(said)

    def save(self, folder: Path) -> None:
        """Write trees and columns into a folder."""
        if self.frozen is not None:
            self.frozen.save(folder / _FROZEN)
        content = {"kind": "trees", "of_amounts": self.of_amounts, "columns": self.columns.to_dict()}
        content["frozen"] = self.frozen is not None
        write_json(folder / SCORER, {**content, "digest": write_trees(self.trees, folder)})

    @classmethod
    def load(cls, folder: Path) -> TreeModel:
        """Read what ``save`` wrote."""
        raw = read_scorer(folder)
        trees = read_trees(folder, raw["digest"])
        frozen = Pretrained.load(folder / _FROZEN) if raw["frozen"] else None
        return cls(trees, ColumnSet.from_dict(raw["columns"]), bool(raw["of_amounts"]), frozen)


def tree_inputs(log: Log, rows: CutoffRows, columns: ColumnSet, frozen: Pretrained | None) -> FeatureTable:
    """Return what trees read: columns, and after them what a network makes of the path; see ``frozen_at``."""
    found = columns.read(describe(log, rows))
    if frozen is None:
        return found
    of = rows.kind if isinstance(rows, RepeatRows) else None
    names, view = frozen_names(frozen, of), frozen_at(frozen, log, rows, of)
    return FeatureTable(found.names + names, np.column_stack([found.values, view]), found.categorical)
