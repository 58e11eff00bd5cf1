"""Journeys: the distinct sequences of touches, with what came of each; all models of attribution read these."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Codes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Journeys:
    """Distinct sequences of touches.

    Attributes
    ----------
    codes : uint8 array (n_touches,)
        Channels, oldest touch first, journey after journey; no journey is empty.
    offsets : int64 array (n_journeys + 1,)
    conversions, revenue : float64 array (n_journeys,)
        What ended such a journey. Not whole where an order belongs to several users.
    lost : float64 array (n_journeys,)
        How many such journeys ended without a conversion.
    width : int
        Number of channels; codes are below it.

    Examples
    --------
    >>> journeys_of([("ab", 2, 30.0, 1), ("a", 0, 0.0, 5)], "ab").sizes.tolist()
    [2, 1]
    """

    codes: Codes
    offsets: Ints
    conversions: Floats
    revenue: Floats
    lost: Floats
    width: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> Ints:
        """Touches of each journey."""
        return np.diff(self.offsets)

    @property
    def weight(self) -> Floats:
        """How often each journey was made, whatever came of it."""
        return self.conversions + self.lost

    @property
    def worth(self) -> Floats:
        """Conversions and revenue, as the two columns of an array."""
        return np.column_stack([self.conversions, self.revenue])

    def touches(self) -> Floats:
        """Return how often each channel was touched, in all journeys."""
        return _touches(self.codes, self.offsets, self.weight, self.width)


def journeys_of(rows: list[tuple[str, float, float, float]], names: str) -> Journeys:
    """Return journeys written by hand: letters for channels, conversions, revenue, lost."""
    codes = [names.index(letter) for path, *_ in rows for letter in path]
    sizes = [len(path) for path, *_ in rows]
    conversions, revenue, lost = (np.array([row[i] for row in rows], np.float64) for i in (1, 2, 3))
    offsets = np.cumsum([0, *sizes]).astype(np.int64)
    return Journeys(np.array(codes, np.uint8), offsets, conversions, revenue, lost, len(names))


def sums(place: npt.NDArray[Any], values: npt.NDArray[Any], size: int) -> Floats:
    """Add values up by place, float64 (size,)."""
    found: Floats = np.bincount(place, values, size).astype(np.float64)
    return found


def in_order(number: Ints, codes: Codes, offsets: Ints) -> tuple[Ints, Codes, Ints]:
    """Number distinct sequences by what they are, so that nothing depends on how users lie in buckets.

    The shorter come first, then they go by their codes, which are themselves in the order of the channels' names.

    Examples
    --------
    >>> codes, offsets = np.array([1, 0, 1, 0], np.uint8), np.array([0, 2, 3, 4])
    >>> [found.tolist() for found in in_order(np.array([0, 1, 2, 0]), codes, offsets)]
    [[2, 1, 0, 2], [0, 1, 1, 0], [0, 1, 2, 4]]
    """
    sizes = np.diff(offsets)
    order = np.argsort(sizes, kind="stable")
    bits = int(codes.max(initial=0)).bit_length() or 1
    ends = np.flatnonzero(np.diff(sizes[order], append=-1)) + 1
    for low, high in pairwise([0, *ends.tolist()]):
        if high - low > 1:
            here = order[low:high]
            order[low:high] = here[np.lexsort(_words(codes, offsets[:-1][here], int(sizes[here[0]]), bits)[::-1])]
    new = np.empty(len(order), np.int64)
    new[order] = np.arange(len(order))
    starts = np.append(0, np.cumsum(sizes[order]))
    place = np.arange(len(codes)) + np.repeat(offsets[:-1][order] - starts[:-1], sizes[order])
    return new[number], codes[place], starts.astype(np.int64)


@kernel
def _touches(codes: Codes, offsets: Ints, weight: Floats, width: int) -> Floats:
    found = np.zeros(width)
    for p in range(len(offsets) - 1):
        for i in range(offsets[p], offsets[p + 1]):
            found[codes[i]] += weight[p]
    return found


@kernel
def _words(codes: Codes, start: Ints, size: int, bits: int) -> npt.NDArray[np.uint64]:
    """Return sequences of one size as numbers that sort as they do, (n_words, n): as many codes a word as there fit."""
    per_word = 64 // bits
    words = np.zeros(((size + per_word - 1) // per_word, len(start)), np.uint64)
    for k in range(len(start)):
        for i in range(size):
            word = i // per_word
            words[word, k] = (words[word, k] << np.uint64(bits)) | np.uint64(codes[start[k] + i])
    return words


@kernel
def intern(codes: Codes, offsets: Ints) -> tuple[npt.NDArray[np.int64], Codes, Ints]:
    """Give equal sequences one number.

    Returns the number of each sequence, in the order in which they are first met, and the distinct sequences as codes
    and offsets. Sequences are found by a hash and compared code by code, so the numbers are exact.
    """
    n = len(offsets) - 1
    size = 16
    while size < 2 * n:
        size *= 2
    slots = np.full(size, -1, np.int64)
    mask = np.uint64(size - 1)
    number = np.empty(n, np.int64)
    kept = np.empty(len(codes), np.uint8)
    ends = np.zeros(n + 1, np.int64)
    count = 0
    for p in range(n):
        low, high = offsets[p], offsets[p + 1]
        key = np.uint64(14695981039346656037)
        for i in range(low, high):
            key = (key ^ np.uint64(codes[i] + 1)) * np.uint64(1099511628211)
        slot = (key ^ (key >> np.uint64(29))) & mask
        while True:
            found = slots[slot]
            if found < 0:
                slots[slot] = found = count
                kept[ends[count] : ends[count] + high - low] = codes[low:high]
                ends[count + 1] = ends[count] + high - low
                count += 1
                break
            if _same(kept, ends[found], ends[found + 1], codes, low, high):
                break
            slot = (slot + np.uint64(1)) & mask
        number[p] = found
    return number, kept[: ends[count]].copy(), ends[: count + 1].copy()


@kernel
def _same(a: Codes, a_low: int, a_high: int, b: Codes, b_low: int, b_high: int) -> bool:
    if a_high - a_low != b_high - b_low:
        return False
    differ = 0
    for i in range(a_high - a_low):
        differ += a[a_low + i] != b[b_low + i]
    return differ == 0
