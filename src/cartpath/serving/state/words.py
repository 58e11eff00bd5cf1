"""The dictionaries of a pinned generation, and after its texts those that live events brought."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.store import Snapshot
from cartpath.store.codes import CODED, ERASED, Dictionary


class Words(Dictionary):
    """One dictionary: the store's codes stand, and what is new is numbered after them, in memory alone.

    Examples
    --------
    >>> words = Words([pa.array(["b", "a"])])
    >>> words.encode(pa.array(["a", "c"])).tolist(), words.texts()
    ([1, 2], ['b', 'a', 'c'])
    """

    def __init__(self, segments: list[pa.Array]) -> None:
        super().__init__(segments)
        self._new: list[str] = []
        self._texts: list[str] | None = None

    def encode(self, values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int32]:
        """Return the codes of ``values``, adding what is new."""
        before = len(self.segments)
        codes = super().encode(values)
        for segment in self.segments[before:]:
            self._add(segment.to_pylist())
        del self.segments[before:]  # thousands of segments of one text each would be slow to put together
        return codes

    def code(self, text: str, key: npt.NDArray[np.uint64]) -> int:
        """Return the code of one text, whose hash is ``key`` (1,), adding it if it is new."""
        codes, new = self._table.number(key)
        if len(new):
            self._add([text])
        return int(codes[0])

    def _add(self, texts: list[str]) -> None:
        self._new += texts
        if self._texts is not None:
            self._texts += texts

    def texts(self) -> list[str]:
        """Return all texts by code: the same list each time, which grows."""
        if self._texts is None:
            stored = [ERASED if text is None else text for text in super().values().to_pylist()]
            self._texts = [*stored, *self._new]
        return self._texts


class LiveCodes:
    """The dictionaries of all coded columns, as ``store.prepare`` takes them.

    Attributes
    ----------
    text : callable
        Name of a dictionary to its texts by code: the same callable as long as the generation is.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._words = {name: Words(snapshot.dictionary(name).segments) for name in CODED.values()}
        self.text: Callable[[str], list[str]] = self._text

    def __getitem__(self, name: str) -> Words:
        return self._words[name]

    def _text(self, name: str) -> list[str]:
        if name not in self._words:
            raise KeyError(f"no dictionary {name!r}; there are: {', '.join(CODED.values())}")
        return self._words[name].texts()
