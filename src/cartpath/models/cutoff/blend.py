"""Several models as one: a weighted sum of what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cartpath.features import Log
from cartpath.models.artefact import write_json
from cartpath.models.cutoff.scorer import SCORER, CutoffModel, Floats, read_scorer
from cartpath.tasks import CutoffRows


@dataclass(frozen=True)
class BlendModel:
    """``bias + sum of weight x what a member says``.

    Attributes
    ----------
    members : dict of str to CutoffModel
    weights : dict of str to float
    bias : float
    """

    members: Mapping[str, CutoffModel]
    weights: Mapping[str, float]
    bias: float = 0.0

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return the sums (n,); see ``CutoffModel``."""
        return self.of({name: member.predicted(log, rows) for name, member in self.members.items()})

    def of(self, said: Mapping[str, Floats]) -> Floats:
        """Return the sums, given what the members say (n,).

        Examples
        --------
        >>> BlendModel({}, {"a": 0.5, "b": 1.0}, 1.0).of({"a": np.array([2.0]), "b": np.array([3.0])}).tolist()
        [5.0]
        """
        found = np.full(len(next(iter(said.values()))), self.bias)
        for name, weight in self.weights.items():
            found += weight * said[name]
        return found

    def save(self, folder: Path) -> None:
        """Write the members, each in a folder of its own, and their weights."""
        for name, member in self.members.items():
            (folder / name).mkdir()
            member.save(folder / name)
        write_json(folder / SCORER, {"kind": "blend", "weights": dict(self.weights), "bias": self.bias})

    @classmethod
    def load(cls, folder: Path, member: Callable[[Path], CutoffModel]) -> BlendModel:
        """Read what ``save`` wrote; ``member`` reads each of the models."""
        raw = read_scorer(folder)
        return cls({name: member(folder / name) for name in raw["weights"]}, raw["weights"], float(raw["bias"]))
