"""The removal effect of a channel in a Markov chain of touches, in closed form.

E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann, Mapping the customer journey: Lessons learned from
graph-based online attribution modeling, Int. J. of Research in Marketing 33 (2016).
"""

from __future__ import annotations

import numpy as np

from cartpath.paths.attribution.chain import Chain, chain_of
from cartpath.paths.attribution.journeys import Floats, Ints, Journeys
from cartpath.paths.attribution.rules import Credit
from cartpath.store.jit import kernel

#: Up to so many states the chain is solved by one dense inverse, beyond state by state along the journeys.
_DENSE = 400
#: What may be left of a journey, and after how many steps it is solved as a system of equations instead.
_LEFT, _STEPS = 1e-14, 5000


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
    keep = chain.newest[chain.target] != channel
    source, target, probability = chain.source[keep], chain.target[keep], chain.probability[keep]
    visits, left = _walk(source, target, probability, len(chain.newest), _STEPS)
    if left > _LEFT:
        visits = _solved(source, target, probability, len(chain.newest))
    expected: Floats = visits @ chain.ends
    return expected


@kernel
def _walk(source: Ints, target: Ints, probability: Floats, size: int, most: int) -> tuple[Floats, float]:
    """Send one journey from the start, step by step, until next to nothing of it goes on.

    Returns the expected visits of each state, and what still goes on: no probability is further off than this.
    """
    now, visits, left = np.zeros(size), np.zeros(size), 1.0
    now[0] = visits[0] = 1.0
    for _ in range(most):
        following = np.zeros(size)
        for e in range(len(source)):
            following[target[e]] += now[source[e]] * probability[e]
        left = 0.0
        for state in range(size):
            visits[state] += following[state]
            left += following[state]
        now = following
        if left <= _LEFT:
            break
    return visits, left


def _solved(source: Ints, target: Ints, probability: Floats, size: int) -> Floats:
    """Return the expected visits of each state of a chain whose journeys are very long."""
    from scipy import sparse
    from scipy.sparse import linalg

    step = sparse.csc_array((probability, (target, source)), shape=(size, size))
    start = np.zeros(size)
    start[0] = 1.0
    visits: Floats = linalg.splu(sparse.eye_array(size, format="csc") - step).solve(start)
    return visits
