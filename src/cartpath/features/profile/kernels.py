"""Compiled loops over the sessions, codes and orders of one user after another.

What a user gets depends on the user's own values in their order and on nothing else, to the last bit: no running total
goes over users, and logarithms and angles are taken one at a time, as wide instructions may round by place.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_TURN = 2 * math.pi
#: A mean direction shorter than this is rounding: the hours cancel out.
_NOWHERE = 1e-9


@kernel
def entropy(user: Ints, count: Ints, n_users: int) -> Floats:
    """Entropy in nats of each user's counts, which lie together; NaN where there are none."""
    out = np.full(n_users, np.nan)
    i = 0
    while i < len(user):
        stop, total = i, 0
        while stop < len(user) and user[stop] == user[i]:
            total += count[stop]
            stop += 1
        summed = 0.0
        for k in range(i, stop):
            share = count[k] / total
            summed += share * math.log(share)
        out[user[i]] = abs(summed)
        i = stop
    return out


@kernel
def middle(offsets: Ints, values: Floats) -> Floats:
    """Median of each group's values, which must be finite; NaN where there are none."""
    out = np.full(len(offsets) - 1, np.nan)
    for group in range(len(offsets) - 1):
        n = offsets[group + 1] - offsets[group]
        if n > 0:
            ordered = np.sort(values[offsets[group] : offsets[group + 1]])
            out[group] = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return out


@kernel
def direction(offsets: Ints, turns: Floats) -> tuple[Floats, Floats]:
    """Circular mean of each group's parts of a turn, from 0 to below 1, and the length of the mean vector."""
    mean, length = np.full(len(offsets) - 1, np.nan), np.full(len(offsets) - 1, np.nan)
    for group in range(len(offsets) - 1):
        n = offsets[group + 1] - offsets[group]
        if n == 0:
            continue
        x, y = 0.0, 0.0
        for i in range(offsets[group], offsets[group + 1]):
            x += math.cos(_TURN * turns[i])
            y += math.sin(_TURN * turns[i])
        length[group] = min(math.sqrt(x * x + y * y) / n, 1.0)
        if length[group] > _NOWHERE:
            at = math.atan2(y, x) / _TURN
            at = at + 1.0 if at < 0.0 else at
            mean[group] = 0.0 if at >= 1.0 else at
    return mean, length


@kernel
def slope(offsets: Ints, starts: Ints) -> Floats:
    """Least-squares slope of log(1 + gap in seconds) over the gap's number, of each group's starts in order."""
    out = np.full(len(offsets) - 1, np.nan)
    for group in range(len(offsets) - 1):
        low = offsets[group]
        n = offsets[group + 1] - low - 1
        if n < 2:
            continue
        mean = 0.0
        for i in range(n):
            mean += math.log1p((starts[low + i + 1] - starts[low + i]) / 1e6)
        mean /= n
        above, below = 0.0, 0.0
        for i in range(n):
            away = i - (n - 1) / 2
            above += away * (math.log1p((starts[low + i + 1] - starts[low + i]) / 1e6) - mean)
            below += away * away
        out[group] = above / below
    return out


@kernel
def log_ratio(now: Floats, before: Floats) -> Floats:
    """Logarithm of (1 + now) / (1 + before); what is below 0 counts as 0."""
    out = np.empty(len(now), np.float64)
    for i in range(len(now)):
        out[i] = math.log1p(max(now[i], 0.0)) - math.log1p(max(before[i], 0.0))
    return out
