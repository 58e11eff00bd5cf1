"""Compiled loops over vectors of what events speak of; a row's result depends on its own events alone, to the bit."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@kernel
def project(vectors: Floats, mean: Floats, directions: Floats) -> Floats:
    """Return coordinates along directions (n, k) of vectors (n, d), less their mean.

    A matrix product of a library rounds a row by how many others there are; this one does not.
    """
    out = np.zeros((len(vectors), directions.shape[1]))
    for i in range(len(vectors)):
        for j in range(vectors.shape[1]):
            away = vectors[i, j] - mean[j]
            for k in range(directions.shape[1]):
                out[i, k] += away * directions[j, k]
    return out


@kernel
def summarise(document: Ints, vectors: Floats, begin: Ints, stop: Ints, by: Ints, keep: float) -> Floats:
    """Sum up the vectors of the events in each range (n, 2 d + 3).

    Columns: the mean (d), the mean with weights ``keep ** (documents since)`` (d), the number of documents, the cosine
    between the last and the mean of those before it, and the root of the mean squared distance to the mean. NaN where
    there is nothing to tell. Ranges of one begin are gone through once: ``by`` orders them by begin, then stop.

    Parameters
    ----------
    document : int64 array (m,)
        Row in ``vectors`` of what each event speaks of, -1 where of nothing.
    vectors : float64 array (n_documents, d)
    begin, stop, by : int64 array (n,)
        Range ``i`` is the events ``begin[i]:stop[i]``.
    keep : float
    """
    d = vectors.shape[1]
    out = np.full((len(begin), 2 * d + 3), np.nan)
    total, recent, centre = np.zeros(d), np.zeros(d), np.zeros(d)
    start, at = np.int64(-1), np.int64(-1)
    n, weight, squares, likeness = 0, 0.0, 0.0, np.nan
    for row in by:
        if begin[row] != start:
            start = at = begin[row]
            n, weight, squares, likeness = 0, 0.0, 0.0, np.nan
            total[:], recent[:], centre[:] = 0.0, 0.0, 0.0
        while at < stop[row]:
            place = document[at]
            at += 1
            if place < 0:
                continue
            n += 1
            weight = keep * weight + 1
            dot, own, others = 0.0, 0.0, 0.0
            for k in range(d):
                value = vectors[place, k]
                dot += value * total[k]
                own += value * value
                others += total[k] * total[k]
                total[k] += value
                recent[k] = keep * recent[k] + value
                # Welford (1962): no difference of large sums.
                away = value - centre[k]
                centre[k] += away / n
                squares += away * (value - centre[k])
            likeness = dot / math.sqrt(own * others) if own * others > 0 else np.nan
        out[row, 2 * d] = n
        if n > 0:
            out[row, :d] = total / n
            out[row, d : 2 * d] = recent / weight
            out[row, 2 * d + 1] = likeness
            out[row, 2 * d + 2] = math.sqrt(max(squares, 0.0) / n)
    return out


@kernel
def cosines(one: Floats, other: Floats) -> Floats:
    """Return the cosine between the rows of two arrays (n, d); NaN where a row is of length 0, or unknown."""
    out = np.full(len(one), np.nan)
    for i in range(len(one)):
        dot, a, b = 0.0, 0.0, 0.0
        for k in range(one.shape[1]):
            dot += one[i, k] * other[i, k]
            a += one[i, k] * one[i, k]
            b += other[i, k] * other[i, k]
        if a * b > 0:
            out[i] = dot / math.sqrt(a * b)
    return out
