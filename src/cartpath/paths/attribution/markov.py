"""The removal effect of a channel in a Markov chain of touches, in closed form.

E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann, Mapping the customer journey: Lessons learned from
graph-based online attribution modeling, Int. J. of Research in Marketing 33 (2016).
"""

from __future__ import annotations

import numpy as np

from cartpath.paths.attribution.chain import Chain, chain_of
from cartpath.paths.attribution.journeys import Floats, Journeys
from cartpath.paths.attribution.rules import Credit

#: Up to so many states the chain is solved by one dense inverse, beyond by sparse solves, one a channel.
_DENSE = 1200


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
