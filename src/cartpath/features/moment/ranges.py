"""Stretches of events, one an asked place, and what can be said of them without a look beyond."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.moment.kernels import summarise

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Summary:
    """Statistics of the known values of each range (n,); NaN where there is none, ``total`` 0."""

    n: Floats
    total: Floats
    mean: Floats
    least: Floats
    most: Floats
    last: Floats
    deviation: Floats


@dataclass(frozen=True)
class Ranges:
    """Range ``i`` is the events ``order[begin[i]:stop[i]]``.

    Attributes
    ----------
    order : int64 array (m,)
        Places of events in path order; those of a range ascend.
    begin, stop : int64 array (n,)

    Examples
    --------
    >>> ranges = Ranges(np.array([0, 2, 1]), np.array([0, 2, 2]), np.array([2, 3, 2]))
    >>> marks = np.array([True, True, False])
    >>> ranges.count(marks).tolist(), ranges.last(marks).tolist()
    ([1, 1, 0], [0, 1, -1])
    """

    order: Index
    begin: Index
    stop: Index

    @property
    def n(self) -> Index:
        """Number of events in each range (n,)."""
        return self.stop - self.begin

    def count(self, marks: Array) -> Index:
        """Add up a whole number, or count marks, over each range, given by event (n,)."""
        total = np.zeros(len(self.order) + 1, np.int64)
        np.cumsum(marks[self.order], out=total[1:])
        return total[self.stop] - total[self.begin]

    def last(self, marks: Bools) -> Index:
        """Return the place of the last marked event of each range (n,), -1 where there is none."""
        marked = np.where(marks[self.order], np.arange(len(self.order)), -1)
        latest = np.append(np.maximum.accumulate(marked), -1)[self.stop - 1]
        there = (latest >= self.begin) & (self.stop > self.begin)
        return np.where(there, np.append(self.order, -1)[np.where(there, latest, -1)], -1)

    def nth_last(self, back: int) -> Index:
        """Return the place of the event ``back`` before the last of each range (n,), -1 where there is none."""
        at = self.stop - 1 - back
        there = at >= self.begin
        return np.where(there, np.append(self.order, -1)[np.where(there, at, -1)], -1)

    def first(self) -> Index:
        """Return the place of the first event of each range (n,), -1 where there is none."""
        there = self.stop > self.begin
        return np.where(there, np.append(self.order, -1)[np.where(there, self.begin, -1)], -1)

    def only(self, marks: Bools) -> Ranges:
        """Return the ranges without the events that are not marked."""
        kept = marks[self.order]
        number = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
        return Ranges(self.order[kept], number[self.begin], number[self.stop])

    def summary(self, values: Array) -> Summary:
        """Sum up a value, given by event and NaN where unknown, over each range."""
        ordered = np.ascontiguousarray(values, np.float64)[self.order]
        found = summarise(ordered, self.begin, self.stop, self._by)
        n, total, mean, least, most, last, squares = np.ascontiguousarray(found.T)
        deviation = np.where(n > 0, np.sqrt(squares / np.maximum(n, 1)), np.nan)
        return Summary(n, total, mean, least, most, last, deviation)

    @cached_property
    def _by(self) -> Index:
        return np.lexsort((self.stop, self.begin)).astype(np.int64)


def at(values: Array, places: Index, absent: float = np.nan) -> Floats:
    """Return the value of each place (n,), ``absent`` where the place is -1.

    Examples
    --------
    >>> at(np.array([5, 6]), np.array([1, -1])).tolist()
    [6.0, nan]
    """
    there = places >= 0
    if not len(values):
        return np.full(len(places), absent)
    return np.where(there, values[np.where(there, places, 0)], absent).astype(np.float64)


def ratio(part: Array, whole: Array) -> Floats:
    """Return one as a multiple of the other (n,); NaN where the other is 0 or unknown.

    Examples
    --------
    >>> ratio(np.array([1, 1]), np.array([4, 0])).tolist()
    [0.25, nan]
    """
    there = np.nan_to_num(whole) != 0
    return np.where(there, part / np.where(there, whole, 1), np.nan)
