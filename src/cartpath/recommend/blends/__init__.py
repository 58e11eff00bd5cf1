"""How what the parts say becomes one order, one way a file, and which way is best on what came after training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cartpath.recommend.blends.fusion import Fusion
from cartpath.recommend.blends.judged import Judged, K, judged
from cartpath.recommend.blends.linear import alone
from cartpath.recommend.blends.trees import Trees
from cartpath.recommend.blends.voting import Voting
from cartpath.recommend.blends.weighted import Weighted
from cartpath.recommend.candidates import Candidates

__all__ = ["BLENDS", "Blend", "Fusion", "Judged", "K", "Trees", "Voting", "Weighted", "alone", "blend_of", "judged"]

Floats = npt.NDArray[np.float64]


class Blend(Protocol):
    """Gives candidates scores; larger is better."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Parts without which it would say something else."""

    def score(self, listed: Candidates) -> Floats:
        """Return the score of each candidate (m,)."""

    def shares(self, listed: Candidates) -> Floats:
        """Return what each part adds to each candidate's score (m, n_parts)."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, its ``kind`` among it."""


#: Kind to class, the simplest first.
BLENDS: dict[str, Any] = {blend.kind: blend for blend in (Weighted, Fusion, Voting, Trees)}


def blend_of(raw: Mapping[str, Any]) -> Blend:
    """Read what a blend's ``to_dict`` returned."""
    blend: Blend = BLENDS[raw["kind"]].from_dict(raw)
    return blend
