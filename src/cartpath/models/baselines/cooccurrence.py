"""How often items come together along paths, counted one item at a time: memory grows with the log, not with pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.models.baselines.histories import Codes, Floats, Histories
from cartpath.models.next_item import Index
from cartpath.schema import CartpathError
from cartpath.store.jit import kernel

NORMS = ("conditional", "cosine")
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Together:
    """How pairs are counted.

    Attributes
    ----------
    window : int
        Items further apart along the path are no pair.
    decay : float
        Weight of a pair is ``decay ** (distance - 1)``.
    backward : float
        What a pair counts for its later item, as a share of what it counts for its earlier one: 0 learns what follows
        an item alone, 1 ignores the order.
    norm : str
        ``"conditional"`` divides by how often the item on the path comes (an estimate of what comes after it),
        ``"cosine"`` by the root of that times how often the other one does.
    neighbours : int
        Strongest others kept of each item.

    Examples
    --------
    >>> Together(norm="jaccard")
    Traceback (most recent call last):
    cartpath.schema.errors.CartpathError: there is no norm 'jaccard'
      known: conditional, cosine
    """

    window: int = 50
    decay: float = 0.8
    backward: float = 0.5
    norm: str = "conditional"
    neighbours: int = 500

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise CartpathError(f"there is no norm {self.norm!r}", f"known: {', '.join(NORMS)}")

    def divisors(self, counts: Index) -> tuple[Floats, Floats]:
        """Return what a pair's weight is divided by, for the item on the path and for the other one."""
        at_least_one = np.maximum(counts, 1).astype(np.float64)
        if self.norm == "conditional":
            return at_least_one, np.ones(len(counts))
        return np.sqrt(at_least_one), np.sqrt(at_least_one)


@dataclass(frozen=True)
class Neighbours:
    """Of each item the others that come with it, and how strongly; sparse, row by row.

    Attributes
    ----------
    offsets : int64 array (n_items + 1,)
    columns : int32 array
        Strongest first; of equals the lower column first.
    weights : float32 array
    """

    offsets: Index
    columns: Codes
    weights: Weights


def neighbours(paths: Histories, n_items: int, how: Together) -> Neighbours:
    """Count the pairs of all paths.

    Parameters
    ----------
    paths : Histories
        What is learned from.
    n_items : int
    how : Together

    Returns
    -------
    Neighbours

    Examples
    --------
    >>> found = neighbours(Histories(np.array([0, 3]), np.array([0, 1, 2], np.int32)), 3, Together(decay=0.5))
    >>> found.offsets.tolist(), found.columns.tolist(), found.weights.tolist()
    ([0, 2, 4, 6], [1, 2, 2, 0, 1, 0], [1.0, 0.5, 1.0, 0.5, 0.5, 0.25])
    """
    counts = np.bincount(paths.columns, minlength=n_items).astype(np.int64)
    order = np.argsort(paths.columns, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    own, other = how.divisors(counts)
    # An item has no more neighbours than its events have places around them.
    room = np.minimum(np.minimum(counts * (2 * how.window), n_items), how.neighbours)
    weight = how.decay ** np.arange(how.window, dtype=np.float64)
    around = (paths.offsets, paths.rows(), paths.columns, order, bounds)
    offsets, columns, weights = _count(*around, weight, how.backward, own, other, room)
    return Neighbours(offsets, columns, weights)


@kernel
def _count(
    paths: Index,
    path_of: Index,
    columns: Codes,
    order: Index,
    bounds: Index,
    weight: Floats,
    backward: float,
    own: Floats,
    other: Floats,
    room: Index,
) -> tuple[Index, Codes, Weights]:
    n_items = len(own)
    offsets = np.zeros(n_items + 1, np.int64)
    found, strength = np.empty(room.sum(), np.int32), np.empty(room.sum(), np.float32)
    total, touched = np.zeros(n_items), np.empty(n_items, np.int32)
    for item in range(n_items):
        n = 0
        for event in range(bounds[item], bounds[item + 1]):
            place = order[event]
            first, after = paths[path_of[place]], paths[path_of[place] + 1]
            for at in range(max(first, place - len(weight)), min(after, place + len(weight) + 1)):
                if at == place:
                    continue
                with_item, distance = columns[at], abs(at - place)
                gain = weight[distance - 1] * (1.0 if at > place else backward)
                if gain > 0 and total[with_item] == 0:
                    touched[n] = with_item
                    n += 1
                total[with_item] += gain
        others = np.sort(touched[:n])
        scores = total[others] / (own[item] * other[others])
        total[others] = 0
        strongest = np.argsort(-scores, kind="mergesort")[: room[item]]
        start = offsets[item]
        for k in range(len(strongest)):
            found[start + k] = others[strongest[k]]
            strength[start + k] = scores[strongest[k]]
        offsets[item + 1] = start + len(strongest)
    return offsets, found[: offsets[-1]].copy(), strength[: offsets[-1]].copy()
