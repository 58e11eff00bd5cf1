"""Counts by a key and by the depth reached: what breakdown and trend are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DepthTable:
    """Units by a key and the depth they reached.

    Attributes
    ----------
    key : int64 array (n,)
        Ascending.
    reached : int64 array (n, n_steps)
        Units of the key that reached each step.
    """

    key: Ints
    reached: Ints


def depth_table(key: Ints, depth: Ints, n_steps: int) -> DepthTable:
    """Count units that reached a step at least, by key.

    Examples
    --------
    >>> table = depth_table(np.array([7, 3, 7, 7]), np.array([1, 2, 2, 0]), 2)
    >>> table.key.tolist(), table.reached.tolist()
    ([3, 7], [[1, 1], [2, 1]])
    """
    began = depth > 0
    keys, place = np.unique(key[began], return_inverse=True)
    cell = place * n_steps + depth[began] - 1
    exactly = np.bincount(cell, minlength=len(keys) * n_steps).reshape(len(keys), n_steps)
    return DepthTable(keys.astype(np.int64), at_least(exactly))


def merge_depth_tables(parts: Sequence[DepthTable], n_steps: int) -> DepthTable:
    """Add the tables of buckets."""
    keys = np.unique(np.concatenate([np.empty(0, np.int64), *(part.key for part in parts)]))
    total = np.zeros((len(keys), n_steps), np.int64)
    for part in parts:
        total[np.searchsorted(keys, part.key)] += part.reached
    return DepthTable(keys, total)


def at_least(exactly: npt.NDArray[np.int64]) -> Ints:
    """From how many stopped at each step to how many reached it, along the last axis.

    Examples
    --------
    >>> at_least(np.array([5, 3, 1])).tolist()
    [9, 4, 1]
    """
    found: Ints = np.cumsum(exactly[..., ::-1], axis=-1)[..., ::-1].astype(np.int64)
    return found
