"""Compiled loops of the path table: order, duplicates, sessions, steps, merge. Each is one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.store.hashing import mix
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
NEAR = 1_000_000


@kernel
def group(group_of: npt.NDArray[np.int32], n_groups: int) -> tuple[Ints, Ints]:
    """Stable counting sort: rows by group, and where each group starts (n_groups + 1)."""
    starts = np.zeros(n_groups + 1, np.int64)
    for row in range(len(group_of)):
        starts[group_of[row] + 1] += 1
    for g in range(n_groups):
        starts[g + 1] += starts[g]
    at = starts[:-1].copy()
    rows = np.empty(len(group_of), np.int64)
    for row in range(len(group_of)):
        g = group_of[row]
        rows[at[g]] = row
        at[g] += 1
    return rows, starts


@kernel
def bucket_of(keys: Keys, n_buckets: int) -> npt.NDArray[np.int32]:
    """Bucket of each user key."""
    out = np.empty(len(keys), np.int32)
    for row in range(len(keys)):
        out[row] = np.int32((keys[row] >> np.uint64(17)) % np.uint64(n_buckets))
    return out


@kernel
def is_sorted(values: Ints) -> bool:
    """Whether values never fall."""
    rising = True
    for row in range(1, len(values)):
        rising &= values[row] >= values[row - 1]
    return rising


@kernel
def late(user: npt.NDArray[np.int32], ts: Ints, last: Ints) -> int:
    """Count rows older than an earlier row of their user (-1: no row to count); ``last`` (n_users) is updated."""
    n = 0
    for row in range(len(ts)):
        u = user[row]
        if u < 0:
            continue
        if ts[row] < last[u]:
            n += 1
        else:
            last[u] = ts[row]
    return n


@kernel
def compact(codes: npt.NDArray[np.int32], n_codes: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], int]:
    """Number the codes in use 0, 1, 2 … as they first appear.

    Returns the number of each row's code (-1 where there is none), the codes in use, and how many rows have none.
    """
    place = np.full(n_codes, -1, np.int32)
    used = np.empty(min(n_codes, len(codes)), np.int32)
    out = np.empty(len(codes), np.int32)
    n = absent = 0
    for row in range(len(codes)):
        code = codes[row]
        if code < 0:
            out[row] = -1
            absent += 1
            continue
        if place[code] < 0:
            place[code] = n
            used[n] = code
            n += 1
        out[row] = place[code]
    return out, used[:n], absent


@kernel
def first_of_each(keys: Keys, known: Keys) -> npt.NDArray[np.bool_]:
    """Mark the first row with each key; keys in ``known`` are taken already."""
    length = 1024
    while length < 2 * (len(keys) + len(known)):
        length *= 2
    table = np.zeros(length, np.uint64)
    mask = np.uint64(length - 1)
    keep = np.zeros(len(keys), np.bool_)
    for row in range(len(known) + len(keys)):
        key = known[row] if row < len(known) else keys[row - len(known)]
        slot = mix(key) & mask
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if table[slot] == 0:
            table[slot] = key
            if row >= len(known):
                keep[row - len(known)] = True
    return keep


@kernel
def sessions(
    offsets: Ints, ts: Ints, key: Ints, gap: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Ints, Ints, Ints]:
    """Give each event its session: by id, or by an inactivity gap among the user's events without one.

    Returns the session of each event, and user, first time, last time and key of each session.
    """
    n = len(ts)
    session = np.empty(n, np.int32)
    user = np.empty(n, np.int32)
    start = np.empty(n, np.int64)
    end = np.empty(n, np.int64)
    session_key = np.empty(n, np.int64)
    length = 1024
    while length < 2 * n:
        length *= 2
    slots = np.full(length, -1, np.int32)
    mask = np.uint64(length - 1)
    count = 0
    for u in range(len(offsets) - 1):
        derived = -1
        for i in range(offsets[u], offsets[u + 1]):
            found = -1
            slot = np.uint64(0)
            if key[i] == 0:
                if derived >= 0 and ts[i] - end[derived] <= gap:
                    found = derived
            elif i > offsets[u] and key[i - 1] == key[i]:
                found = session[i - 1]
            else:
                slot = mix(np.uint64(key[i]) + np.uint64(u) * np.uint64(0x9E3779B97F4A7C15)) & mask
                while slots[slot] >= 0:
                    s = slots[slot]
                    if user[s] == u and session_key[s] == key[i]:
                        found = s
                        break
                    slot = (slot + np.uint64(1)) & mask
            if found < 0:
                found = count
                user[count] = u
                start[count] = ts[i]
                session_key[count] = key[i]
                if key[i] != 0:
                    slots[slot] = count
                count += 1
            if key[i] == 0:
                derived = found
            session[i] = found
            end[found] = ts[i]
    return session, user[:count], start[:count], end[:count], session_key[:count]


@kernel
def steps(
    offsets: Ints,
    ts: Ints,
    event: npt.NDArray[np.int32],
    item: npt.NDArray[np.int32],
    page: npt.NDArray[np.int32],
    session: npt.NDArray[np.int32],
    order: Ints,
    hit: Ints,
    flags: npt.NDArray[np.uint8],
) -> npt.NDArray[np.uint8]:
    """Mark the first event of each step, and flag near duplicates in ``flags``.

    An event goes on with the step before it if time, session and hit are the same; where there are no hits,
    if time, session, event and order are.
    """
    step = np.ones(len(ts), np.uint8)
    for u in range(len(offsets) - 1):
        for i in range(offsets[u], offsets[u + 1]):
            flags[i] &= np.uint8(0xFD)  # what cleaning marked stays
            if i == offsets[u]:
                continue
            same = ts[i] == ts[i - 1] and session[i] == session[i - 1] and hit[i] == hit[i - 1]
            if same and (hit[i] != 0 or (order[i] != 0 and order[i] == order[i - 1] and event[i] == event[i - 1])):
                step[i] = 0
            elif (
                event[i] == event[i - 1]
                and item[i] == item[i - 1]
                and page[i] == page[i - 1]
                and (item[i] >= 0 or page[i] >= 0)
                and ts[i] - ts[i - 1] < NEAR
            ):
                flags[i] |= np.uint8(2)
    return step


@kernel
def carriers(session: npt.NDArray[np.int32], carries: npt.NDArray[np.bool_], n_sessions: int) -> Ints:
    """Return the first event of each session that carries a context, -1 if none does."""
    out = np.full(n_sessions, -1, np.int64)
    for i in range(len(session)):
        if carries[i] and out[session[i]] < 0:
            out[session[i]] = i
    return out


@kernel
def merge_order(
    a_key: Keys, a_offsets: Ints, a_ts: Ints, b_key: Keys, b_offsets: Ints, b_ts: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Merge two runs by user key and time, ``a`` first on ties.

    Returns offsets; for each event its row in ``a``, or ``len(a_ts)`` plus its row in ``b``; and for each user the
    row in ``a`` and in ``b``, -1 where absent.
    """
    na = len(a_ts)
    source = np.empty(na + len(b_ts), np.int64)
    most = len(a_key) + len(b_key)
    offsets = np.zeros(most + 1, np.int64)
    user_a = np.full(most, -1, np.int64)
    user_b = np.full(most, -1, np.int64)
    ua = ub = n = at = 0
    while ua < len(a_key) or ub < len(b_key):
        from_a = ua < len(a_key) and (ub == len(b_key) or a_key[ua] <= b_key[ub])
        from_b = ub < len(b_key) and (ua == len(a_key) or b_key[ub] <= a_key[ua])
        i, i_end = (a_offsets[ua], a_offsets[ua + 1]) if from_a else (0, 0)
        j, j_end = (b_offsets[ub], b_offsets[ub + 1]) if from_b else (0, 0)
        while i < i_end or j < j_end:
            if j == j_end or (i < i_end and a_ts[i] <= b_ts[j]):
                source[at] = i
                i += 1
            else:
                source[at] = na + j
                j += 1
            at += 1
        if from_a:
            user_a[n] = ua
            ua += 1
        if from_b:
            user_b[n] = ub
            ub += 1
        n += 1
        offsets[n] = at
    return offsets[: n + 1], source, user_a[:n], user_b[:n]


def gather(a: npt.NDArray[Any], b: npt.NDArray[Any], source: Ints) -> npt.NDArray[Any]:
    """Take merged rows from two arrays, by the numbering of ``merge_order``."""
    out = np.empty(len(source), a.dtype)
    _gather(a, b, source, out)
    return out


@kernel
def _gather(a: npt.NDArray[Any], b: npt.NDArray[Any], source: Ints, out: npt.NDArray[Any]) -> None:
    for row in range(len(source)):
        at = source[row]
        out[row] = a[at] if at < len(a) else b[at - len(a)]


def take(values: npt.NDArray[Any], rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``values[rows]`` without the GIL, so that two buckets can be built at once."""
    out = np.empty(len(rows), values.dtype)
    _take(values, rows, out)
    return out


@kernel
def _take(values: npt.NDArray[Any], rows: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    for at in range(len(rows)):
        out[at] = values[rows[at]]
