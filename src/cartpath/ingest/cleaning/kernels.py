"""Compiled loops of cleaning: dwell, double clicks, clocks, draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.schema import MICROSECONDS
from cartpath.store.hashing import mix
from cartpath.store.jit import kernel

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@kernel
def dwell_seconds(ts: Ints, session: Codes, keep: Bools, n_sessions: int) -> Floats:
    """Seconds until the next event kept of the session; NaN at its last, and where an event is not kept."""
    out = np.full(len(ts), np.nan)
    following = np.full(n_sessions, -1, np.int64)
    for i in range(len(ts) - 1, -1, -1):
        if not keep[i]:
            continue
        s = session[i]
        if following[s] >= 0:
            out[i] = (ts[following[s]] - ts[i]) / MICROSECONDS
        following[s] = i
    return out


@kernel
def near_duplicates(
    offsets: Ints,
    ts: Ints,
    event: Codes,
    item: Codes,
    page: Codes,
    order: Ints,
    step: npt.NDArray[np.uint8],
    window: int,
) -> Bools:
    """Mark events equal to the user's event before, of another step, less than ``window`` microseconds after it."""
    out = np.zeros(len(ts), np.bool_)
    for user in range(len(offsets) - 1):
        for i in range(offsets[user] + 1, offsets[user + 1]):
            out[i] = (
                step[i] == 1
                and event[i] == event[i - 1]
                and item[i] == item[i - 1]
                and page[i] == page[i - 1]
                and order[i] == order[i - 1]
                and (item[i] >= 0 or page[i] >= 0)
                and ts[i] - ts[i - 1] < window
            )
    return out


@kernel
def session_delays(ts: Ints, received: Ints, session: Codes, before: Bools, n_sessions: int) -> tuple[Ints, Bools]:
    """Median of ``received - ts`` of each session, microseconds rounded down, and whether it has one.

    A session that has events ``before`` is judged by those alone.
    """
    size = np.zeros(n_sessions + 1, np.int64)
    only_before = np.zeros(n_sessions, np.bool_)
    for i in range(len(ts)):
        if received[i] != 0 and before[i]:
            only_before[session[i]] = True
    for i in range(len(ts)):
        if received[i] != 0 and (before[i] or not only_before[session[i]]):
            size[session[i] + 1] += 1
    start = np.cumsum(size)
    at = start[:-1].copy()
    delay = np.empty(start[-1], np.int64)
    for i in range(len(ts)):
        s = session[i]
        if received[i] != 0 and (before[i] or not only_before[s]):
            delay[at[s]] = received[i] - ts[i]
            at[s] += 1
    middle = np.zeros(n_sessions, np.int64)
    known = np.zeros(n_sessions, np.bool_)
    for s in range(n_sessions):
        n = start[s + 1] - start[s]
        if n > 0:
            ordered = np.sort(delay[start[s] : start[s + 1]])
            low, high = ordered[(n - 1) // 2], ordered[n // 2]
            middle[s] = low + (high - low) // 2
            known[s] = True
    return middle, known


@kernel
def draws(row_hash: Ints, seed: np.uint64) -> Floats:
    """Draw a number from 0 to below 1 for each row: the same for the same fingerprint and seed."""
    out = np.empty(len(row_hash), np.float64)
    salt = mix(seed)
    for i in range(len(row_hash)):
        out[i] = float(mix(np.uint64(row_hash[i]) ^ salt) >> np.uint64(11)) / 9007199254740992.0
    return out


@kernel
def path_order(offsets: Ints, ts: Ints) -> Ints:
    """Events of each user by time; those of one time stay in their order."""
    out = np.empty(len(ts), np.int64)
    for user in range(len(offsets) - 1):
        lo, hi = offsets[user], offsets[user + 1]
        out[lo:hi] = lo + np.argsort(ts[lo:hi], kind="mergesort")
    return out
