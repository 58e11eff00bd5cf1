"""Which windows make up which batch: the same for the same seed, epoch and place, wherever a training goes on from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import chunks, length_batches
from cartpath.training.corpus import Block, Corpus

#: Events of the blocks that are mixed with each other; what a training holds in memory.
POOL = 262_144
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """Blocks that are held, and mixed, together.

    Attributes
    ----------
    blocks : tuple of Block
    batches : list of int64 array
        Windows of each batch, by their number among the pool's; see ``windows``.
    padded : int
        Places that hold no event, all batches together.
    """

    blocks: tuple[Block, ...]
    batches: list[Index]
    padded: int


class Sampler:
    """Batches of windows of similar length, mixed within a pool of blocks; other blocks meet in each epoch.

    Parameters
    ----------
    corpus : Corpus
    window : int
        Events of a window at most.
    tokens : int
        Padded events of a batch at most.
    seed : int
    pool : int, optional
        Events of a pool, unless one block has more; ``POOL`` by default.
    """

    def __init__(self, corpus: Corpus, window: int, tokens: int, seed: int, pool: int | None = None) -> None:
        self.corpus, self.window, self.tokens, self.seed = corpus, window, tokens, seed
        self._pool = pool or POOL
        self._counted: tuple[int, list[int]] = (-1, [])

    def batches_of(self, epoch: int) -> list[int]:
        """Return how many batches each pool of an epoch has."""
        if self._counted[0] != epoch:
            groups = self._groups(epoch)
            self._counted = (epoch, [len(self._mix(group, epoch, place)[0]) for place, group in enumerate(groups)])
        return self._counted[1]

    def pool(self, epoch: int, place: int) -> Pool:
        """Return one pool of an epoch."""
        group = self._groups(epoch)[place]
        return Pool(group, *self._mix(group, epoch, place))

    def _groups(self, epoch: int) -> list[tuple[Block, ...]]:
        blocks = self.corpus.blocks
        order = np.random.default_rng([self.seed, epoch]).permutation(len(blocks))
        events = np.array([blocks[place].events for place in order], np.int64)
        group = (np.cumsum(events) - events) // self._pool
        found = [order[group == number] for number in np.unique(group)]
        # In the order of the table: read in one direction, and the same pool again where it is all there is.
        return [tuple(blocks[place] for place in np.sort(members)) for members in found]

    def _mix(self, blocks: tuple[Block, ...], epoch: int, place: int) -> tuple[list[Index], int]:
        starts, ends = self.windows(blocks)
        lengths = ends - starts
        rng = np.random.default_rng([self.seed, epoch, place])
        batches = list(length_batches(lengths, self.tokens, rng))
        return batches, sum(len(rows) * int(lengths[rows].max()) for rows in batches) - int(lengths.sum())

    def windows(self, blocks: tuple[Block, ...]) -> tuple[Index, Index]:
        """Return where the windows of some blocks start and end, in the events of ``corpus.log(blocks)``."""
        ends = np.cumsum(self.corpus.sizes(blocks))
        return chunks(np.concatenate([[0], ends]).astype(np.int64), ends, self.window)

    def places(self, epoch: int, batch: int) -> Iterator[tuple[int, int]]:
        """Yield pool and place in it of each batch of an epoch from one on."""
        for number, count in enumerate(self.batches_of(epoch)):
            yield from ((number, at) for at in range(max(batch, 0), count))
            batch -= count
