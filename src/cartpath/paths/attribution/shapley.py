"""The Shapley value of channels, each journey being worth something to the channels that it touches.

Two games are known. ``conversions``: a set of channels is worth the conversions of the journeys that touch no other
channel (K. Zhao, S. H. Mahboobi, S. R. Bagheri, Shapley value methods for attribution modeling in online advertising,
2018). ``rate``: it is worth their conversion rate, so that journeys without a conversion weigh as well.
"""

from __future__ import annotations

from math import factorial

import numpy as np
import numpy.typing as npt

from cartpath.paths.attribution.journeys import Codes, Floats, Ints, Journeys, intern, sums
from cartpath.paths.attribution.rules import Credit
from cartpath.schema import CartpathError
from cartpath.store.jit import kernel

#: What a set of channels may be worth.
GAMES: tuple[str, ...] = ("conversions", "rate")

#: Up to so many channels the value is exact in every game.
EXACT = 12
#: Orders of arrival that are drawn beyond, in pairs of an order and its reverse.
DRAWS = 4000


def shapley(journeys: Journeys, game: str = "conversions", exact: int = EXACT, draws: int = DRAWS) -> Credit:
    """Divide conversions and revenue by the Shapley value.

    Parameters
    ----------
    journeys : Journeys
    game : str
        ``"conversions"``: exact for any number of channels, since a journey's worth is shared equally by the
        channels it touches. ``"rate"``: exact up to ``exact`` channels, beyond drawn from random orders.
    exact, draws : int

    Returns
    -------
    Credit
        The error of ``"conversions"`` is that of a sample of conversions; that of ``"rate"`` is 0 where the value is
        exact, else the standard error of the draws.

    Raises
    ------
    CartpathError
        If there is no such game.

    Examples
    --------
    >>> from cartpath.paths.attribution.journeys import journeys_of
    >>> paths = journeys_of([("aab", 2, 20.0, 2), ("b", 1, 5.0, 0)], "ab")
    >>> shapley(paths).values.tolist()
    [[1.0, 10.0], [2.0, 15.0]]
    """
    if game not in GAMES:
        raise CartpathError(f"there is no game {game!r}", f"known: {', '.join(GAMES)}")
    sets = coalitions(journeys)
    if game == "conversions":
        values, squares = _equal_parts(sets.offsets, sets.codes, sets.worth, sets.width)
        return Credit.of(values, squares, float(sets.conversions.sum()))
    if not journeys.conversions.sum():
        return Credit(np.zeros((journeys.width, 2)), np.zeros(journeys.width))
    players, codes = np.unique(sets.codes, return_inverse=True)
    small = Journeys(codes.astype(np.uint8), sets.offsets, sets.conversions, sets.revenue, sets.lost, len(players))
    found = _exact(small) if len(players) <= exact else _sampled(small, draws)
    values, error = np.zeros((journeys.width, 2)), np.zeros(journeys.width)
    values[players], error[players] = found.values, found.error
    return Credit(values, error)


def coalitions(journeys: Journeys) -> Journeys:
    """Return the sets of channels of the journeys: each channel once, in the order of their codes.

    Examples
    --------
    >>> from cartpath.paths.attribution.journeys import journeys_of
    >>> sets = coalitions(journeys_of([("ba", 1, 0.0, 0), ("aab", 1, 0.0, 0)], "ab"))
    >>> sets.codes.tolist(), sets.conversions.tolist()
    ([0, 1], [2.0])
    """
    codes, offsets = _distinct(journeys.codes, journeys.offsets, journeys.width)
    number, codes, offsets = intern(codes, offsets)
    n = len(offsets) - 1
    conversions, revenue, lost = (
        sums(number, values, n) for values in (journeys.conversions, journeys.revenue, journeys.lost)
    )
    return Journeys(codes, offsets, conversions, revenue, lost, journeys.width)


def worth_of_rates(conversions: Floats, revenue: Floats, paths: Floats, total: float) -> Floats:
    """Return what coalitions are worth by rate, in conversions and revenue of all journeys; 0 where none is made."""
    both = np.column_stack([conversions, revenue])
    rate = np.divide(both, paths[:, None], out=np.zeros_like(both), where=paths[:, None] > 0)
    worth: Floats = rate * total
    return worth


def _exact(sets: Journeys) -> Credit:
    """Work out every coalition: sums over subsets, then the weighted gains of each channel."""
    n = sets.width
    mask = np.zeros(len(sets), np.int64)
    np.add.at(mask, np.repeat(np.arange(len(sets)), sets.sizes), 1 << sets.codes.astype(np.int64))
    conversions, revenue, made = (
        _over_subsets(mask, values, n) for values in (sets.conversions, sets.revenue, sets.weight)
    )
    worth = worth_of_rates(conversions, revenue, made, float(sets.weight.sum()))
    members = np.arange(1 << n)
    size = np.array([int(m).bit_count() for m in members])
    weights = np.array([factorial(k) * factorial(n - k - 1) / factorial(n) if k < n else 0.0 for k in range(n + 1)])
    values = np.zeros((n, 2))
    for channel in range(n):
        without = members[members & (1 << channel) == 0]
        values[channel] = weights[size[without]] @ (worth[without | (1 << channel)] - worth[without])
    return Credit(values, np.zeros(n))


def _over_subsets(mask: Ints, values: Floats, n: int) -> Floats:
    """Return for every coalition the sum over the sets within it."""
    within = sums(mask, values, 1 << n)
    for channel in range(n):
        halves = within.reshape(-1, 2, 1 << channel)
        halves[:, 1] += halves[:, 0]
    return within


def _sampled(sets: Journeys, draws: int, seed: int = 0) -> Credit:
    """Let channels arrive in random orders, each order and its reverse; the mean gain of a channel is its value."""
    random = np.random.default_rng(seed)
    pairs = max(draws // 2, 2)
    orders = np.array([random.permutation(sets.width) for _ in range(pairs)])
    rank = np.argsort(orders, axis=1)
    gains = np.zeros((pairs, sets.width, 2))
    for turned in (rank, sets.width - 1 - rank):
        gains += _gains(turned, sets.offsets, sets.codes, sets.worth, sets.weight) / 2
    return Credit(gains.mean(axis=0), gains[:, :, 0].std(axis=0, ddof=1) / np.sqrt(pairs))


@kernel
def _gains(rank: Ints, offsets: Ints, codes: Codes, worth: Floats, weight: Floats) -> Floats:
    """Return what each channel adds when it arrives; a set is complete with its last channel."""
    draws, width = rank.shape
    gains = np.zeros((draws, width, 2))
    total = weight.sum()
    for d in range(draws):
        arrived, paths = np.zeros((width, 2)), np.zeros(width)
        for p in range(len(offsets) - 1):
            last = 0
            for i in range(offsets[p], offsets[p + 1]):
                last = max(last, rank[d, codes[i]])
            arrived[last] += worth[p]
            paths[last] += weight[p]
        member = np.argsort(rank[d])
        for column in range(2):
            have, made, before = 0.0, 0.0, 0.0
            for k in range(width):
                have += arrived[k, column]
                made += paths[k]
                now = have / made * total if made > 0 else 0.0
                gains[d, member[k], column] = now - before
                before = now
    return gains


@kernel
def _equal_parts(offsets: Ints, codes: Codes, worth: Floats, width: int) -> tuple[Floats, Floats]:
    values, squares = np.zeros((width, 2)), np.zeros(width)
    for p in range(len(offsets) - 1):
        part = 1.0 / (offsets[p + 1] - offsets[p])
        for i in range(offsets[p], offsets[p + 1]):
            values[codes[i], 0] += worth[p, 0] * part
            values[codes[i], 1] += worth[p, 1] * part
            squares[codes[i]] += worth[p, 0] * part * part
    return values, squares


@kernel
def _distinct(codes: Codes, offsets: Ints, width: int) -> tuple[Codes, npt.NDArray[np.int64]]:
    out, ends = np.empty(len(codes), np.uint8), np.zeros(len(offsets), np.int64)
    seen = np.full(width, -1, np.int64)
    at = 0
    for p in range(len(offsets) - 1):
        start = at
        for i in range(offsets[p], offsets[p + 1]):
            if seen[codes[i]] != p:
                seen[codes[i]] = p
                out[at] = codes[i]
                at += 1
        for i in range(start + 1, at):  # a set is small, and to sort a copy would take longer
            code, k = out[i], i
            while k > start and out[k - 1] > code:
                out[k] = out[k - 1]
                k -= 1
            out[k] = code
        ends[p + 1] = at
    return out[:at].copy(), ends
