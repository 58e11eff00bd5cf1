"""Two distributions over categories: the G test, with Cramér's V."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.comparison.evidence import Evidence

#: Categories that would be expected less often than this in either group are tested as one.
_SMALL = 5


@dataclass(frozen=True)
class Distribution:
    """How many independent units (users) fall in each category; each in exactly one.

    Examples
    --------
    >>> found = Distribution({"x": 30, "y": 70}).against(Distribution({"x": 50, "y": 50}))
    >>> found.test, round(found.p, 6), round(found.effect, 6)
    ('G test', 0.003747, 0.204124)
    """

    counts: Mapping[str, int]

    @property
    def n(self) -> int:
        """Units in all."""
        return sum(self.counts.values())

    def against(self, other: Any) -> Evidence:
        """Compare with another group's distribution.

        Notes
        -----
        The likelihood-ratio test of independence, twice the sum of O log(O / E), against chi-square. V is Pearson's:
        the square root of chi-square by n, here with two groups and so from 0 (the same) to 1 (nothing in common).
        """
        table = _table(self.counts, other.counts)
        if not self.n or not other.n or table.shape[1] < 2:
            why = "a group without users" if not self.n or not other.n else "one category"
            return Evidence(None, self.n, None, other.n, effect_name="cramers_v", test=f"none: {why}")
        from scipy.stats import chi2

        expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
        seen = table > 0
        g = 2 * float((table[seen] * np.log(table[seen] / expected[seen])).sum())
        pearson = float(((table - expected) ** 2 / expected).sum())
        return Evidence(
            None,
            self.n,
            None,
            other.n,
            effect=math.sqrt(pearson / float(table.sum())),
            effect_name="cramers_v",
            test="G test",
            p=float(chi2.sf(max(g, 0.0), table.shape[1] - 1)),
        )


def _table(a: Mapping[str, int], b: Mapping[str, int]) -> npt.NDArray[np.float64]:
    names = sorted({*a, *b})
    table = np.array([[a.get(name, 0) for name in names], [b.get(name, 0) for name in names]], np.float64)
    table = table[:, table.sum(0) > 0]
    if not table.size:
        return table
    rare = table.sum(0) * table.sum(1).min() / table.sum() < _SMALL
    if rare.sum() < 2:
        return table
    return np.column_stack([table[:, ~rare], table[:, rare].sum(1)])
