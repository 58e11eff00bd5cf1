"""What the parts propose for some paths, side by side: the items, and what each part says of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cartpath.models.next_item import Index, Scores
from cartpath.store.jit import kernel

Columns = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
#: Items that each part proposes for a path.
DEPTH = 100


@dataclass(frozen=True)
class Proposals:
    """A part's best items for some paths, best first.

    Attributes
    ----------
    columns : int32 array (n, depth)
        -1 where there is none left.
    strength : float32 array (n, depth)
        Shares that add up to one over the items of a path; 0 where there is none.
    """

    columns: Columns
    strength: Floats


def proposals(scores: Scores, shown: Mask, depth: int = DEPTH, logits: bool = False) -> Proposals:
    """Return the best items of each row of scores; ties by column.

    Parameters
    ----------
    scores : float32 array (n, n_items)
        Amounts, of which those above 0 are proposed, or logits.
    shown : bool array (n_items,)
        Items that may be proposed.
    depth : int
    logits : bool
        Then strength is their softmax over the items proposed; else the share of their sum.

    Examples
    --------
    >>> found = proposals(np.array([[3.0, 0.0, 1.0, 9.0]], np.float32), np.array([True, True, True, False]), 2)
    >>> found.columns.tolist(), found.strength.tolist()
    ([[0, 2]], [[0.75, 0.25]])
    """
    n, depth = len(scores), min(depth, max(scores.shape[1], 1))
    columns, values = np.full((n, depth), -1, np.int32), np.zeros((n, depth), np.float32)
    _best(scores, shown, np.float32(-np.inf if logits else 0.0), columns, values)
    if logits:
        values = np.where(columns >= 0, np.exp(values - values[:, :1]), 0).astype(np.float32)
    sums = values.sum(axis=1, keepdims=True)
    return Proposals(columns, (values / np.where(sums > 0, sums, 1)).astype(np.float32))


@dataclass(frozen=True)
class Candidates:
    """Items that any part proposes for each of some paths, by column, and what each part says of them.

    Attributes
    ----------
    parts : tuple of str
    offsets : int64 array (n + 1,)
        Candidates of path ``i`` are at ``offsets[i]:offsets[i + 1]``.
    columns : int32 array (m,)
        Ascending within a path.
    strength : float32 array (m, n_parts)
        See ``Proposals``; 0 where the part does not propose the item.
    rank : int32 array (m, n_parts)
        From 1; 0 where the part does not propose the item.
    context : float32 array (n, n_context)
        What is known of each path; see ``context.NAMES``.
    seen : bool array (m,)
        Whether the item is on the path already.
    """

    parts: tuple[str, ...]
    offsets: Index
    columns: Columns
    strength: Floats
    rank: Columns
    context: Floats
    seen: Mask

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self) -> Index:
        """Return the path of each candidate (m,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def only(self, keep: Mask) -> Candidates:
        """Return some of the candidates (keep: (m,))."""
        counts = np.bincount(self.rows()[keep], minlength=len(self))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        kept = {name: getattr(self, name)[keep] for name in ("columns", "strength", "rank", "seen")}
        return replace(self, offsets=offsets, **kept)

    def picked(self, places: Index) -> Candidates:
        """Return some candidates as paths of one each, in any order."""
        kept = {name: getattr(self, name)[places] for name in ("columns", "strength", "rank", "seen")}
        row = np.searchsorted(self.offsets, places, side="right") - 1
        return replace(self, offsets=np.arange(len(places) + 1), context=self.context[row], **kept)

    def of(self, rows: Index) -> Candidates:
        """Return the candidates of some paths, in the order of the rows (ascending)."""
        chosen = np.zeros(len(self), np.bool_)
        chosen[rows] = True
        part = self.only(chosen[self.rows()])
        sizes = np.diff(part.offsets)[rows]
        return replace(
            part, offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), context=self.context[rows]
        )

    def without(self, name: str) -> Candidates:
        """Return what there would be without a part."""
        keep = np.array([part != name for part in self.parts])
        fewer = replace(
            self,
            parts=tuple(part for part in self.parts if part != name),
            strength=np.ascontiguousarray(self.strength[:, keep]),
            rank=np.ascontiguousarray(self.rank[:, keep]),
        )
        return fewer.only(np.asarray((fewer.rank > 0).any(axis=1)))


def unite(
    parts: Sequence[str],
    proposed: Sequence[Proposals],
    n_items: int,
    context: Floats,
    seen: tuple[Index, Columns],
    skip: Columns,
) -> Candidates:
    """Put what the parts propose for the same paths together.

    Parameters
    ----------
    parts : sequence of str
    proposed : sequence of Proposals
        One a part, at least one.
    n_items : int
    context : float32 array (n, n_context)
    seen : offsets (n + 1,), columns
        Items of each path.
    skip : int32 array (n,)
        An item of each path that is no candidate; -1 for none.

    Examples
    --------
    >>> one = Proposals(np.array([[4, 2]], np.int32), np.array([[0.75, 0.25]], np.float32))
    >>> other = Proposals(np.array([[4, -1]], np.int32), np.array([[1.0, 0.0]], np.float32))
    >>> path = (np.array([0, 1]), np.array([2], np.int32))
    >>> found = unite(["a", "b"], [one, other], 5, np.zeros((1, 0), np.float32), path, np.array([-1], np.int32))
    >>> found.columns.tolist(), found.strength.tolist(), found.rank.tolist(), found.seen.tolist()
    ([2, 4], [[0.25, 0.0], [0.75, 1.0]], [[2, 0], [1, 1]], [True, False])
    """
    depth = max(each.columns.shape[1] for each in proposed)
    n = len(proposed[0].columns)
    columns = np.full((len(proposed), n, depth), -1, np.int32)
    strength = np.zeros((len(proposed), n, depth), np.float32)
    for place, each in enumerate(proposed):
        columns[place, :, : each.columns.shape[1]] = each.columns
        strength[place, :, : each.columns.shape[1]] = each.strength
    united = _unite(columns, strength, n_items, *seen, skip)
    return Candidates(tuple(parts), *united[:4], context, united[4])


@kernel
def _best(scores: Scores, shown: Mask, least: np.float32, columns: Columns, values: Floats) -> None:
    depth = columns.shape[1]
    for row in range(len(scores)):
        heap, of, n = values[row], columns[row], 0
        for column in range(scores.shape[1]):
            value = scores[row, column]
            # Written so that what is not a number is never better.
            if not (value > least and shown[column]) or (n == depth and not value > heap[0]):
                continue
            if n < depth:
                n += 1
                _up(heap, of, n - 1, value, column)
            else:
                _down(heap, of, n, value, column)
        # Worst first off the heap, from the end: best first at last.
        for size in range(n, 1, -1):
            value, column = heap[size - 1], of[size - 1]
            heap[size - 1], of[size - 1] = heap[0], of[0]
            _down(heap, of, size - 1, value, column)


@kernel
def _up(heap: Floats, of: Columns, place: int, value: np.float32, column: int) -> None:
    while place > 0:
        above = (place - 1) // 2
        if not (value < heap[above] or (value == heap[above] and column > of[above])):
            break
        heap[place], of[place] = heap[above], of[above]
        place = above
    heap[place], of[place] = value, column


@kernel
def _down(heap: Floats, of: Columns, size: int, value: np.float32, column: int) -> None:
    place = 0
    while True:
        worst = 2 * place + 1
        if worst >= size:
            break
        other = worst + 1
        if other < size and (heap[other] < heap[worst] or (heap[other] == heap[worst] and of[other] > of[worst])):
            worst = other
        if value < heap[worst] or (value == heap[worst] and column > of[worst]):
            break
        heap[place], of[place] = heap[worst], of[worst]
        place = worst
    heap[place], of[place] = value, column


@kernel
def _unite(
    columns: npt.NDArray[np.int32],
    strength: npt.NDArray[np.float32],
    n_items: int,
    paths: Index,
    items: Columns,
    skip: Columns,
) -> tuple[Index, Columns, Floats, Columns, Mask]:
    n_parts, n, depth = columns.shape
    offsets = np.zeros(n + 1, np.int64)
    slot = np.full(n_items, -1, np.int32)
    room = n_parts * depth
    found = np.empty((n, room), np.int32)
    for row in range(n):
        size = 0
        for part in range(n_parts):
            for place in range(depth):
                column = columns[part, row, place]
                if column >= 0 and column != skip[row] and slot[column] < 0:
                    slot[column] = 0
                    found[row, size] = column
                    size += 1
        for place in range(size):
            slot[found[row, place]] = -1
        offsets[row + 1] = offsets[row] + size
    total = offsets[n]
    every = np.empty(total, np.int32)
    share, rank = np.zeros((total, n_parts), np.float32), np.zeros((total, n_parts), np.int32)
    seen = np.zeros(total, np.bool_)
    for row in range(n):
        first = offsets[row]
        mine = np.sort(found[row, : offsets[row + 1] - first])
        for place in range(len(mine)):
            slot[mine[place]] = place
            every[first + place] = mine[place]
        for part in range(n_parts):
            for place in range(depth):
                column = columns[part, row, place]
                if column >= 0 and column != skip[row]:
                    share[first + slot[column], part] = strength[part, row, place]
                    rank[first + slot[column], part] = place + 1
        for place in range(paths[row], paths[row + 1]):
            if slot[items[place]] >= 0:
                seen[first + slot[items[place]]] = True
        for column in mine:
            slot[column] = -1
    return offsets, every, share, rank, seen
