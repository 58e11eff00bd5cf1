"""Text to a small number a network can look up, fitted on the training period only."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

#: Nothing there.
ABSENT = 0
#: Something there, whose identity is unknown or was dropped.
UNKNOWN = 1


@dataclass(frozen=True)
class Vocabulary:
    """Known values, and a few shared places for all others.

    Ids: 0 absent, 1 unknown, then the known values, then the hashed rest.

    Attributes
    ----------
    values : tuple of str
        Known values; value ``i`` has id ``2 + i``.
    hashed : int
        Places that values not known share by hash; with none they are all ``UNKNOWN``.

    Examples
    --------
    >>> words = Vocabulary(("view", "purchase"))
    >>> words.ids(["purchase", None, "wave"]).tolist()
    [3, 0, 1]
    """

    values: tuple[str, ...]
    hashed: int = 0

    @property
    def size(self) -> int:
        """Number of ids."""
        return 2 + len(self.values) + self.hashed

    def ids(self, texts: Iterable[str | None]) -> npt.NDArray[np.int32]:
        """Return the id of each text (n,)."""
        return np.fromiter((self._id(text) for text in texts), np.int32)

    @cached_property
    def _known(self) -> dict[str, int]:
        return {value: 2 + place for place, value in enumerate(self.values)}

    def _id(self, text: str | None) -> int:
        if text is None:
            return ABSENT
        found = self._known.get(text)
        if found is not None:
            return found
        if not self.hashed:
            return UNKNOWN
        return 2 + len(self.values) + zlib.crc32(text.encode("utf-8", "surrogatepass")) % self.hashed

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"values": list(self.values), "hashed": self.hashed}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Vocabulary:
        """Read what ``to_dict`` returned."""
        return cls(tuple(raw["values"]), int(raw["hashed"]))


def lookup(vocabulary: Vocabulary, texts: Sequence[str | None]) -> npt.NDArray[np.int32]:
    """Return the vocabulary's id by code (n + 1,); the last one is for code -1, absent."""
    return np.append(vocabulary.ids(texts), np.int32(ABSENT)).astype(np.int32)


def fit_vocabulary(
    texts: Sequence[str | None],
    codes: npt.NDArray[np.int32],
    users: npt.NDArray[np.int32],
    size: int,
    hashed: int = 0,
    min_users: int = 1,
) -> Vocabulary:
    """Keep the values that most users have.

    Parameters
    ----------
    texts : sequence of str, by code
    codes : int32 array (n,)
        A code an event; -1 counts as absent.
    users : int32 array (n,)
        Whose event it is.
    size : int
        Values to keep at most.
    hashed : int
        Places for the rest.
    min_users : int
        Values of fewer users are left to the rest: they teach little, and may be about one person.

    Returns
    -------
    Vocabulary
        Most frequent first; ties by text.

    Examples
    --------
    >>> codes, users = np.array([0, 0, 1, 1], np.int32), np.array([0, 0, 0, 1], np.int32)
    >>> fit_vocabulary(["a", "b"], codes, users, size=1).values
    ('b',)
    """
    return most_used(texts, users_of_code(codes, users, len(texts)), size, hashed, min_users)


def most_used(
    texts: Sequence[str | None],
    counts: npt.NDArray[np.int64],
    size: int,
    hashed: int = 0,
    min_users: int = 1,
) -> Vocabulary:
    """Keep the values that most users have, given how many have each (n_codes,); see ``fit_vocabulary``.

    Examples
    --------
    >>> most_used(["a", "b", "c"], np.array([1, 0, 2]), size=5).values
    ('c', 'a')
    """
    often = (int(code) for code in np.flatnonzero(counts >= max(min_users, 1)))
    found = [code for code in often if texts[code] is not None]
    found.sort(key=lambda code: (-counts[code], texts[code] or ""))
    return Vocabulary(tuple(str(texts[code]) for code in found[:size]), hashed)


def users_of_code(codes: npt.NDArray[np.int32], users: npt.NDArray[np.int32], n_codes: int) -> npt.NDArray[np.int64]:
    """Count the distinct users of each code (n_codes,)."""
    there = codes >= 0
    pairs = np.unique(users[there].astype(np.int64) * max(n_codes, 1) + codes[there])
    return np.bincount(pairs % max(n_codes, 1), minlength=n_codes).astype(np.int64)
