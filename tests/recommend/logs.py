"""Small logs and candidates for the tests of recommending."""

from __future__ import annotations

import numpy as np

from cartpath.recommend.candidates import Candidates


def random_candidates(seed: int, n: int = 12, parts: tuple[str, ...] = ("together", "recent", "popular")) -> Candidates:
    """Some paths, each with a few items that some of the parts propose."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 9, n)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    columns = np.concatenate([np.sort(rng.permutation(30)[:size]) for size in sizes]).astype(np.int32)
    strength = np.zeros((len(columns), len(parts)), np.float32)
    rank = np.zeros((len(columns), len(parts)), np.int32)
    for row in range(n):
        first, last = offsets[row], offsets[row + 1]
        for part in range(len(parts)):
            there = first + rng.permutation(last - first)[: int(rng.integers(0, last - first + 1))]
            rank[there, part] = np.arange(1, len(there) + 1)
            strength[there, part] = 1 / np.arange(1, len(there) + 1)
    context = rng.random((n, 3)).astype(np.float32)
    return Candidates(parts, offsets, columns, strength, rank, context, rng.random(len(columns)) < 0.3)
