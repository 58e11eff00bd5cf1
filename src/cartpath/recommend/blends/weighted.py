"""Weighted average: the shares that the parts give an item, each part counting as much as it helps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cartpath.recommend.blends.linear import Linear
from cartpath.recommend.candidates import Candidates


class Weighted(Linear):
    """Adds up the parts' shares of an item (``Proposals.strength``), times the parts' weights."""

    kind: ClassVar[str] = "weighted"
    tried: ClassVar[tuple[float, ...]] = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)

    @classmethod
    def amounts(cls, listed: Candidates, settings: Mapping[str, float]) -> npt.NDArray[np.float64]:
        """Return the shares (m, n_parts)."""
        return listed.strength.astype(np.float64)
