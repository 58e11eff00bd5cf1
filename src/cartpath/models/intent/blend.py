"""Several models as one: a weighted sum of their log odds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cartpath.features import Log
from cartpath.models.artefact import write_json
from cartpath.models.intent.scorer import SCORER, Floats, Index, Intent, read_scorer


@dataclass
class BlendIntent:
    """``bias + sum of weight x log odds``.

    Attributes
    ----------
    members : dict of str to Intent
    weights : dict of str to float
    bias : float
    """

    members: Mapping[str, Intent]
    weights: Mapping[str, float]
    bias: float = 0.0

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return the log odds (n,); see ``Intent``."""
        return self.of({name: member.logits(log, ends) for name, member in self.members.items()})

    def of(self, logits: Mapping[str, Floats]) -> Floats:
        """Return the log odds, given those of the members (n,)."""
        found = np.full(len(next(iter(logits.values()))), self.bias)
        for name, weight in self.weights.items():
            found += weight * logits[name]
        return found

    def save(self, folder: Path) -> None:
        """Write the members, each in a folder of its own, and their weights."""
        for name, member in self.members.items():
            (folder / name).mkdir()
            member.save(folder / name)
        content = {"kind": "blend", "weights": dict(self.weights), "bias": self.bias}
        write_json(folder / SCORER, content)

    @classmethod
    def load(cls, folder: Path, member: Callable[[Path], Intent]) -> BlendIntent:
        """Read what ``save`` wrote; ``member`` reads each of the models."""
        raw = read_scorer(folder)
        return cls({name: member(folder / name) for name in raw["weights"]}, raw["weights"], float(raw["bias"]))
