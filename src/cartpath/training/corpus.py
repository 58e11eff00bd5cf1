"""What is trained on, read from the memory-mapped path table a stretch of users at a time; never the whole log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, Snapshot, earlier, join, stretch
from cartpath.schema import CODED_CONTEXT
from cartpath.store import PathView

#: Events of a block, unless one user has more.
BLOCK = 65_536
#: What the paths of a period are told apart by.
_NUMBERS = ("ts", "session", "step", "price")
_TEXTS = ("event", "item", "page", "query")
Sizes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Neighbouring users of a bucket.

    Attributes
    ----------
    bucket : int
    first, last : int
        Rows of the first user and of the one after the last.
    events : int
        Their events in the period.
    """

    bucket: int
    first: int
    last: int
    events: int


class Corpus:
    """The paths of a store before a moment, in blocks of users.

    Memory holds the blocks that are asked for. Blocks depend on the events before the moment alone.

    Parameters
    ----------
    snapshot : store.Snapshot
        Open for as long as the corpus is used.
    until : int
        Microseconds since 1970 UTC; nothing at or after it is seen.
    block : int, optional
        Events of a block; ``BLOCK`` by default.

    Attributes
    ----------
    blocks : list of Block
    n_events : int
    """

    def __init__(self, snapshot: Snapshot, until: int, block: int | None = None) -> None:
        self.snapshot, self.until, self.items = snapshot, until, snapshot.items
        # A bucket with events that were added lately is merged anew each time it is asked for.
        self._bucket = lru_cache(maxsize=2)(snapshot.bucket)
        self.blocks = [part for bucket in range(snapshot.n_buckets) for part in self._blocks(bucket, block or BLOCK)]
        self.n_events = sum(part.events for part in self.blocks)

    def _blocks(self, bucket: int, size: int) -> Iterator[Block]:
        view = self._bucket(bucket)
        parts = list(_stretches(view.offsets, BLOCK))
        sizes = np.concatenate([np.zeros(0, np.int64), *(self._sizes(view, *part) for part in parts)])
        before = np.cumsum(sizes) - sizes
        alive = np.flatnonzero(sizes)
        # Users without events in the period lie between those with, and change nothing.
        edges = np.flatnonzero(np.diff(before[alive] // size, prepend=-1))
        for begin, end in pairwise([*edges.tolist(), len(alive)]):
            users = alive[begin:end]
            yield Block(bucket, int(users[0]), int(users[-1]) + 1, int(sizes[users].sum()))

    def _sizes(self, view: PathView, first: int, last: int) -> Sizes:
        """Count the events of some users in the period (last - first,)."""
        begin, end = int(view.offsets[first]), int(view.offsets[last])
        before = np.concatenate([[0], np.cumsum(view.ts[begin:end] < self.until)])
        found: Sizes = np.diff(before[view.offsets[first : last + 1] - begin])
        return found

    def sizes(self, blocks: Sequence[Block]) -> Sizes:
        """Return how many events each user of some blocks has in the period, in the order of ``log``."""
        found = [self._sizes(self._bucket(block.bucket), block.first, block.last) for block in blocks]
        return np.concatenate([np.zeros(0, np.int64), *found])

    def log(self, blocks: Sequence[Block]) -> Log:
        """Return the paths of some blocks, one block after another, as they were before the moment."""
        views = [earlier(stretch(self._bucket(block.bucket), block.first, block.last), self.until) for block in blocks]
        return Log(
            join(views), self.snapshot.codes, self.items, self.snapshot.generation, 1.0, self.snapshot.shaped_until
        )

    def logs(self) -> Iterator[Log]:
        """Yield the paths of each block; of none, one log without users."""
        for blocks in [[block] for block in self.blocks] or [[]]:
            yield self.log(blocks)

    def times(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the times of each block's events in the period."""
        for block in self.blocks:
            view = self._bucket(block.bucket)
            ts = view.ts[view.offsets[block.first] : view.offsets[block.last]]
            yield ts[ts < self.until]

    def digest(self) -> str:
        """Return a hash of the period's paths and of the catalogue; not of the codes, which later events may change."""
        found = hashlib.blake2b(digest_size=16)
        for name in sorted(self.items.column_names):
            found.update(repr((name, self.items[name].to_pylist())).encode())
        texts = {name: _hashes(self.snapshot.codes(name)) for name in (*_TEXTS, *CODED_CONTEXT)}
        for log in self.logs():
            view, sessions = log.view, log.view.sessions
            arrays = [np.diff(view.offsets), *(getattr(view, name) for name in _NUMBERS)]
            arrays += [texts[name][getattr(view, name)] for name in _TEXTS]
            known = sessions.context_ts < self.until
            arrays += [texts[name][np.where(known, sessions.context[name], -1)] for name in CODED_CONTEXT]
            for array in arrays:
                found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()


def _hashes(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return a hash of each text (n + 1,), the last one of none."""
    found = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join([*found, bytes(8)]), np.uint64)


def all_times(snapshot: Snapshot) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the times of all events of a store, a part of a bucket at a time."""
    for bucket in range(snapshot.n_buckets):
        ts = snapshot.bucket(bucket).ts
        for begin in range(0, len(ts), BLOCK):
            yield np.asarray(ts[begin : begin + BLOCK])


def _stretches(offsets: npt.NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """Yield users ``first`` to ``last - 1`` that have about so many events together, one user at least."""
    first = 0
    while first < len(offsets) - 1:
        last = int(np.searchsorted(offsets, offsets[first] + size, side="right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last
