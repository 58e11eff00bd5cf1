"""The items a recommender can place: one axis that all its parts share, and which of them may be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models import ItemIndex
from cartpath.schema import Columns
from cartpath.store import ERASED


@dataclass(frozen=True)
class Axis:
    """All items of a shop, a column each: those of its events by their codes, then those of its catalogue alone.

    Attributes
    ----------
    items : ItemIndex
    log : Log
        The log, its dictionary of items extended to the axis: code and column are the same.
    """

    items: ItemIndex
    log: Log

    def touched(self, until: int) -> npt.NDArray[np.bool_]:
        """Return which items anybody touched before a moment (n_items,)."""
        view = self.log.view
        found = np.zeros(len(self.items), np.bool_)
        found[view.item[(view.item >= 0) & (view.ts < until)]] = True
        return self._shown(found)

    def offered(self, until: int) -> npt.NDArray[np.bool_]:
        """Return which items were touched before a moment, or are in the catalogue (n_items,)."""
        found = self.touched(until)
        if Columns.item_id in self.log.items.column_names:
            known = set(self.log.items[Columns.item_id].to_pylist())
            found |= np.fromiter((text in known for text in self.items.texts), np.bool_, len(self.items))
        return self._shown(found)

    def _shown(self, found: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        gone = [column for column, text in enumerate(self.items.texts) if text == ERASED]
        found[gone] = False
        return found


def axis_of(log: Log) -> Axis:
    """Return the axis of a log.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0], pa.timestamp("s", tz="UTC"))
    >>> events = pa.table({"user_id": ["u"], "ts": when, "event": ["view"], "item_id": ["a"]})
    >>> axis = axis_of(log_from_table(events, pa.table({"item_id": ["new", "a"]})))
    >>> axis.items.texts, axis.touched(1).tolist(), axis.offered(1).tolist()
    (('a', 'new'), [True, False], [True, True])
    """
    known = log.codes("item")
    texts = list(known)
    if Columns.item_id in log.items.column_names:
        have = set(known)
        texts += [text for text in dict.fromkeys(log.items[Columns.item_id].to_pylist()) if text not in have]
    return Axis(ItemIndex(tuple(texts)), replace(log, codes=_Wider(log.codes, texts)))


@dataclass(frozen=True, eq=False)
class _Wider:
    """The dictionaries of a log with more items."""

    codes: Callable[[str], list[str]]
    texts: list[str]

    def __call__(self, name: str) -> list[str]:
        return self.texts if name == "item" else self.codes(name)
