"""Learned blend: boosted trees that rank the candidates by what all parts say of them (LambdaMART; Burges, 2010)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cartpath.models.extra import need
from cartpath.recommend.blends.judged import Judged, K
from cartpath.recommend.candidates import Candidates

Floats = npt.NDArray[np.float64]
#: Columns of each part, and how many trees there are.
_OF_PART, TREES = 2, 80
_SETTINGS: dict[str, Any] = {
    "objective": "lambdarank", "lambdarank_truncation_level": K + 10, "learning_rate": 0.08, "num_leaves": 15,
    "min_data_in_leaf": 60, "lambda_l2": 5.0, "feature_fraction": 0.7, "bagging_fraction": 0.8, "bagging_freq": 1,
    "deterministic": True, "force_row_wise": True, "num_threads": 1, "max_bin": 63, "verbosity": -1,
}  # fmt: skip


@dataclass(frozen=True)
class Trees:
    """Ranks candidates by trees over each part's share and place, the path's length and age, and whether it was seen.

    Attributes
    ----------
    booster : lightgbm.Booster
    parts : tuple of str
        In the order of the columns.
    """

    kind: ClassVar[str] = "trees"
    booster: Any
    parts: tuple[str, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """Parts that any tree asks for."""
        used = self.booster.feature_importance().reshape(-1)[: _OF_PART * len(self.parts)]
        asked = used.reshape(len(self.parts), _OF_PART).sum(axis=1) > 0
        return tuple(name for name, needed in zip(self.parts, asked, strict=True) if needed or name == "popular")

    def score(self, listed: Candidates) -> Floats:
        """Return the score of each candidate (m,)."""
        if not len(listed.columns):
            return np.zeros(0)
        scores: Floats = self.booster.predict(self._columns(listed), num_threads=1)
        # Equals are told apart by how high the parts that know them rank them.
        scores = scores + 1e-9 * listed.strength.sum(axis=1)
        return scores

    def shares(self, listed: Candidates) -> Floats:
        """Return what each part adds to each candidate's score (m, n_parts), by Shapley values of the trees."""
        if not len(listed.columns):
            return np.zeros((0, len(listed.parts)))
        values = self.booster.predict(self._columns(listed), pred_contrib=True, num_threads=1)
        of = np.asarray(values)[:, : _OF_PART * len(self.parts)].reshape(len(values), len(self.parts), _OF_PART)
        by_part, place = of.sum(axis=2), {name: column for column, name in enumerate(self.parts)}
        added: Floats = np.column_stack(
            [by_part[:, place[name]] if name in place else np.zeros(len(values)) for name in listed.parts]
        )
        return added

    @classmethod
    def fit(cls, known: Judged, seed: int = 0) -> Trees:
        """Learn from the paths of which any candidate was touched afterwards."""
        lightgbm = need("lightgbm", "the learned blend")
        some = known.with_hits()
        data = lightgbm.Dataset(
            _columns(some.listed, some.listed.parts), some.hit.astype(np.int8), group=np.diff(some.listed.offsets)
        )
        booster = lightgbm.train({**_SETTINGS, "seed": seed}, data, TREES)
        return cls(booster, some.listed.parts)

    def _columns(self, listed: Candidates) -> npt.NDArray[np.float32]:
        return _columns(listed, self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": self.kind, "parts": list(self.parts), "trees": self.booster.model_to_string()}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Trees:
        """Read what ``to_dict`` returned."""
        lightgbm = need("lightgbm", "the learned blend")
        return cls(lightgbm.Booster(model_str=raw["trees"]), tuple(raw["parts"]))


def _columns(listed: Candidates, parts: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """Return of each candidate its share and one over its rank by part, whether it was seen, and the path's context."""
    have = {name: place for place, name in enumerate(listed.parts)}
    n = len(listed.columns)
    out = np.zeros((n, _OF_PART * len(parts) + 1 + listed.context.shape[1]), np.float32)
    for column, name in enumerate(parts):
        if name in have:
            rank = listed.rank[:, have[name]]
            out[:, _OF_PART * column] = listed.strength[:, have[name]]
            out[:, _OF_PART * column + 1] = np.where(rank > 0, 1 / np.maximum(rank, 1), 0)
    out[:, _OF_PART * len(parts)] = listed.seen
    out[:, _OF_PART * len(parts) + 1 :] = np.repeat(listed.context, np.diff(listed.offsets), axis=0)
    return out
