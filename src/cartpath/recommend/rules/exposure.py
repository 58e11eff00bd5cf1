"""Places drawn for new items, and the chance of every item at its place.

The policy: each place in turn is, with the probability ``share``, that of a new item drawn from a pool without
replacement, all equally likely; else that of the next item of the list. Once the pool is empty it is always the list's.
How many places were drawn before a place is a Markov chain, so the chance of any item at any place is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mixed:
    """A list with new items in it.

    Attributes
    ----------
    rows : int64 array (m,)
        Candidates, best place first.
    drawn : bool array (m,)
        Whether the place was drawn for a new item.
    propensity : float64 array (m,)
        Chance that the policy shows this item at this place.
    """

    rows: Ints
    drawn: npt.NDArray[np.bool_]
    propensity: Floats


def mix(listed: Ints, pool: Ints, share: float, rng: np.random.Generator) -> Mixed:
    """Draw places for new items.

    Parameters
    ----------
    listed : int64 array (m,)
        What is shown without them, best first.
    pool : int64 array (p,)
        New candidates that are not listed.
    share : float
        Chance of a place to be drawn.
    rng : numpy.random.Generator

    Examples
    --------
    >>> found = mix(np.array([7, 8]), np.array([9]), 0.5, np.random.default_rng(1))
    >>> found.rows.tolist(), found.propensity.tolist()
    ([7, 8], [0.5, 0.25])
    """
    k = len(listed)
    drawn = rng.random(k) < share
    drawn &= np.cumsum(drawn) <= len(pool)
    before: Ints = np.cumsum(drawn) - drawn
    rows = np.empty(k, np.int64)
    rows[drawn] = rng.permutation(pool)[: int(drawn.sum())]
    rows[~drawn] = listed[: k - int(drawn.sum())]
    chances = counts_before(k, len(pool), share)
    place = np.arange(k)
    of_listed = chances[place, before] * np.where(before < len(pool), 1 - share, 1.0)
    of_new = _of_any_new(k, len(pool), share) / max(len(pool), 1)
    return Mixed(rows, drawn, np.where(drawn, of_new, of_listed))


@lru_cache(maxsize=64)
def counts_before(k: int, pool: int, share: float) -> Floats:
    """Return the chance that so many of the places before a place were drawn (k, k).

    Examples
    --------
    >>> counts_before(3, 1, 0.5).tolist()
    [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.75, 0.0]]
    """
    found = np.zeros((k, k))
    found[:1, 0] = 1.0
    draws = np.where(np.arange(k) < pool, share, 0.0)
    for place in range(1, k):
        found[place] = found[place - 1] * (1 - draws)
        found[place, 1:] += found[place - 1, :-1] * draws[:-1]
    found.flags.writeable = False
    return found


@lru_cache(maxsize=64)
def _of_any_new(k: int, pool: int, share: float) -> Floats:
    """Return the chance that each place is drawn (k,)."""
    found: Floats = counts_before(k, pool, share)[:, :pool].sum(axis=1) * share
    return found
