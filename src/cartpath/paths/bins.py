"""Fixed bins for numbers, the same for every store, so that breakdowns by a number can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Bins:
    """Half-open bins, ``edges[k] <= value < edges[k + 1]``; the first and the last are open-ended.

    Attributes
    ----------
    edges : tuple of float
        Ascending.
    whole : bool
        Whether values are whole numbers, so that a bin is written ``6 to 10``.
    names : tuple of str
        What bins are called, where it is not made of their ends.
    """

    edges: tuple[float, ...]
    whole: bool
    names: tuple[str, ...] = ()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What each bin is called, in order.

        Examples
        --------
        >>> Bins((1, 2, 6), True).labels
        ('under 1', '1', '2 to 5', '6 and more')
        >>> Bins((0, 5), False).labels
        ('under 0', '0 to under 5', '5 and more')
        """
        if self.names:
            return self.names
        between = [self._between(low, high) for low, high in zip(self.edges[:-1], self.edges[1:], strict=True)]
        return (f"under {self.edges[0]:g}", *between, f"{self.edges[-1]:g} and more")

    def _between(self, low: float, high: float) -> str:
        if not self.whole:
            return f"{low:g} to under {high:g}"
        return f"{low:g}" if high - low == 1 else f"{low:g} to {high - 1:g}"

    def codes(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        """Return the bin of each value, int32; -1 where it is NaN.

        Examples
        --------
        >>> Bins((0, 5), False).codes(np.array([-1, 0, 5, np.nan])).tolist()
        [0, 1, 2, -1]
        """
        found = np.searchsorted(np.array(self.edges), values, side="right").astype(np.int32)
        return np.where(np.isnan(values), np.int32(-1), found).astype(np.int32)


#: Amounts of money, and other numbers that are not counts: 1-2-5 steps.
MONEY = Bins((0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000), whole=False)
#: Whole numbers.
COUNTS = Bins((0, 1, 2, 3, 4, 5, 6, 11, 21, 51, 101, 201, 501, 1001), whole=True)
#: Hours of the clock, each by itself.
HOURS = Bins(tuple(range(1, 24)), whole=True, names=tuple(f"{hour:02d}" for hour in range(24)))
