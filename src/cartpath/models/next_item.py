"""What every next-item model is: items it can rank, and a score of each of them after a stretch of a path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.artefact import read_json, write_json
from cartpath.schema import CartpathError

Index = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
_ITEMS = "items.json"


@dataclass(frozen=True)
class ItemIndex:
    """The items a model can rank, one a column of its scores.

    Columns stand for texts, not for codes of a log: a saved model scores any log.

    Attributes
    ----------
    texts : tuple of str
        Ids of the items, distinct.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 1], pa.timestamp("s", tz="UTC"))
    >>> events = {"user_id": ["u", "u"], "ts": when, "event": ["view", "view"], "item_id": ["a", "new"]}
    >>> log, index = log_from_table(pa.table(events)), ItemIndex(("b", "a"))
    >>> index.columns_of(log).tolist(), index.codes_in(log).tolist()
    ([1, -1, -1], [-1, 0])
    """

    texts: tuple[str, ...]
    _held: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of_codes(cls, log: Log, codes: Iterable[int]) -> ItemIndex:
        """Make an index of items by their codes in a log."""
        texts = log.codes("item")
        return cls(tuple(texts[int(code)] for code in codes))

    def columns_of(self, log: Log) -> Index:
        """Return the column of each item code of a log (n_codes + 1,), -1 where it has none; the last is no item."""
        texts = log.codes("item")
        held: tuple[Callable[[str], list[str]], Index] | None = self._held.get("columns")
        known = np.array([-1], np.int64)
        # Dictionaries of a shop only grow: of the same ones only what came since is looked up.
        if held is not None and held[0] == log.codes and len(held[1]) <= len(texts) + 1:
            known = held[1]
        if len(known) == len(texts) + 1:
            return known
        place = self._place()
        new = [place.get(text, -1) for text in texts[len(known) - 1 :]]
        columns = np.concatenate([known[:-1], np.array([*new, -1], np.int64)])
        self._held["columns"] = (log.codes, columns)
        return columns

    def short_columns_of(self, log: Log) -> npt.NDArray[np.int32]:
        """Return ``columns_of`` as kernels want it, not copied for each question."""
        columns = self.columns_of(log)
        held: tuple[Index, npt.NDArray[np.int32]] | None = self._held.get("short")
        if held is None or held[0] is not columns:
            held = self._held["short"] = (columns, columns.astype(np.int32))
        return held[1]

    def column(self, text: str) -> int | None:
        """Return the column of one item, None where it has none."""
        return self._place().get(text)

    def _place(self) -> dict[str, int]:
        if "place" not in self._held:
            self._held["place"] = {text: column for column, text in enumerate(self.texts)}
        place: dict[str, int] = self._held["place"]
        return place

    def codes_in(self, log: Log) -> Index:
        """Return the code of each column in a log (n_items,), -1 where the log does not know the item."""
        columns = self.columns_of(log)[:-1]
        codes = np.full(len(self), -1, np.int64)
        codes[columns[columns >= 0]] = np.flatnonzero(columns >= 0)
        return codes

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        write_json(folder / _ITEMS, list(self.texts))

    @classmethod
    def load(cls, folder: Path) -> ItemIndex:
        """Read what ``save`` wrote."""
        texts = read_json(folder / _ITEMS)
        if texts is None:
            raise CartpathError(f"{folder} holds no next-item model (no {_ITEMS})", "fit and save one there")
        return cls(tuple(texts))


class NextItemModel(Protocol):
    """Scores items after the events before an end; larger is likelier. It has no say in what may be asked."""

    @property
    def items(self) -> ItemIndex:
        """What the columns of the scores stand for."""

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Score every item for some paths.

        Parameters
        ----------
        log : Log
            Any log; only events before each end are read.
        user : int64 array (n,)
            Row of each path's user.
        ends : int64 array (n,)
            Place after the last event that may be seen; the user's first place where nothing is known of it.
        time : int64 array (n,), optional
            When the next item is asked for, microseconds since 1970 UTC; by default, when the last event was.

        Returns
        -------
        float32 array (n, len(items))
        """

    def save(self, folder: Path) -> None:
        """Write all that ``load`` needs into an existing folder."""

    @classmethod
    def load(cls, folder: Path) -> NextItemModel:
        """Read what ``save`` wrote."""
