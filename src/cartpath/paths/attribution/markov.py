"""The removal effect of a channel in a Markov chain of touches, in closed form.

E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann, Mapping the customer journey: Lessons learned from
graph-based online attribution modeling, Int. J. of Research in Marketing 33 (2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.attribution.journeys import Codes, Floats, Ints, Journeys, sums
from cartpath.paths.attribution.rules import Credit
from cartpath.store.jit import kernel

#: Up to so many states the chain is solved by one dense inverse, beyond by sparse solves, one a channel.
_DENSE = 1200
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


def removal_effects(chain: Chain, dense: int = _DENSE) -> Floats:
    """Return what is lost when a channel is taken away: the share of conversions and of revenue, a row a channel.

    Every journey that touches the channel ends there without a conversion.

    Parameters
    ----------
    chain : Chain
    dense : int
        Up to so many states one dense inverse is used.

    Returns
    -------
    float64 array (width, 2)
        From 0 to 1 in conversions.

    Notes
    -----
    With N the fundamental matrix, A the states that end in the channel and s the start, the states of A are first
    entered with probabilities ``f = N[s, A] N[A, A]^-1``, and what is lost is ``f h[A]``, h being what is to be
    expected from each state. ``N[s, :]`` are the visits, so one inverse serves all channels.

    Examples
    --------
    >>> from cartpath.paths.attribution.journeys import journeys_of
    >>> chain = chain_of(journeys_of([("ab", 1, 10.0, 0), ("a", 0, 0.0, 1)], "ab"))
    >>> removal_effects(chain)[:, 0].tolist()
    [1.0, 1.0]
    """
    whole = chain.visits @ chain.ends
    lost = _lost_dense(chain) if len(chain.newest) <= dense else _lost_sparse(chain)
    effects = np.divide(lost, whole, out=np.zeros_like(lost), where=whole != 0)
    return np.clip(effects, 0.0, None)  # what is below 0 is rounding, or an order of negative worth


def markov(journeys: Journeys, order: int = 1) -> Credit:
    """Divide conversions and revenue in proportion to the removal effects.

    Parameters
    ----------
    journeys : Journeys
    order : int
        How many of the last touches make a state, 1 to 3.

    Returns
    -------
    Credit

    Examples
    --------
    >>> from cartpath.paths.attribution.journeys import journeys_of
    >>> markov(journeys_of([("ab", 1, 10.0, 0), ("a", 0, 0.0, 1)], "ab")).values.tolist()
    [[0.5, 5.0], [0.5, 5.0]]
    """
    if not journeys.conversions.sum():
        return credit_of(journeys, np.zeros((journeys.width, 2)))
    return credit_of(journeys, removal_effects(chain_of(journeys, order)))


def credit_of(journeys: Journeys, effects: Floats) -> Credit:
    """Divide what there is in proportion to removal effects; revenue by those of conversions where it has none."""
    total, whole = journeys.worth.sum(axis=0), effects.sum(axis=0)
    if not whole[0]:
        return Credit.without_error(np.zeros((journeys.width, 2)))
    shares = effects[:, 0] / whole[0]
    earned = effects[:, 1] / whole[1] if whole[1] else shares
    return Credit.without_error(np.column_stack([shares * total[0], earned * total[1]]))


def _lost_dense(chain: Chain) -> Floats:
    size = len(chain.newest)
    matrix = np.eye(size)
    matrix[chain.source, chain.target] -= chain.probability
    fundamental = np.linalg.inv(matrix)
    hope = fundamental @ chain.ends
    lost = np.zeros((chain.width, 2))
    for channel in np.unique(chain.newest[1:]).tolist():
        inside = np.flatnonzero(chain.newest == channel)
        entered = np.linalg.solve(fundamental[np.ix_(inside, inside)].T, chain.visits[inside])
        lost[channel] = entered @ hope[inside]
    return lost


def _lost_sparse(chain: Chain) -> Floats:
    whole = chain.visits @ chain.ends
    lost = np.zeros((chain.width, 2))
    for channel in np.unique(chain.newest[1:]).tolist():
        lost[channel] = whole - _expected_without(chain, channel)
    return lost


def _expected_without(chain: Chain, channel: int) -> Floats:
    """Return conversions and revenue expected at the start where the channel leads nowhere."""
    from scipy import sparse
    from scipy.sparse import linalg

    keep = chain.newest[chain.target] != channel
    shape = (len(chain.newest),) * 2
    step = sparse.csr_array((chain.probability[keep], (chain.source[keep], chain.target[keep])), shape=shape)
    matrix = sparse.eye_array(len(chain.newest), format="csr") - step
    start = np.zeros(len(chain.newest))
    start[0] = 1.0
    # Expected visits once serve conversions and revenue: solve from the left.
    visits, failed = linalg.gmres(matrix.T.tocsr(), start, rtol=1e-13, atol=0.0, restart=60, maxiter=50)
    if failed:
        visits = np.linalg.solve(matrix.toarray().T, start)
    expected: Floats = visits @ chain.ends
    return expected


def _count(journeys: Journeys, order: int) -> tuple[Ints, Floats, Ints, Floats]:
    """Return transitions (``state * base + touch + 1``) and how many; states before an end and what came of it."""
    base = journeys.width + 1
    offsets, codes, weight = journeys.offsets, journeys.codes, journeys.weight
    last = np.empty(len(journeys), np.int64)
    if base ** (order + 1) <= _TABLE:
        table = np.zeros(base ** (order + 1))
        _fill(offsets, codes, weight, base, base**order, table, last)
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
    offsets: Ints, codes: Codes, weight: Floats, base: int, states: int, table: Floats, last: npt.NDArray[np.int64]
) -> None:
    for p in range(len(offsets) - 1):
        state = 0
        for i in range(offsets[p], offsets[p + 1]):
            cell = state * base + codes[i] + 1
            table[cell] += weight[p]
            state = cell % states
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
