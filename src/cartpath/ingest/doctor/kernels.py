"""Compiled loops of ``doctor``: ties in time, pauses, and the rhythm of each user."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.schema import MICROSECONDS
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MINUTE = 60 * MICROSECONDS
#: A user is judged by the regularity of pauses from this many pauses on.
ENOUGH_PAUSES = 20


@kernel
def same_time(offsets: Ints, ts: Ints, step: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """Count events at the time of the event before of their user, and those of them that begin a step."""
    ties = apart = 0
    for user in range(len(offsets) - 1):
        for i in range(offsets[user] + 1, offsets[user + 1]):
            if ts[i] == ts[i - 1]:
                ties += 1
                apart += step[i]
    return ties, apart


@kernel
def paused(offsets: Ints, ts: Ints, session: npt.NDArray[np.int32], gap: int) -> npt.NDArray[np.bool_]:
    """Mark sessions with a pause longer than ``gap`` between two events that follow each other."""
    n = 0
    for i in range(len(session)):
        n = max(n, session[i] + 1)
    out = np.zeros(n, np.bool_)
    for user in range(len(offsets) - 1):
        for i in range(offsets[user] + 1, offsets[user + 1]):
            if session[i] == session[i - 1] and ts[i] - ts[i - 1] > gap:
                out[session[i]] = True
    return out


@kernel
def rhythm(
    offsets: Ints, ts: Ints, step: npt.NDArray[np.uint8], session: npt.NDArray[np.int32]
) -> tuple[Floats, Floats, Ints]:
    """Describe the pauses of each user.

    Returns
    -------
    pause : float64 array (n_users,)
        Median pause between steps of a session, microseconds; NaN below ``ENOUGH_PAUSES`` pauses.
    spread : float64 array (n_users,)
        Median deviation from it, as a part of it; infinite where ``pause`` is NaN.
    peak : int64 array (n_users,)
        Most steps within a minute.
    """
    n = len(offsets) - 1
    pause, spread = np.full(n, np.nan), np.full(n, np.inf)
    peak = np.zeros(n, np.int64)
    for user in range(n):
        lo, hi = offsets[user], offsets[user + 1]
        times, gaps = np.empty(hi - lo, np.int64), np.empty(hi - lo, np.float64)
        n_times = n_gaps = tail = 0
        last = -1
        for i in range(lo, hi):
            if step[i] == 0:
                continue
            if last >= 0 and session[i] == session[last] and ts[i] > ts[last]:
                gaps[n_gaps] = ts[i] - ts[last]
                n_gaps += 1
            last = i
            times[n_times] = ts[i]
            n_times += 1
            while ts[i] - times[tail] >= MINUTE:
                tail += 1
            peak[user] = max(peak[user], n_times - tail)
        if n_gaps >= ENOUGH_PAUSES:
            middle = np.median(gaps[:n_gaps])
            pause[user] = middle
            spread[user] = np.median(np.abs(gaps[:n_gaps] - middle)) / middle
    return pause, spread, peak
