"""The Markov chain of touches: states are the last touches, and every journey ends in one of two ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.attribution.journeys import Codes, Floats, Ints, Journeys, sums
from cartpath.store.jit import kernel

#: Up to so many cells transitions are counted in a dense table, beyond by sorting.
_TABLE = 1 << 22


@dataclass(frozen=True)
class Chain:
    """An absorbing chain; state 0 is the start, the other states are the last touches.

    Attributes
    ----------
    newest : int64 array (n_states,)
        Channel of the state's newest touch, -1 at the start.
    source, target : int64 array (n_edges,)
        States; transitions into the two ends are not among them.
    probability : float64 array (n_edges,)
    ends : float64 array (n_states, 2)
        Probability that a conversion comes next, and the revenue expected of it.
    visits : float64 array (n_states,)
        Expected visits in one journey. In a chain that was counted they are the mean visits that were seen.
    width : int
        Number of channels.
    """

    newest: Ints
    source: Ints
    target: Ints
    probability: Floats
    ends: Floats
    visits: Floats
    width: int


def chain_of(journeys: Journeys, order: int = 1) -> Chain:
    """Count the chain whose states are the last ``order`` touches.

    Parameters
    ----------
    journeys : Journeys
    order : int

    Returns
    -------
    Chain
    """
    base = journeys.width + 1
    cell, n, key, ends = _count(journeys, order)
    # The oldest touch goes as the new one comes.
    states, place = np.unique(np.append(cell % base**order, 0), return_inverse=True)
    place = place[:-1]  # the start is state 0, being key 0
    source = np.searchsorted(states, cell // base)
    visits = sums(place, n, len(states))
    visits[0] = journeys.weight.sum()
    absorbed = np.zeros((len(states), 2))
    for i in (0, 1):
        np.add.at(absorbed[:, i], np.searchsorted(states, key), ends[:, i])
    return Chain(
        newest=states % base - 1,
        source=source,
        target=place.astype(np.int64),
        probability=n / visits[source],
        ends=absorbed / visits[:, None],
        visits=visits / visits[0],
        width=journeys.width,
    )


def _count(journeys: Journeys, order: int) -> tuple[Ints, Floats, Ints, Floats]:
    """Return transitions (``state * base + touch + 1``) and how many; states before an end and what came of it."""
    base = journeys.width + 1
    offsets, codes, weight = journeys.offsets, journeys.codes, journeys.weight
    last = np.empty(len(journeys), np.int64)
    if base ** (order + 1) <= _TABLE:
        table = np.zeros(base ** (order + 1))
        _fill(offsets, codes, weight, base, order, table, last)
        cell = np.flatnonzero(table)
        n = table[cell]
    else:
        cells = np.empty(len(codes), np.int64)
        _list(offsets, codes, base, base**order, cells, last)
        cell, place = np.unique(cells, return_inverse=True)
        n = sums(place, np.repeat(weight, journeys.sizes), len(cell))
        cell, n = cell[n > 0], n[n > 0]
    made = weight > 0
    key, place = np.unique(last[made], return_inverse=True)
    ends = np.column_stack([sums(place, journeys.worth[made, i], len(key)) for i in (0, 1)])
    return cell, n, key, ends


@kernel
def _fill(
    offsets: Ints, codes: Codes, weight: Floats, base: int, order: int, table: Floats, last: npt.NDArray[np.int64]
) -> None:
    states = base**order
    for p in range(len(offsets) - 1):
        state, low = 0, offsets[p]
        for i in range(low, offsets[p + 1]):
            cell = state * base + codes[i] + 1
            table[cell] += weight[p]
            # The oldest touch goes; to divide by the number of states would take longer than all else.
            state = cell if i - low < order else cell - (codes[i - order] + 1) * states
        last[p] = state


@kernel
def _list(
    offsets: Ints, codes: Codes, base: int, states: int, cells: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> None:
    for p in range(len(offsets) - 1):
        state = 0
        for i in range(offsets[p], offsets[p + 1]):
            cells[i] = state * base + codes[i] + 1
            state = cells[i] % states
        last[p] = state
