"""Who owns an anonymous id: the one known user that its links lead to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.config import IdentitySettings
from cartpath.schema import Columns
from cartpath.store import kernels
from cartpath.store.hashing import HashTable, combine, hash_strings
from cartpath.store.jit import kernel

#: What became of an anonymous id.
MERGED, SHARED, CIRCLE, TOO_MANY = np.uint8(0), np.uint8(1), np.uint8(2), np.uint8(3)
#: Names of the verdicts above, for people.
VERDICTS = ("merged", "shared", "circle", "too_many")
#: Ids shown as examples of each verdict.
EXAMPLES = 5
_NONE, _MANY = -1, -2
_ALWAYS = -(2**63)
Array = npt.NDArray[Any]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Owners:
    """The anonymous ids that have an owner; keys are 64-bit hashes of ids (``hashing.hash_strings``).

    Attributes
    ----------
    anonymous_key : uint64 array (n,)
        Ascending.
    owner_key : uint64 array (n,)
    owner_id : pyarrow.StringArray (n,)
    """

    anonymous_key: Keys
    owner_key: Keys
    owner_id: pa.StringArray

    @classmethod
    def none(cls) -> Owners:
        """Return nobody's owners."""
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.uint64), pa.array([], pa.string()))

    def __len__(self) -> int:
        return len(self.anonymous_key)

    def find(self, keys: Keys) -> npt.NDArray[np.int64]:
        """Return the row of each key, -1 where it has no owner (n,)."""
        if not len(self):
            return np.full(len(keys), -1)
        at = np.minimum(np.searchsorted(self.anonymous_key, keys), len(self) - 1)
        return np.where(self.anonymous_key[at] == keys, at, -1)


@dataclass(frozen=True)
class Resolution:
    """What the links say.

    Attributes
    ----------
    owners : Owners
    links : int
        Pairs of ids that count.
    merged_ids, users : int
        Anonymous ids with an owner, and users who own any.
    shared_devices : int
        Anonymous ids that lead to more than one user.
    cycles : int
        Anonymous ids from which links lead in a circle.
    too_many_ids, too_many_users : int
        Anonymous ids left as they are because their user has more than ``max_ids`` of them, and such users.
    self_links, after_until : int
        Pairs that are left out: of an id with itself, and first seen from ``until`` on.
    keys, verdict : arrays (n_anonymous,)
        The anonymous ids that were looked at, ascending, and what became of each: ``VERDICTS[verdict]``.
    examples : dict of str to list of str
        For ``shared_devices``, ``cycles`` and ``too_many_users``: some ids.
    """

    owners: Owners
    links: int = 0
    merged_ids: int = 0
    users: int = 0
    shared_devices: int = 0
    cycles: int = 0
    too_many_ids: int = 0
    too_many_users: int = 0
    self_links: int = 0
    after_until: int = 0
    keys: Keys = field(default_factory=lambda: np.zeros(0, np.uint64))
    verdict: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    examples: dict[str, list[str]] = field(default_factory=dict)


def resolve(links: pa.Table, settings: IdentitySettings) -> Resolution:
    """Say which anonymous id is merged with which user, whether stitching is on or not.

    An id has an owner if every way along its links ends at one user: of a -> u and u -> v, v owns a and u. An id
    that leads to several users is a shared device, and one from which links lead in a circle contradicts itself;
    both are merged with nobody, and so are all the ids of a user who has more than ``max_ids``.

    Parameters
    ----------
    links : pyarrow.Table
        Of ``links.link_schema()``.
    settings : IdentitySettings

    Examples
    --------
    >>> from cartpath.store.links import FILE, noted
    >>> links = noted(pa.array(["a", "u", "b", "b"]), pa.array(["u", "v", "v", "w"]), None, FILE)
    >>> found = resolve(links, IdentitySettings())
    >>> found.owners.owner_id.to_pylist(), found.shared_devices
    (['v', 'v'], 1)
    """
    anonymous, user = (hash_strings(links[name]) for name in (Columns.anonymous_id, Columns.user_id))
    rows, n_self, n_late = _counting(links, anonymous, user, settings.until_us)
    if not len(rows):
        return Resolution(Owners.none(), self_links=n_self, after_until=n_late)
    some = links if len(rows) == len(links) else links.take(pa.array(rows))
    graph = _Graph(some, anonymous[rows], user[rows])
    return graph.report(settings.max_ids, n_self, n_late)


def _counting(links: pa.Table, anonymous: Keys, user: Keys, until: int | None) -> tuple[Array, int, int]:
    """Return a row of each pair of ids that counts; and how many pairs are of one id, and too late."""
    pair = combine(anonymous, user, np.zeros(len(user), np.uint64))
    own = anonymous == user
    seen = links[Columns.first].cast(pa.int64()).fill_null(_ALWAYS).to_numpy()
    early = np.ones(len(pair), np.bool_) if until is None else seen < until
    rows = _one_each(pair, ~own & early)
    n_named = len(rows) if until is None else len(_one_each(pair, ~own))
    return rows, len(_one_each(pair, own)), n_named - len(rows)


def _one_each(pair: Keys, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the first row of each pair, of the rows marked."""
    rows = np.flatnonzero(among)
    found: npt.NDArray[np.int64] = rows[kernels.first_of_each(pair[rows], np.zeros(0, np.uint64))]
    return found


class _Graph:
    """Ids as nodes, numbered by key; a link is an edge from an anonymous id to a user."""

    def __init__(self, links: pa.Table, anonymous: Keys, user: Keys) -> None:
        self._links = links
        # Users first, so that the row of an owner's text is that of a user; a user who was forgotten is none.
        both = np.concatenate([user, anonymous])
        number, self._first = HashTable(len(both)).number(both)
        self._keys = both[self._first]
        self._target, self._source = number[: len(user)], number[len(user) :]
        self._is_anonymous = np.zeros(len(self._keys), np.bool_)
        self._is_anonymous[self._source] = True

    def _settled(self) -> tuple[Array, Array]:
        """Return each node's owner (``_MANY``, or ``_NONE`` in a circle), and the verdict on it."""
        n, named = len(self._keys), self._target >= 0
        state = np.full(n, _NONE, np.int32)
        state[self._source[~named]] = _MANY  # somebody who was forgotten used it too
        edges, start = kernels.group(self._target[named], n)
        source = self._source[named][edges]
        left = np.bincount(source, minlength=n)
        _settle(start, source, left, state)
        verdict = np.where(state == _NONE, CIRCLE, np.where(state == _MANY, SHARED, MERGED)).astype(np.uint8)
        return state, verdict

    def report(self, max_ids: int, n_self: int, n_late: int) -> Resolution:
        """Settle who owns whom, and count."""
        owner, verdict = self._settled()
        asked = np.flatnonzero(self._is_anonymous)
        asked = asked[np.argsort(self._keys[asked])]
        self._leave_crowds(owner, verdict, asked, max_ids)
        merged, shared, circle, over = (asked[verdict[asked] == v] for v in (MERGED, SHARED, CIRCLE, TOO_MANY))
        users, crowded = (np.flatnonzero(np.bincount(owner[nodes])) for nodes in (merged, over))
        some = {"shared_devices": shared, "cycles": circle, "too_many_users": crowded}
        return Resolution(
            owners=Owners(self._keys[merged], self._keys[owner[merged]], self._text(owner[merged])),
            links=len(self._target),
            merged_ids=len(merged),
            users=len(users),
            shared_devices=len(shared),
            cycles=len(circle),
            too_many_ids=len(over),
            too_many_users=len(crowded),
            self_links=n_self,
            after_until=n_late,
            keys=self._keys[asked],
            verdict=verdict[asked],
            examples={name: self._text(nodes[:EXAMPLES]).to_pylist() for name, nodes in some.items()},
        )

    def _leave_crowds(self, owner: Array, verdict: Array, asked: Array, max_ids: int) -> None:
        """Put down as ``TOO_MANY`` the ids of users who would have more than ``max_ids``."""
        merged = asked[verdict[asked] == MERGED]
        ids = np.bincount(owner[merged], minlength=len(self._keys))
        verdict[merged[ids[owner[merged]] > max_ids]] = TOO_MANY

    def _text(self, nodes: Array) -> pa.StringArray:
        """Return ids by node."""
        at, n = self._first[nodes], len(self._target)
        users, anonymous = (self._links[name] for name in (Columns.user_id, Columns.anonymous_id))
        if (at < n).all():
            return _whole(users.take(pa.array(at)))
        return pa.array(
            [(users[i] if i < n else anonymous[i - n]).as_py() for i in at.tolist()],
            pa.string(),
        )


def _whole(column: pa.ChunkedArray) -> pa.StringArray:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())


@kernel
def _settle(
    start: npt.NDArray[np.int64],
    sources: npt.NDArray[np.int32],
    left: npt.NDArray[np.int64],
    state: npt.NDArray[np.int32],
) -> None:
    """Go back along the links from those who have none; ``left`` counts each node's links that are not yet gone.

    A node is settled once all that it leads to are; one in a circle, or that leads into one, never is.
    """
    queue = np.empty(len(left), np.int32)
    filled = at = 0
    for node in range(len(left)):
        if left[node] == 0:
            if state[node] == _NONE:
                state[node] = node
            queue[filled] = node
            filled += 1
    while at < filled:
        node = queue[at]
        at += 1
        for edge in range(start[node], start[node + 1]):
            source = sources[edge]
            if state[source] == _NONE:
                state[source] = state[node]
            elif state[source] != state[node]:
                state[source] = _MANY
            left[source] -= 1
            if left[source] == 0:
                queue[filled] = source
                filled += 1
    for node in range(len(left)):
        if left[node] > 0:
            state[node] = _NONE
