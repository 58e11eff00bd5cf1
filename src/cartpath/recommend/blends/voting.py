"""Borda voting: each part gives its first item as many points as it proposes items, the next one fewer, and so on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cartpath.recommend.blends.linear import Linear
from cartpath.recommend.candidates import DEPTH, Candidates


class Voting(Linear):
    """Adds up the points of the parts that have a vote, as a share of the most that one part can give."""

    kind: ClassVar[str] = "voting"
    tried: ClassVar[tuple[float, ...]] = (0.0, 1.0)
    settings_tried: ClassVar[tuple[Mapping[str, float], ...]] = ({"most": 20.0}, {"most": float(DEPTH)})

    @classmethod
    def amounts(cls, listed: Candidates, settings: Mapping[str, float]) -> npt.NDArray[np.float64]:
        """Return the points (m, n_parts); beyond the first ``most`` of a part there are none."""
        points = np.where(listed.rank > 0, settings["most"] + 1 - listed.rank, 0) / settings["most"]
        return np.maximum(points, 0.0)
