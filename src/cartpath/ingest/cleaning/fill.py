"""What is put where a value is missing: one value, or one drawn from those that were observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.ingest.cleaning import statistics as s
from cartpath.ingest.cleaning.bounds import ENOUGH
from cartpath.ingest.cleaning.observed import Observed

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

#: Observed values that a draw chooses from: evenly spaced quantiles, of all and of an item.
DRAWN_OF_ALL, DRAWN_OF_ITEM = 256, 16


@dataclass(frozen=True)
class Fill:
    """Values to choose from, for events whose item has none of its own and for those of each item that has.

    Attributes
    ----------
    values : list of float
        One, or ``DRAWN_OF_ALL``.
    by_item : dict of int to list of float
        All of the same length: 1 or ``DRAWN_OF_ITEM``.
    """

    values: list[float]
    by_item: dict[int, list[float]]

    def of(self, item: Array, draw: Floats) -> Floats:
        """Return a value for each event, by its item code and a number from 0 to below 1 (n,)."""
        out = _pick(np.array([self.values]), np.zeros(len(item), np.int64), draw)
        if not self.by_item:
            return out
        codes = np.fromiter(self.by_item, np.int64, len(self.by_item))
        row = np.full(int(max(codes.max(), item.max(initial=-1))) + 2, -1)
        row[codes] = np.arange(len(codes))
        own = row[item]  # the last place is that of -1
        known = own >= 0
        out[known] = _pick(np.array(list(self.by_item.values())), own[known], draw[known])
        return out

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON has them."""
        return {"values": self.values, "items": list(self.by_item), "of_items": list(self.by_item.values())}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Fill:
        """Read back what ``to_dict`` gave."""
        return cls(found["values"], dict(zip(found["items"], found["of_items"], strict=True)))


def _pick(values: Floats, row: Array, draw: Floats) -> Floats:
    picked: Floats = values[row, (draw * values.shape[1]).astype(np.int64)]
    return picked


def fit_fill(found: Observed, method: str, by_item: bool, whole: bool) -> Fill | None:
    """Fit what is put in, None where nothing was observed.

    Parameters
    ----------
    found : Observed
    method : {"mean", "median", "random"}
    by_item : bool
        Whether items with enough values have their own.
    whole : bool
        Whether values are whole numbers, to which a mean is rounded (half to even).
    """
    if not found.total:
        return None
    pooled = found.pooled()
    values = _values(pooled, np.array([0, len(pooled.value)]), method, DRAWN_OF_ALL, whole)
    if not by_item:
        return Fill(values[0], {})
    codes, begin = s.spans(found.item)
    enough = (codes >= 0) & (s.group_sums(found.count, begin) >= ENOUGH)
    own = found.select(np.repeat(enough, np.diff(begin)))
    codes, begin = s.spans(own.item)
    return Fill(values[0], dict(zip(codes.tolist(), _values(own, begin, method, DRAWN_OF_ITEM, whole), strict=True)))


def _values(found: Observed, begin: s.Ints, method: str, drawn: int, whole: bool) -> list[list[float]]:
    """Return the values of each group, as rows."""
    if method == "random":
        sizes = s.group_sums(found.count, begin)
        places = [((j + 0.5) / drawn * sizes).astype(np.int64) for j in range(drawn)]
        columns = [s.order_statistics(found.value, found.count, begin, place) for place in places]
        rows: list[list[float]] = np.column_stack(columns).tolist() if len(sizes) else []
        return rows
    middle = (s.group_means if method == "mean" else s.group_medians)(found.value, found.count, begin)
    return [[value] for value in (np.rint(middle) if whole else middle).tolist()]
