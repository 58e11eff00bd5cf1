"""What speaks for an item without a network: how popular it is, what it goes with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, user_of_event
from cartpath.models import need
from cartpath.schema import MICROSECONDS

Floats = npt.NDArray[np.float64]
#: Later items of a path that an item is paired with, the nearer the stronger.
_LAGS = 5
#: Latest distinct items of a user that co-occurrence starts from.
HISTORY = 10
_DAY = 86_400 * MICROSECONDS


def item_events(log: Log, until: int) -> npt.NDArray[np.int64]:
    """Return the places of the events with an item before a moment, in path order."""
    return np.flatnonzero((log.view.item >= 0) & (log.view.ts < until))


def popularity(log: Log, until: int, half_life_days: float | None = None) -> Floats:
    """Return how many users touched each item (n_codes,), by the day before ``until``.

    Parameters
    ----------
    log : Log
    until : int
        Microseconds since 1970 UTC; nothing from then on counts.
    half_life_days : float, optional
        Days after which a touch counts half; all count alike by default.

    Returns
    -------
    float64 array (n_codes,)
        Each user counts once an item, by the latest touch.
    """
    n_codes = len(log.codes("item"))
    at = item_events(log, until)
    pairs = user_of_event(log.view)[at].astype(np.int64) * max(n_codes, 1) + log.view.item[at]
    # The first of the reversed is the latest.
    latest = at[::-1][np.unique(pairs[::-1], return_index=True)[1]]
    weight: Floats = np.ones(len(latest))
    if half_life_days is not None:
        weight = 0.5 ** ((until - log.view.ts[latest]) / _DAY / half_life_days)
    counts: Floats = np.bincount(log.view.item[latest], weights=weight, minlength=n_codes).astype(np.float64)
    return counts


def cooccurrence(log: Log, until: int) -> Any:
    """Return how strongly each item leads to each other one.

    Parameters
    ----------
    log : Log
    until : int

    Returns
    -------
    scipy.sparse.csr_array (n_codes, n_codes)
        Pairs of different items that follow each other within five items of a path, ``1 / distance`` each, over the
        root of both items' totals; rows sum to one. Items that never had a pair have empty rows.
    """
    sparse = need("scipy.sparse", "recommending")
    n_codes = len(log.codes("item"))
    at = item_events(log, until)
    user, item = user_of_event(log.view)[at], log.view.item[at]
    if len(at):
        new = np.concatenate([[True], (item[1:] != item[:-1]) | (user[1:] != user[:-1])])
        user, item = user[new], item[new]
    total = sparse.csr_array((n_codes, n_codes), dtype=np.float64)
    for lag in range(1, _LAGS + 1):
        pair = (user[lag:] == user[:-lag]) & (item[lag:] != item[:-lag])
        a, b = item[:-lag][pair], item[lag:][pair]
        weight = np.full(len(a), 1 / lag)
        total = total + sparse.coo_array((weight, (a, b)), shape=(n_codes, n_codes)).tocsr()
        # Backwards at half: order says something, but not all.
        total = total + sparse.coo_array((weight / 2, (b, a)), shape=(n_codes, n_codes)).tocsr()
    return _normalised(total, sparse)


def _normalised(total: Any, sparse: Any) -> Any:
    margin = np.sqrt(np.maximum(np.asarray(total.sum(axis=0)).ravel(), 1.0))
    scaled = sparse.csr_array(total @ sparse.diags_array(1 / margin))
    sums = np.asarray(scaled.sum(axis=1)).ravel()
    return sparse.csr_array(sparse.diags_array(1 / np.where(sums > 0, sums, 1)) @ scaled)


def recent_items(log: Log, users: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Any:
    """Return the latest distinct items of each path before its end.

    Parameters
    ----------
    log : Log
    users, ends : int64 array (n,)
        Rows of users, and the place in the path from which on nothing may be known.

    Returns
    -------
    scipy.sparse.csr_array (n, n_codes)
        1 for the latest item, then falling by a fifth with each earlier one, up to ten.
    """
    sparse = need("scipy.sparse", "recommending")
    rows, items, weights = [], [], []
    for row, (user, end) in enumerate(zip(users, ends, strict=True)):
        # Repeats are common: look back over enough events to find ten distinct items in most paths.
        seen = log.view.item[max(int(log.view.offsets[user]), int(end) - 100) : int(end)]
        distinct = list(dict.fromkeys(int(code) for code in seen[::-1] if code >= 0))[:HISTORY]
        rows += [row] * len(distinct)
        items += distinct
        weights += [0.8**place for place in range(len(distinct))]
    shape = (len(users), len(log.codes("item")))
    return sparse.coo_array((weights, (rows, items)), shape=shape, dtype=np.float64).tocsr()
