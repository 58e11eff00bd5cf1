"""The items of paths before their ends, as columns: all that the classic models know of a path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.next_item import Index, ItemIndex
from cartpath.store.jit import kernel

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
#: Events of a path that are read, counted from its end.
ALL = 2**62


@dataclass(frozen=True)
class Histories:
    """Columns of the items of some paths, in the order of the path.

    Attributes
    ----------
    offsets : int64 array (n + 1,)
        Items of path ``i`` are ``columns[offsets[i]:offsets[i + 1]]``.
    columns : int32 array

    Examples
    --------
    >>> Histories(np.array([0, 2, 2]), np.array([7, 3], np.int32)).ages().tolist()
    [1, 0]
    """

    offsets: Index
    columns: Codes

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self) -> Index:
        """Return the path of each column."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def ages(self) -> Index:
        """Return how many items of the path come after each."""
        return self.offsets[1:][self.rows()] - 1 - np.arange(len(self.columns))


def histories(log: Log, items: ItemIndex, user: Index, ends: Index, last: int = ALL) -> Histories:
    """Read the items that come before some ends.

    Parameters
    ----------
    log : Log
    items : ItemIndex
        Items that it does not hold are passed over, as are events without an item.
    user, ends : int64 array (n,)
        See ``NextItemModel.score``.
    last : int
        Only so many items nearest to each end.

    Returns
    -------
    Histories
    """
    column = items.short_columns_of(log)
    starts = log.view.offsets[user]
    offsets, columns = _items_before(starts, ends.astype(np.int64), log.view.item, column, last)
    return Histories(offsets, columns)


@kernel
def _items_before(starts: Index, ends: Index, item: Codes, column: Codes, last: int) -> tuple[Index, Codes]:
    offsets = np.zeros(len(ends) + 1, np.int64)
    for path in range(len(ends)):
        known, place = 0, ends[path] - 1
        while place >= starts[path] and known < last:
            known += column[item[place]] >= 0
            place -= 1
        offsets[path + 1] = offsets[path] + known
    columns = np.empty(offsets[-1], np.int32)
    for path in range(len(ends)):
        at, place = offsets[path + 1], ends[path] - 1
        while at > offsets[path]:
            if column[item[place]] >= 0:
                at -= 1
                columns[at] = column[item[place]]
            place -= 1
    return offsets, columns


def order_by_popularity(columns: Codes, n_items: int) -> npt.NDArray[np.float32]:
    """Return scores below 0 that put items in the order of how often they come; of equals the lower column first.

    They rank items of which a path says nothing: float32 tells so many places apart, but not so many counts.

    Examples
    --------
    >>> order_by_popularity(np.array([2, 1, 2], np.int32), 4).tolist()
    [-0.75, -0.5, -0.25, -1.0]
    """
    counts = np.bincount(columns, minlength=n_items)
    place = np.empty(n_items, np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(1, n_items + 1)
    return (-place / max(n_items, 1)).astype(np.float32)
