"""Values as they were observed: a table of distinct values and how often each occurs, by item.

It is what every statistic of cleaning is computed from, once all buckets are together: so a mean or a median does not
depend on how the log was cut, not even in its last digit. Memory is bounded: where there are more than ``LIMIT``
distinct pairs of item and value, values are rounded to fewer and fewer digits, and at last items are put together.
Each rounding is a coarsening of the one before, so the outcome is the same in whatever order tables are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.store.hashing import HashTable, combine

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Distinct pairs of item and value that are kept.
LIMIT = 1_000_000
#: Binary digits of a value that are kept, and whether its item is; a value is off by less than ``2**-(digits + 1)``.
LEVELS = ((52, True), (12, True), (8, True), (8, False))
#: The level at which times begin: microseconds hardly repeat.
COARSE = 1
#: The item of a value that has none, or whose item does not matter.
NO_ITEM = -1


@dataclass(frozen=True)
class Observed:
    """Distinct values, ordered by item, then by value.

    Attributes
    ----------
    item : int64 array (n,)
        Item code; ``NO_ITEM`` where there is none.
    value : float64 array (n,)
    count : int64 array (n,)
    level : int
        Place in ``LEVELS``: 0 is exact.

    Examples
    --------
    >>> found = observe(np.array([1, 1, -1]), np.array([2.5, 2.5, 7.0]))
    >>> found.item.tolist(), found.value.tolist(), found.count.tolist(), found.total
    ([-1, 1], [7.0, 2.5], [1, 2], 3)
    """

    item: Ints
    value: Floats
    count: Ints
    level: int = 0

    @property
    def total(self) -> int:
        """Number of observations."""
        return int(self.count.sum())

    def pooled(self) -> Observed:
        """Return the values without their items."""
        return _grouped(np.full(len(self.value), NO_ITEM), self.value, self.count, self.level)

    def select(self, mask: npt.NDArray[np.bool_]) -> Observed:
        """Return the entries where ``mask`` (n,) is true."""
        return Observed(self.item[mask], self.value[mask], self.count[mask], self.level)


def observe(item: Array | None, value: Array, *, level: int = 0, limit: int = LIMIT) -> Observed:
    """Count values; NaN is none.

    Parameters
    ----------
    item : integer array (n,), optional
        Codes; below 0 is none. Without them all values are one lot.
    value : array (n,)
    level : int
        Where in ``LEVELS`` to begin.
    limit : int
        Entries that may be kept.
    """
    numbers = np.asarray(value, np.float64)
    known = ~np.isnan(numbers)
    numbers = numbers[known] + 0.0  # no -0.0
    codes = np.full(len(numbers), NO_ITEM) if item is None else np.maximum(item[known].astype(np.int64), NO_ITEM)
    found = _grouped(*_rounded(codes, numbers, level), np.ones(len(numbers), np.int64), level)
    return _bounded(found, limit)


def merge_observed(parts: Sequence[Observed], limit: int = LIMIT) -> Observed:
    """Add what was observed in several places."""
    level = max(part.level for part in parts)
    item, value, count = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("item", "value", "count")
    )
    return _bounded(_grouped(*_rounded(item, value, level), count, level), limit)


def _bounded(found: Observed, limit: int) -> Observed:
    while len(found.value) > limit and found.level + 1 < len(LEVELS):
        level = found.level + 1
        found = _grouped(*_rounded(found.item, found.value, level), found.count, level)
    return found


def _rounded(item: Ints, value: Floats, level: int) -> tuple[Ints, Floats]:
    """Put values in the middle of their cell; a middle stays where it is."""
    digits, with_item = LEVELS[level]
    if digits < 52:
        cell = np.uint64(1) << np.uint64(52 - digits)
        bits = np.ascontiguousarray(value).view(np.uint64)
        middle = ((bits & ~(cell - np.uint64(1))) | (cell >> np.uint64(1))).view(np.float64)
        value = np.where(value == 0, 0.0, middle)
    return (item if with_item else np.full(len(item), NO_ITEM)), value


def _grouped(item: Ints, value: Floats, count: Ints, level: int) -> Observed:
    keys = combine(item.astype(np.uint64), np.ascontiguousarray(value).view(np.uint64), np.zeros(len(item), np.uint64))
    number, first = HashTable(min(len(keys), 1 << 16)).number(keys | np.uint64(1))
    total = np.bincount(number, weights=count, minlength=len(first)).astype(np.int64)  # exact below 2**53
    order = np.lexsort((value[first], item[first]))
    return Observed(item[first][order], value[first][order], total[order], level)
