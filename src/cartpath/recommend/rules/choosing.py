"""Choosing one by one: the best that no cap forbids, less what is too much like those before; compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
#: What is nearer than this is equal: sums in another order differ by less.
_SAME = 1e-9


@kernel
def _likeness(a: int, b: int, levels: Codes, fields: Codes, vectors: Vectors, parts: int) -> float:
    """Return how alike two candidates are, from 0 to 1; see ``alike.Alike``."""
    same, deeper = 0, 0
    for level in range(levels.shape[1]):
        if levels[a, level] >= 0 or levels[b, level] >= 0:
            deeper += 1
            same += levels[a, level] == levels[b, level]
    total = same / deeper if deeper > 0 else 0.0
    for field in range(fields.shape[1]):
        if fields[a, field] >= 0 and fields[a, field] == fields[b, field]:
            total += 1.0
    cosine = 0.0
    for place in range(vectors.shape[1]):
        cosine += vectors[a, place] * vectors[b, place]
    return (total + max(cosine, 0.0)) / parts


@kernel
def choose(
    scores: Floats, k: int, weight: float, caps: Codes, most: Ints,
    levels: Codes, fields: Codes, vectors: Vectors, parts: int,
) -> tuple[Ints, Mask, Mask]:  # fmt: skip
    """Choose up to k candidates, each time the one with the best ``(1 - weight) relevance - weight likeness``.

    Relevance is the score over the best score, likeness that to the most similar one chosen before (maximal marginal
    relevance: Carbonell and Goldstein, 1998). Of equals the earlier is taken.

    Parameters
    ----------
    scores : float64 array (n,)
        From 0 on, best first.
    k : int
    weight : float
        From 0 to 1; 0 is the order of the scores.
    caps : int32 array (n, n_caps)
        Values that are capped, -1 where there is none.
    most : int64 array (n_caps,)
        How many of one value may be chosen.
    levels, fields, vectors, parts
        Of the candidates; see ``alike.Alike``.

    Returns
    -------
    tuple of int64 array (m,), bool array (m, n_caps) and bool array (m,)
        Candidates in the order of choice, fewer than k where caps leave no more; which caps held a better one back;
        whether a better one stayed behind because it was too much like others.
    """
    n, n_caps = caps.shape
    k = min(k, n)
    chosen = np.empty(k, np.int64)
    held, varied = np.zeros((k, n_caps), np.bool_), np.zeros(k, np.bool_)
    taken, alike, used = np.zeros(n, np.bool_), np.zeros(n), np.zeros((n, n_caps), np.int64)
    full = np.zeros(n, np.bool_)
    top = max(scores[0], 1e-300) if n > 0 else 1.0
    for step in range(k):
        best, value = -1, -np.inf
        for i in range(n):
            if not taken[i] and not full[i]:
                mine = (1.0 - weight) * scores[i] / top - weight * alike[i]
                if mine > value + _SAME:
                    best, value = i, mine
        if best < 0:
            return chosen[:step], held[:step], varied[:step]
        chosen[step], taken[best] = best, True
        for i in range(n):
            if taken[i]:
                continue
            if i < best:
                varied[step] |= not full[i]
                for cap in range(n_caps):
                    held[step, cap] |= used[i, cap] >= most[cap]
            for cap in range(n_caps):
                if caps[i, cap] >= 0 and caps[i, cap] == caps[best, cap]:
                    used[i, cap] += 1
            if weight > 0.0 and step + 1 < k:
                alike[i] = max(alike[i], _likeness(i, best, levels, fields, vectors, parts))
        for i in range(n):
            for cap in range(n_caps):
                full[i] |= used[i, cap] >= most[cap]
    return chosen, held, varied


@kernel
def joining(candidates: Ints, chosen: Ints, limit: int, caps: Codes, most: Ints) -> Ints:
    """Return the first candidates that keep within all caps together with all that is chosen, at most ``limit``.

    Whichever of them are shown with whichever of the chosen, no cap is exceeded.

    Parameters
    ----------
    candidates, chosen : int64 array (n,), (m,)
        Rows of ``caps``.
    limit : int
    caps, most
        As of ``choose``.
    """
    found = np.empty(min(limit, len(candidates)), np.int64)
    n = 0
    for i in candidates:
        if n == len(found):
            break
        fits = True
        for cap in range(len(most)):
            used = 0
            for j in chosen:
                used += caps[j, cap] == caps[i, cap]
            for j in found[:n]:
                used += caps[j, cap] == caps[i, cap]
            fits &= caps[i, cap] < 0 or used < most[cap]
        if fits:
            found[n] = i
            n += 1
    return found[:n]
