"""Two odds ratios: whether something goes with a conversion more in one group than in the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cartpath.paths.comparison.evidence import Evidence
from cartpath.schema import Z95


@dataclass(frozen=True)
class OddsRatio:
    """A table of two by two: users with and without something, and how many of them converted.

    Examples
    --------
    >>> found = OddsRatio(100, 50, 100, 25).against(OddsRatio(100, 50, 100, 50))
    >>> round(found.a, 2), found.b, round(found.effect, 2), round(found.p, 4)
    (3.0, 1.0, 3.0, 0.0083)
    """

    with_: int
    with_converted: int
    without: int
    without_converted: int

    @property
    def n(self) -> int:
        """Users in all."""
        return self.with_ + self.without

    @property
    def support(self) -> int:
        """The rarest of the four kinds of users."""
        return min(
            self.with_converted,
            self.without_converted,
            self.with_ - self.with_converted,
            self.without - self.without_converted,
        )

    @property
    def _cells(self) -> tuple[float, float, float, float]:
        cells = (
            self.with_converted,
            self.with_ - self.with_converted,
            self.without_converted,
            self.without - self.without_converted,
        )
        # Haldane and Anscombe, as ``drivers`` has it: half a user in each cell keeps a ratio with an empty one finite.
        half = 0.0 if all(cells) else 0.5
        return cells[0] + half, cells[1] + half, cells[2] + half, cells[3] + half

    @property
    def log(self) -> float:
        """Logarithm of the odds ratio."""
        a, b, c, d = self._cells
        return math.log(a * d / (b * c))

    @property
    def variance(self) -> float:
        """Of the logarithm (Woolf)."""
        return sum(1 / cell for cell in self._cells)

    def against(self, other: Any) -> Evidence:
        """Compare with another group's odds ratio: a z test of the difference of the logarithms (Woolf, 1955)."""
        if not self.n or not other.n:
            return Evidence(None, self.n, None, other.n, effect_name="ratio_of_odds_ratios", test="none: no users")
        difference, error = self.log - other.log, math.sqrt(self.variance + other.variance)
        return Evidence(
            math.exp(self.log),
            self.n,
            math.exp(other.log),
            other.n,
            effect=math.exp(difference),
            effect_name="ratio_of_odds_ratios",
            effect_interval=(math.exp(difference - Z95 * error), math.exp(difference + Z95 * error)),
            test="z test of log odds ratios",
            p=math.erfc(abs(difference) / error / math.sqrt(2)),
        )
