"""Which touches belong to which conversion, and which to journeys that ended without one.

Conversions of one step have the same touches: they are found, laid out and weighed once a step, not once a conversion.
Else a hit of many orders after many touches would cost the product of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Codes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Touches of one conversion at most where they are not spent by the conversion before; else work grows with its square.
MOST_TOUCHES = 200


@dataclass(frozen=True)
class Touches:
    """Touches of a bucket in path order.

    Attributes
    ----------
    place : int64 array (n,)
        Among the elements of the paths.
    code : uint8 array (n,)
    ts : int64 array (n,)
    direct : bool array (n,)
        Whether the session is a direct visit.
    """

    place: Ints
    code: Codes
    ts: Ints
    direct: Mask


@kernel
def bounds_of(place: Ints, offsets: Ints) -> Ints:
    """Return where each path begins among places that ascend: both are gone along once, where a search would jump."""
    found = np.empty(len(offsets), np.int64)
    n = 0
    for path in range(len(offsets)):
        while n < len(place) and place[n] < offsets[path]:
            n += 1
        found[path] = n
    return found


@kernel
def windows(
    bounds: tuple[Ints, Ints],
    touch: tuple[Ints, Ints],
    conversion: tuple[Ints, Ints, Ints, Ints],
    lookback: int,
    reset: bool,
    most: int,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Find the touches of the conversions of each step, and then those that are left at the end of each path.

    Parameters
    ----------
    bounds : tuple of int64 arrays (n_paths + 1,)
        Where the touches and the steps with conversions of each path begin.
    touch : tuple
        Place and time of the touches.
    conversion : tuple
        Of each step with conversions: place of the first one, how many there are, their time and own touch (that of
        their session, -1 for none).
    lookback : int
        Microseconds.
    reset : bool
    most : int
        Touches at most where there is no reset.

    Returns
    -------
    tuple
        ``low`` and ``high`` of each step, then of each path's rest; ``own``: a touch before ``low`` that belongs to
        the step's conversions as well, or one within that comes last; counts: conversions that lost touches to the
        lookback, conversions cut at ``most``, rests that lost touches to the lookback.
    """
    place, ts = touch
    at, together, when, session = conversion
    n, paths = len(at), len(bounds[0]) - 1
    low, high = np.empty(n + paths, np.int64), np.empty(n + paths, np.int64)
    own = np.full(n, -1, np.int64)
    counts = np.zeros(3, np.int64)
    for p in range(paths):
        begin, end = bounds[0][p], bounds[0][p + 1]
        lo, hi, free = begin, begin, begin
        for c in range(bounds[1][p], bounds[1][p + 1]):
            if reset:
                free = hi
            while hi < end and place[hi] <= at[c]:
                hi += 1
            lo = max(lo, free)
            while lo < hi and when[c] - ts[lo] > lookback:
                lo += 1
            counts[0] += together[c] * (lo > free)
            low[c], high[c] = lo, hi
            if not reset and hi - lo > most:
                low[c] = hi - most
                counts[1] += together[c]
            if session[c] >= 0 and when[c] - ts[session[c]] <= lookback:
                own[c] = session[c]
        lo = hi
        while lo < end and ts[end - 1] - ts[lo] > lookback:
            lo += 1
        counts[2] += lo > hi
        low[n + p], high[n + p] = lo, end
    return low, high, own, counts


@kernel
def lay_out(low: Ints, high: Ints, own: Ints, code: Codes, none: int) -> tuple[Codes, Ints]:
    """Write the journeys one after the other: of each step with conversions, then the rests that have a touch.

    Returns codes and offsets. A conversion that has no touch has the journey of one touch, ``none``.
    """
    total = 0
    for k in range(len(low)):
        total += max(high[k] - low[k], 0) + 1
    codes, offsets = np.empty(total, np.uint8), np.zeros(len(low) + 1, np.int64)
    size, n = 0, 0
    for k in range(len(low)):
        mine = own[k] if k < len(own) else -1
        start = size
        for t in range(low[k], high[k]):
            if t != mine:
                codes[size] = code[t]
                size += 1
        if mine >= 0:
            codes[size] = code[mine]
            size += 1
        if size == start:
            if k >= len(own):
                continue
            codes[size] = none
            size += 1
        n += 1
        offsets[n] = size
    return codes[:size].copy(), offsets[: n + 1].copy()


@kernel
def last_non_direct(low: Ints, high: Ints, own: Ints, code: Codes, direct: Mask, none: int) -> Codes:
    """Return the channel of the last touch that is not direct; of the last touch where all are."""
    found = np.empty(len(own), np.uint8)
    for c in range(len(own)):
        mine = own[c]
        last = mine if mine >= 0 else high[c] - 1
        found[c] = none
        if mine < 0 and high[c] <= low[c]:
            continue
        found[c] = code[last]
        if not direct[last]:
            continue
        for t in range(high[c] - 1, low[c] - 1, -1):
            if not direct[t]:
                found[c] = code[t]
                break
    return found


@kernel
def decayed(
    low: Ints, high: Ints, own: Ints, code: Codes, ts: Ints, half_life: int, none: int, width: int
) -> tuple[npt.NDArray[np.int64], Codes, Floats]:
    """Divide a conversion of each step by the age of its touches: half the weight for every half-life one is older.

    Returns a row a step and channel: the step, the channel, its part.
    """
    total = 0
    for c in range(len(own)):
        total += min(max(high[c] - low[c], 0) + 1, width)
    step, channel, part = np.empty(total, np.int64), np.empty(total, np.uint8), np.empty(total)
    weight = np.zeros(width)
    n = 0
    for c in range(len(own)):
        mine, start, whole = own[c], n, 0.0
        newest = ts[high[c] - 1] if high[c] > low[c] else (ts[mine] if mine >= 0 else 0)
        outside = mine >= 0 and not low[c] <= mine < high[c]
        for t in range(low[c], high[c] + outside):
            i = mine if t == high[c] else t
            # By the newest touch, not by the conversion: only ratios matter, and these stay above 0.
            w = 2.0 ** (-(newest - ts[i]) / half_life)
            if weight[code[i]] == 0.0 and w > 0.0:
                step[n], channel[n] = c, code[i]
                n += 1
            weight[code[i]] += w
            whole += w
        if n == start:
            step[n], channel[n], part[n] = c, none, 1.0
            n += 1
            continue
        for k in range(start, n):
            part[k] = weight[channel[k]] / whole
        for t in range(low[c], high[c] + outside):
            weight[code[mine if t == high[c] else t]] = 0.0
    return step[:n].copy(), channel[:n].copy(), part[:n].copy()


@kernel
def handed_down(
    step: Ints, channel: Codes, part: Floats, together: Ints
) -> tuple[npt.NDArray[np.int64], Codes, Floats]:
    """Return rows of steps as rows of their conversions, of which each step has ``together``; steps ascend."""
    sizes = np.zeros(len(together), np.int64)
    for s in step:
        sizes[s] += 1
    total = np.sum(sizes * together)
    conversion, channels, parts = np.empty(total, np.int64), np.empty(total, np.uint8), np.empty(total)
    n, c, low = 0, 0, 0
    for s in range(len(together)):
        high = low + sizes[s]
        for _ in range(together[s]):
            for k in range(low, high):
                conversion[n], channels[n], parts[n] = c, channel[k], part[k]
                n += 1
            c += 1
        low = high
    return conversion, channels, parts


@kernel
def session_starts(session: npt.NDArray[np.int32], n_sessions: int) -> tuple[Ints, Ints]:
    """Return the first element of each session that has one, in path order, and each session's place among them."""
    rank = np.full(n_sessions, -1, np.int64)
    place = np.empty(min(n_sessions, len(session)), np.int64)
    n = 0
    for i in range(len(session)):
        if rank[session[i]] < 0:
            rank[session[i]] = n
            place[n] = i
            n += 1
    return place[:n].copy(), rank
