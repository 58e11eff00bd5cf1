"""Stretches of paths as padded batches, cut with NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.encoder import EncodedLog
from cartpath.schema import MICROSECONDS

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Windows side by side, padded on the right.

    Attributes
    ----------
    ids : int64 array (b, length, n_fields)
        Event fields, then session fields; 0 where absent or padded.
    seconds : float32 array (b, length)
        Time since the window's first event.
    session : int64 array (b, length)
        Session of each event.
    rows : int64 array (b, length)
        Which event of the log it is; -1 where padded.
    """

    ids: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float32]
    session: npt.NDArray[np.int64]
    rows: Index

    @property
    def last(self) -> Index:
        """Place of each window's last event (b,)."""
        place: Index = (self.rows >= 0).sum(axis=1) - 1
        return place


def gather(encoded: EncodedLog, starts: Index, ends: Index) -> Batch:
    """Cut windows ``[start, end)`` out of a log.

    Parameters
    ----------
    encoded : EncodedLog
    starts, ends : int64 array (b,)
        Within one user each, not empty.

    Returns
    -------
    Batch
        A session's context is on each of its events from the one that carried it on: on the first alone, intent learned
        less (docs/model.md).
    """
    lengths = ends - starts
    steps = np.arange(int(lengths.max()))
    there = steps < lengths[:, None]
    rows = np.where(there, starts[:, None] + steps, starts[:, None])
    view = encoded.log.view
    session = view.session[rows].astype(np.int64)
    context = encoded.sessions[session]
    ids = np.concatenate(
        [
            np.where(there[..., None], encoded.events[rows], 0),
            np.where((there & (view.ts[rows] >= view.sessions.context_ts[session]))[..., None], context, 0),
        ],
        axis=2,
    ).astype(np.int64)
    seconds = ((view.ts[rows] - view.ts[starts][:, None]) / MICROSECONDS).astype(np.float32)
    return Batch(ids, seconds, session, np.where(there, rows, -1))


def window_starts(offsets: Index, users: npt.NDArray[Any], ends: Index, length: int) -> Index:
    """Return where the windows of the last ``length`` events before each end begin.

    Examples
    --------
    >>> window_starts(np.array([0, 10, 12]), np.array([0, 1]), np.array([9, 12]), 4).tolist()
    [5, 10]
    """
    starts: Index = np.maximum(offsets[users], ends - length)
    return starts


@dataclass(frozen=True)
class SharedWindows:
    """Windows that answer questions at several places at once.

    Attributes
    ----------
    starts, ends : int64 array (w,)
        Within one user each.
    window : int64 array (n,)
        Which window answers each question.
    """

    starts: Index
    ends: Index
    window: Index


def shared_windows(offsets: Index, ends: Index, length: int) -> SharedWindows:
    """Group questions so that one pass of a causal network answers all of a window.

    A window begins at a multiple of half its length, counted from the user's first event, and a question is answered
    by the earliest window that reaches its end: from half a window to a whole one of history, or all there is. Which
    events that are depends on the place alone and not on what else is asked, so training, evaluation and a live path
    give a question the same input.

    Parameters
    ----------
    offsets : int64 array (n_users + 1,)
    ends : int64 array (n,)
        Places after the last event that may be known, each after at least one event of its user.
    length : int
        Events of a window, 2 or more.

    Returns
    -------
    SharedWindows
        Each ends with the last question it answers.

    Examples
    --------
    >>> found = shared_windows(np.array([0, 9]), np.array([1, 4, 5, 9]), 4)
    >>> found.starts.tolist(), found.ends.tolist(), found.window.tolist()
    ([0, 2, 6], [4, 5, 9], [0, 0, 1, 2])
    """
    half = length // 2
    users = np.searchsorted(offsets, ends - 1, side="right") - 1
    begin = offsets[users]
    start = begin + np.maximum(-(-(ends - begin) // half) - 2, 0) * half
    starts, window = np.unique(start, return_inverse=True)
    stops = np.zeros(len(starts), np.int64)
    np.maximum.at(stops, window, ends)
    return SharedWindows(starts.astype(np.int64), stops, window.astype(np.int64))


def chunks(offsets: Index, until: Index, length: int) -> tuple[Index, Index]:
    """Cut each user's path up to ``until`` into stretches of at most ``length``.

    Parameters
    ----------
    offsets : int64 array (n_users + 1,)
    until : int64 array (n_users,)
        Where each user's usable path ends.
    length : int

    Returns
    -------
    tuple of int64 arrays (n_chunks,)
        Starts and ends.

    Examples
    --------
    >>> [part.tolist() for part in chunks(np.array([0, 5, 6]), np.array([5, 5]), 2)]
    [[0, 2, 4], [2, 4, 5]]
    """
    sizes = np.maximum(until - offsets[:-1], 0)
    pieces = -(-sizes // length)
    user = np.repeat(np.arange(len(sizes)), pieces)
    nth = np.arange(len(user)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = offsets[user] + nth * length
    return starts, np.minimum(starts + length, until[user])


def length_batches(
    lengths: Index, tokens: int, rng: np.random.Generator | None = None
) -> Iterator[npt.NDArray[np.int64]]:
    """Group windows of similar length so that little is padding.

    Parameters
    ----------
    lengths : int64 array (n,)
    tokens : int
        Padded events a batch holds at most (one window at least).
    rng : numpy.random.Generator, optional
        Shuffles windows of nearly the same length, and the order of the batches; in order of length without.

    Yields
    ------
    int64 array
        Which windows are in the batch.
    """
    key = lengths.astype(np.float64)
    if rng is not None:
        key = key * rng.uniform(0.9, 1.1, len(key))
    order = np.argsort(key, kind="stable")
    longest = np.maximum.accumulate(lengths[order])
    groups, start = [], 0
    while start < len(order):
        size = np.arange(1, min(len(order) - start, tokens) + 1)
        fits = int(np.searchsorted(longest[start : start + len(size)] * size, tokens, side="right"))
        groups.append(order[start : start + max(fits, 1)])
        start += max(fits, 1)
    yield from (groups[place] for place in (rng.permutation(len(groups)) if rng is not None else range(len(groups))))
