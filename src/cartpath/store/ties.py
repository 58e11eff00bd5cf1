"""Ties: different events of a user at the same time. And the blocks in which kernels look for what is rare.

A kernel that looks at every event to find the few that matter runs at the speed of memory if it has no branch to
guess: it writes down each event and goes on to the next place only if it is one to keep. A block is so few events that
they stay in the processor's cache, and the buffer is used again: to write to fresh memory costs more than most scans.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel, part

_Ints = npt.NDArray[np.int64]
_Codes = npt.NDArray[np.int32]
_Starts = npt.NDArray[np.uint8]

#: Events of a block, unless a single path has more.
_BLOCK = 8192


@part
def buffer_size(offsets: _Ints) -> int:
    """Return how many events a block of paths has at most."""
    longest = _BLOCK
    for path in range(len(offsets) - 1):
        longest = max(longest, offsets[path + 1] - offsets[path])
    return longest


@part
def block_end(offsets: _Ints, path: int) -> int:
    """Return the path after the block that begins with ``path``."""
    low, end = offsets[path], path + 1
    while end < len(offsets) - 1 and offsets[end + 1] - low <= _BLOCK:
        end += 1
    return end


@kernel
def count_ties(offsets: _Ints, ts: _Ints, event: _Codes, step: _Starts) -> tuple[int, int]:
    """Return ties of the events that count, and users that have some; see ``Basis``."""
    ties, tied_users, end = 0, 0, 0
    at = np.empty(buffer_size(offsets), np.int64)
    while end < len(offsets) - 1:
        begin, end = end, block_end(offsets, end)
        low, high = offsets[begin], offsets[end]
        n = _alike(ts[low:high], event[low:high], at)
        found = ties_in(offsets[begin : end + 1], step[low:high], at[:n])
        ties, tied_users = ties + found[0], tied_users + found[1]
    return ties, tied_users


@part
def _alike(ts: _Ints, event: _Codes, found: _Ints) -> int:
    """Note which events are another than the one before at the same time; return how many."""
    n = 0
    for i in range(1, len(ts)):  # written always and kept where wanted: a branch would cost more
        found[n] = i
        n += (ts[i] == ts[i - 1]) & (event[i] != event[i - 1])
    return n


@part
def ties_in(offsets: _Ints, step: _Starts, same: _Ints) -> tuple[int, int]:
    """Return ties, and users that have some, of a block.

    ``same`` has which events are another than the one before at the same time, of whichever user.
    """
    user, ties, tied_users, last = 0, 0, 0, -1
    for i in same:
        while offsets[user + 1] - offsets[0] <= i:
            user += 1
        if step[i] and offsets[user] - offsets[0] < i:  # else they are of one step, or of two users
            ties += 1
            tied_users += user != last
            last = user
    return ties, tied_users
