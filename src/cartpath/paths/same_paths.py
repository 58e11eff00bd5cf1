"""Paths that are the same, counted together: hashed in one pass a bucket, merged by hash over buckets.

A path is known by two hashes of 64 bits. Two paths that differ share both with a chance of about 1 in 10**24 even among
ten million different ones, so they are taken for the same where both hashes are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]

#: The code that stands for the rest of a path that is cut.
CUT = np.int32(-2)
#: No longest length.
NO_LIMIT = 2**31 - 1
#: So many paths, and elements of them all, are read where their names decide which of them are shown.
MOST_NAMED, MOST_ELEMENTS = 10_000, 1_000_000


@dataclass(frozen=True)
class Groups:
    """The different paths of a bucket, or of all.

    Attributes
    ----------
    first, second : uint64 array (n_groups,)
        Hashes of the path.
    n, converted, users : int64 or int32 array (n_groups,)
        Paths, those with the goal, and users with at least one.
    length : int32 array (n_groups,)
        Elements of the path, those that were cut off not counted.
    cut : uint8 array (n_groups,)
        Whether the path goes on.
    place : int32 array (n_groups,)
        One of the group's paths, as a number among the bucket's paths.
    bucket : int32 array (n_groups,)
        That path's bucket.
    """

    first: Hashes
    second: Hashes
    n: Ints | Codes
    converted: Ints | Codes
    users: Ints | Codes
    length: Codes
    cut: npt.NDArray[np.uint8]
    place: Codes
    bucket: Codes

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class Cut:
    """What of a path its variant is made of.

    Attributes
    ----------
    steps : bool
        First events of steps only.
    collapse : bool
        A node that follows itself is one.
    limit : int
        Longest path; what is longer goes on as ``CUT``.
    """

    steps: bool = True
    collapse: bool = False
    limit: int = NO_LIMIT

    def codes(self, node: Codes, step: npt.NDArray[np.uint8]) -> list[int]:
        """Return one path as it is grouped, ``CUT`` at the end where it goes on."""
        found = node[step == 1] if self.steps else node
        if self.collapse and len(found):
            found = found[np.append(True, found[1:] != found[:-1])]
        shown: list[int] = found[: self.limit].tolist()
        return [*shown, int(CUT)] if len(found) > self.limit else shown


def group(
    cut: Cut,
    offsets: Ints,
    node: Codes,
    step: npt.NDArray[np.uint8],
    goal: npt.NDArray[np.bool_],
    user: Codes,
) -> tuple[Groups, Codes]:
    """Group the paths of one bucket.

    Parameters
    ----------
    cut : Cut
    offsets : int64 array (n_paths + 1,)
    node : int32 array (n,)
    step : uint8 array (n,)
        1 on the first event of a step.
    goal : bool array (n,)
        Events that convert.
    user : int32 array (n_paths,)
        Ascending.

    Returns
    -------
    tuple of Groups and int32 array (n_paths,)
        The group of each path.
    """
    paths = _hash_paths(offsets, node, step, goal, cut.steps, cut.collapse, cut.limit)
    first, second, length, is_cut, converted = paths
    of, place = _same(first, second)
    ones = np.ones(len(of), np.int32)
    n, users = _sum_by(of, ones, len(place)), _users_by(of, user, len(place))
    found = Groups(
        first[place], second[place], n, _sum_by(of, converted, len(place)), users,
        length[place], is_cut[place], place, np.zeros(len(place), np.int32),
    )  # fmt: skip
    return found, of


def merge_groups(parts: Sequence[Groups]) -> tuple[Groups, list[Codes]]:
    """Put the groups of buckets together; a user lives in one bucket, so no user is counted twice.

    Returns
    -------
    tuple of Groups and list of int32 array
        For each part the number that each of its groups has in the whole.
    """
    first, second = (np.concatenate([getattr(p, name) for p in parts]) for name in ("first", "second"))
    of, at = _same(first, second)
    sizes = [len(part) for part in parts]

    def total(name: str) -> Ints | Codes:
        return _sum_by(of, np.concatenate([getattr(p, name) for p in parts]).astype(np.int64), len(at))

    length, cut, place = (np.concatenate([getattr(p, name) for p in parts])[at] for name in ("length", "cut", "place"))
    bucket = np.repeat(np.arange(len(parts), dtype=np.int32), sizes)[at]
    n, converted, users = total("n"), total("converted"), total("users")
    whole = Groups(first[at], second[at], n, converted, users, length, cut, place, bucket)
    return whole, np.split(of, np.cumsum(sizes)[:-1])


def most_frequent(groups: Groups, top: int, names: Callable[[Ints], Sequence[tuple[str, ...]]] | None = None) -> Ints:
    """Return the numbers of the most frequent groups; of equally frequent ones the shorter.

    Parameters
    ----------
    groups : Groups
    top : int
    names : callable, optional
        From numbers of groups to their paths by name, which decide who is last among groups that are equally frequent
        and long. Where these are too many to be read, and without ``names``, their hash does.
    """
    if len(groups) <= top:
        chosen = np.arange(len(groups))
    else:
        least = np.partition(groups.n, len(groups) - top)[len(groups) - top]
        more, equal = np.flatnonzero(groups.n > least), np.flatnonzero(groups.n == least)
        # Most of a long tail is equal, so it is never sorted as a whole.
        chosen = np.concatenate([more, _shortest(groups, equal, top - len(more), names)])
    return chosen[np.lexsort((groups.first[chosen], _size(groups, chosen), -groups.n[chosen]))]


def _shortest(
    groups: Groups, equal: Ints, need: int, names: Callable[[Ints], Sequence[tuple[str, ...]]] | None
) -> Ints:
    """Return so many of groups that are equally frequent."""
    size = _size(groups, equal)
    longest = np.partition(size, need - 1)[need - 1]
    short, last = equal[size < longest], equal[size == longest]
    need -= len(short)
    if need == len(last):
        first = np.arange(need)
    elif names is not None and len(last) <= MOST_NAMED and len(last) * int(longest) <= MOST_ELEMENTS:
        paths = names(last)
        first = np.array(sorted(range(len(last)), key=lambda i: paths[i])[:need], np.int64)
    else:
        first = np.argpartition(groups.first[last], need - 1)[:need]
    return np.concatenate([short, last[first]])


def _size(groups: Groups, at: Ints) -> Ints:
    """Return lengths; a path that is cut has one element more, which says so."""
    found: Ints = groups.length[at].astype(np.int64) + groups.cut[at]
    return found


@kernel
def _hash_paths(
    offsets: Ints,
    node: Codes,
    step: npt.NDArray[np.uint8],
    goal: npt.NDArray[np.bool_],
    steps: bool,
    collapse: bool,
    limit: int,
) -> tuple[Hashes, Hashes, Codes, npt.NDArray[np.uint8], Codes]:
    n = len(offsets) - 1
    first, second = np.empty(n, np.uint64), np.empty(n, np.uint64)
    length, cut, converted = np.empty(n, np.int32), np.zeros(n, np.uint8), np.zeros(n, np.int32)
    for p in range(n):
        a, b = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)
        size, before, reached = 0, np.int64(-3), False
        for i in range(offsets[p], offsets[p + 1]):
            reached |= goal[i]
            if steps and step[i] == 0:
                continue
            code = np.int64(node[i])
            if collapse and code == before:
                continue
            before = code
            if size == limit:
                cut[p] = 1
                continue
            size += 1
            a, b = _mix(a, b, code)
        if cut[p] == 1:
            a, b = _mix(a, b, np.int64(CUT))
        first[p], second[p], length[p], converted[p] = a, b, size, reached
    return first, second, length, cut, converted


@kernel
def _mix(a: np.uint64, b: np.uint64, code: np.int64) -> tuple[np.uint64, np.uint64]:
    x = np.uint64(code + 3)
    a = (a ^ x) * np.uint64(0x9E3779B97F4A7C15)
    a ^= a >> np.uint64(32)
    b = (b + x) * np.uint64(0xD6E8FEB86659FD93)
    b ^= b >> np.uint64(29)
    return a, b


@kernel
def _same(first: Hashes, second: Hashes) -> tuple[Codes, Codes]:
    """Number the different pairs in the order of their first place; return each one's number, and those places."""
    size = 16
    while size < 2 * len(first):
        size *= 2
    mask = np.uint64(size - 1)
    slots = np.full(size, -1, np.int32)
    of, place = np.empty(len(first), np.int32), np.empty(len(first), np.int32)
    n = 0
    for i in range(len(first)):
        slot = (first[i] ^ (second[i] >> np.uint64(20))) & mask
        while True:
            known = slots[slot]
            if known < 0:
                slots[slot] = n
                place[n] = i
                of[i] = n
                n += 1
                break
            if first[place[known]] == first[i] and second[place[known]] == second[i]:
                of[i] = known
                break
            slot = (slot + np.uint64(1)) & mask
    return of, place[:n].copy()


@kernel
def _sum_by(of: Codes, values: Ints | Codes, n: int) -> Ints | Codes:
    total = np.zeros(n, values.dtype)
    for i in range(len(of)):
        total[of[i]] += values[i]
    return total


@kernel
def _users_by(of: Codes, user: Codes, n: int) -> Codes:
    users, last = np.zeros(n, np.int32), np.full(n, -1, np.int32)
    for i in range(len(of)):
        if last[of[i]] != user[i]:
            last[of[i]] = user[i]
            users[of[i]] += 1
    return users


def first_places(counts: Ints | Codes) -> Ints:
    """Return where each group starts if groups of these sizes lie behind each other."""
    places = np.zeros(len(counts), np.int64)
    np.cumsum(counts[:-1], out=places[1:])
    return places


@kernel
def bring_together(of: Codes, values: Ints, place: Ints) -> Ints:
    """Return values with those of each group together, those of group ``g`` from ``place[g]`` on; it is used up."""
    out = np.empty_like(values)
    for i in range(len(of)):
        out[place[of[i]]] = values[i]
        place[of[i]] += 1
    return out
