"""Session k-nearest neighbours: what the sessions most like the path went through comes next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.baselines.cooccurrence import Weights
from cartpath.models.baselines.folder import read_model, write_model
from cartpath.models.baselines.histories import Codes, Histories, histories, order_by_popularity
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.store.jit import kernel, part

#: Sessions that one item of a path is looked up in, at most, the last ones: what a question costs follows from it.
MOST_SESSIONS = 5_000
#: What an item of the path counts at least, however many come after it.
_LEAST = np.float32(1e-6)


@dataclass(frozen=True)
class Sessions:
    """Sessions that were learned from, and where each item is among them.

    Attributes
    ----------
    paths : Histories
        The items of each session in order, the oldest session first.
    distinct : int32 array (n_sessions,)
        Different items of each session.
    often : int64 array (n_items,)
        Sessions with each item, those that are not looked up in included.
    offsets : int64 array (n_items + 1,)
    sessions : int32 array
        Sessions that have item ``i``, each once, ascending: ``sessions[offsets[i]:offsets[i + 1]]``.
    """

    paths: Histories
    distinct: Codes
    often: Index
    offsets: Index
    sessions: Codes

    @classmethod
    def of(cls, paths: Histories, n_items: int, most: int = MOST_SESSIONS) -> Sessions:
        """Look up items among sessions, of which the oldest come first.

        Examples
        --------
        >>> found = Sessions.of(Histories(np.array([0, 2, 4]), np.array([1, 0, 1, 1], np.int32)), 2)
        >>> found.distinct.tolist(), found.offsets.tolist(), found.sessions.tolist()
        ([2, 1], [0, 1, 3], [0, 0, 1])
        """
        n = max(len(paths), 1)
        pairs = np.unique(paths.columns.astype(np.int64) * n + paths.rows())
        item, session = pairs // n, pairs % n
        distinct = np.bincount(session, minlength=len(paths)).astype(np.int32)
        often = np.bincount(item, minlength=n_items)
        left = np.cumsum(often)[item] - np.arange(len(item))
        kept = left <= most
        offsets = np.concatenate([[0], np.cumsum(np.bincount(item[kept], minlength=n_items))]).astype(np.int64)
        return cls(paths, distinct, often, offsets, session[kept].astype(np.int32))


@dataclass(frozen=True)
class SessionKnn:
    """Finds the sessions that have most in common with a path and adds up what they went through.

    The likeness of a session is the sum over the items it shares with the path of ``recency ** age`` (of one that comes
    again the latest counts) times how rare the item is, ``log(n_sessions / sessions with it)``, divided by
    ``different items of the session ** size``. An item's score is the sum over the ``k`` likest sessions that have it
    of their likeness, times ``near ** distance`` to where the session has the item of the path that counts most. That
    is V-SKNN (Ludewig and Jannach, 2018) with the closeness of STAN (Garg et al., 2019). Items of no such session are
    ranked after all others, by popularity. Where only the order of events is known, sessions have no age, and which of
    them are the last is as good as drawn.

    Attributes
    ----------
    items : ItemIndex
    known : Sessions
    popularity : float32 array (n_items,)
        See ``order_by_popularity``.
    k : int
    recency, size, near : float
    last : int
        Items of a path that are looked at.
    """

    kind: ClassVar[str] = "session-knn"
    items: ItemIndex
    known: Sessions
    popularity: Weights
    k: int = 100
    recency: float = 0.8
    size: float = 0.5
    near: float = 1.0
    last: int = 50

    @classmethod
    def of(cls, items: ItemIndex, sessions: Histories) -> SessionKnn:
        """Look up the sessions that may be learned from, the oldest first."""
        popularity = order_by_popularity(sessions.columns, len(items))
        return cls(items, Sessions.of(sessions, len(items)), popularity)

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Return what like sessions say of each item (n, n_items); see ``NextItemModel``."""
        path, known = histories(log, self.items, user, ends, self.last), self.known
        out = np.repeat(self.popularity[None], len(ends), axis=0)
        rarity = np.log(len(known.paths) / np.maximum(known.often, 1)).astype(np.float32)
        divisor = (known.distinct**self.size).astype(np.float32)
        _add_sessions(
            path.offsets, path.columns, known.offsets, known.sessions, known.paths.offsets, known.paths.columns,
            rarity, divisor, self.k, np.float32(self.recency), np.float32(self.near), out,
        )  # fmt: skip
        return out

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        known = self.known
        arrays: dict[str, npt.NDArray[Any]] = {
            "paths": known.paths.offsets,
            "columns": known.paths.columns,
            "distinct": known.distinct,
            "often": known.often,
            "offsets": known.offsets,
            "sessions": known.sessions,
            "popularity": self.popularity,
        }
        settings = {name: getattr(self, name) for name in ("k", "recency", "size", "near", "last")}
        write_model(folder, self.kind, self.items, settings, arrays)

    @classmethod
    def load(cls, folder: Path) -> SessionKnn:
        """Read what ``save`` wrote."""
        items, settings, arrays = read_model(folder, cls.kind)
        paths = Histories(arrays["paths"], arrays["columns"])
        known = Sessions(paths, *(arrays[name] for name in ("distinct", "often", "offsets", "sessions")))
        return cls(items, known, arrays["popularity"], **settings)


class _Buffers(NamedTuple):
    """Room for one question at a time.

    Attributes
    ----------
    weight, best : float32 array (n_items,)
        What each item of the path counts; an item's closeness in a session. Zero between questions and sessions.
    like : float32 array (n_sessions,)
        Zero between questions.
    session : int64 array (n_sessions + 1,)
        Sessions with an item of the path. One is written beyond the last: before it is known that it is there already.
    value : float32 array (n_sessions,)
        Their likeness.
    distance : int64 array (longest session,)
    """

    weight: Weights
    best: Weights
    like: Weights
    session: Index
    value: Weights
    distance: Index


@kernel
def _add_sessions(
    path: Index, column: Codes, offsets: Index, sessions: Codes, starts: Index, columns: Codes,
    rarity: Weights, divisor: Weights, k: int, recency: np.float32, near: np.float32, out: Scores,
) -> None:  # fmt: skip
    n_items, n_sessions = out.shape[1], len(divisor)
    room = _Buffers(
        np.zeros(n_items, np.float32), np.zeros(n_items, np.float32), np.zeros(n_sessions, np.float32),
        np.empty(n_sessions + 1, np.int64), np.empty(n_sessions, np.float32),
        np.empty(np.max(np.diff(starts)) if n_sessions else 0, np.int64),
    )  # fmt: skip
    for row in range(len(out)):
        items = column[path[row] : path[row + 1]]
        n = _like(items, offsets, sessions, rarity, divisor, recency, room)
        for place in range(_likest(n, k, room)):
            session = room.session[place]
            _add(columns[starts[session] : starts[session + 1]], room.value[place], near, room, out[row])
        for item in items:
            room.weight[item] = 0


@part
def _like(
    items: Codes, offsets: Index, sessions: Codes, rarity: Weights, divisor: Weights, recency: np.float32,
    room: _Buffers,
) -> int:  # fmt: skip
    """Find the sessions with an item of the path and how like it they are; return how many there are."""
    n, counts = 0, np.float32(1)
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        if room.weight[item] == 0:  # else it comes again later
            room.weight[item] = counts
            for at in range(offsets[item], offsets[item + 1]):
                session = sessions[at]
                room.session[n] = session  # written always and kept where wanted
                n += room.like[session] == 0
                # An item of all sessions is not rare at all, and still shared.
                room.like[session] += max(counts * rarity[item], np.float32(1e-12))
        counts = max(counts * recency, _LEAST)
    for place in range(n):
        session = room.session[place]
        room.value[place] = room.like[session] / divisor[session]
        room.like[session] = 0
    return n


@part
def _likest(n: int, k: int, room: _Buffers) -> int:
    """Move the ``k`` likest to the front, of equals those found last; return how many there are.

    Sessions are found item by item, from the latest of the path to the first, and of each item from the oldest on.
    """
    if n <= k:
        return n
    limit = np.partition(room.value[:n], n - k)[n - k]
    above = 0
    for place in range(n):
        above += room.value[place] > limit
    # The last of those that are just as like as the limit fill what is left.
    equals, left, kept = 0, k - above, 0
    for place in range(n):
        equals += room.value[place] == limit
    for place in range(n):
        value = room.value[place]
        last = value == limit and equals <= left
        equals -= value == limit
        if value > limit or last:
            room.session[kept], room.value[kept] = room.session[place], value
            kept += 1
    return kept


@part
def _add(items: Codes, like: np.float32, near: np.float32, room: _Buffers, out: Weights) -> None:
    """Add what one session says of its items."""
    top, n = np.float32(0), len(items)
    for item in items:
        top = max(top, room.weight[item])
    away = n
    for place in range(n):
        away = 0 if room.weight[items[place]] == top else away + 1
        room.distance[place] = away
    away = n
    for place in range(n - 1, -1, -1):
        away = 0 if room.weight[items[place]] == top else away + 1
        item = items[place]
        room.best[item] = max(room.best[item], near ** np.float32(min(away, room.distance[place])))
    for item in items:
        if room.best[item] > 0:
            # Below 0 is the place by popularity: no session spoke for the item yet.
            out[item] = max(out[item], np.float32(0)) + like * room.best[item]
            room.best[item] = 0
