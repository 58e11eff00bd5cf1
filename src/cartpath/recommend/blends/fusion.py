"""Reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009): places count, not scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cartpath.recommend.blends.linear import Linear
from cartpath.recommend.candidates import Candidates


class Fusion(Linear):
    r"""Adds up :math:`1 / (c + rank)` over the parts that propose an item, each part counting 0, 1 or 2."""

    kind: ClassVar[str] = "fusion"
    tried: ClassVar[tuple[float, ...]] = (0.0, 1.0, 2.0)
    settings_tried: ClassVar[tuple[Mapping[str, float], ...]] = ({"c": 60.0}, {"c": 10.0}, {"c": 2.0})

    @classmethod
    def amounts(cls, listed: Candidates, settings: Mapping[str, float]) -> npt.NDArray[np.float64]:
        """Return the reciprocals (m, n_parts); 0 where a part does not propose the item."""
        return np.where(listed.rank > 0, 1 / (settings["c"] + listed.rank), 0.0)
