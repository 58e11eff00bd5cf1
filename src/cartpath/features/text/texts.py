"""Vectors of what events speak of: fitted on what came before a moment, the same for a table and for a live path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cartpath.features.log import Log, Progress
from cartpath.features.text.corpus import Corpus, corpus_of
from cartpath.features.text.documents import Document, documents_of
from cartpath.features.text.encoder import SentenceEncoder
from cartpath.features.text.item_vectors import ItemVectors, fit_item2vec
from cartpath.features.text.sentence_vectors import SentenceVectors, fit_sentences
from cartpath.features.text.word_vectors import WordVectors, fit_tfidf, fit_word2vec
from cartpath.schema import CartpathError, MissingExtraError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: Length of the vectors.
DIMS = 16


class Vectoriser(Protocol):
    """From documents to short vectors."""

    @property
    def dims(self) -> int:
        """Length of the vectors."""

    def vectors(self, documents: Sequence[Document]) -> Floats:
        """Return the vectors of documents (n, dims), each as if it were alone; NaN where nothing is known."""

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as arrays, for saving."""


_FITS: Mapping[str, Callable[[Corpus, int, int, Progress], Vectoriser]] = {
    "tfidf": fit_tfidf,
    "word2vec": fit_word2vec,
    "item2vec": fit_item2vec,
}
_KINDS: Mapping[str, Callable[[Mapping[str, npt.NDArray[Any]]], Vectoriser]] = {
    "tfidf": WordVectors.from_arrays,
    "word2vec": WordVectors.from_arrays,
    "item2vec": ItemVectors.from_arrays,
    "sentences": SentenceVectors.from_arrays,
}
#: Vectorisers by name.
TEXTS: tuple[str, ...] = tuple(_KINDS)


@dataclass(frozen=True)
class EventVectors:
    """What each event speaks of, as a vector.

    Attributes
    ----------
    document : int64 array (n_events,)
        Row in ``vectors``, -1 where an event speaks of nothing that is known.
    vectors : float64 array (n_documents, dims)
    """

    document: Ints
    vectors: Floats

    def cut(self, begin: int, end: int) -> EventVectors:
        """Return the same of the events ``begin`` to ``end - 1``."""
        return EventVectors(self.document[begin:end], self.vectors)


@dataclass(frozen=True)
class Texts:
    """Vectorisers that were fitted together.

    Attributes
    ----------
    vectorisers : mapping of str to Vectoriser
        By name, of ``TEXTS``.
    until : int
        Microseconds since 1970 UTC; nothing at or after it had an influence.
    """

    vectorisers: Mapping[str, Vectoriser]
    until: int

    @property
    def dims(self) -> dict[str, int]:
        """Length of the vectors, by name."""
        return {name: one.dims for name, one in self.vectorisers.items()}

    def of_events(self, log: Log) -> dict[str, EventVectors]:
        """Return the vectors of what the events of a log speak of, by name of the vectoriser.

        That is the first of its item, query and page that the vectoriser knows something of.
        """
        found = documents_of(log)
        vectors = {name: one.vectors(found.documents) for name, one in self.vectorisers.items()}
        return {
            name: EventVectors(found.first(np.isfinite(each[:, 0])), np.ascontiguousarray(each, np.float64))
            for name, each in vectors.items()
        }

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as arrays, for saving."""
        arrays = {"until": np.array(self.until, np.int64)}
        for name, one in self.vectorisers.items():
            arrays |= {f"{name}/{part}": array for part, array in one.to_arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Texts:
        """Read what ``to_arrays`` returned."""
        parts: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for key in (key for key in arrays if "/" in key):
            name, part = key.split("/", 1)
            parts.setdefault(name, {})[part] = arrays[key]
        return cls({name: _KINDS[name](part) for name, part in parts.items()}, int(arrays["until"]))


def check_texts(names: Sequence[str], encoder: str | None = None) -> tuple[str, ...]:
    """Refuse names that no vectoriser has, and an encoder that none of them uses.

    Examples
    --------
    >>> check_texts(["item2vec", "tfidf"])
    ('tfidf', 'item2vec')
    """
    if unknown := sorted(set(names) - set(TEXTS)):
        raise CartpathError(f"there are no text features {unknown[0]!r}", f"known: {', '.join(TEXTS)}")
    if encoder is not None and "sentences" not in names:
        raise CartpathError("an encoder is for sentence vectors, which are not asked for", "add sentences to --text")
    return tuple(name for name in TEXTS if name in names)


def fit_texts(
    log: Log,
    until: int,
    names: Sequence[str],
    encoder: str | None = None,
    *,
    dims: int = DIMS,
    seed: int = 0,
    where_possible: bool = False,
    told: Progress = lambda message, share: None,
) -> Texts:
    """Fit vectorisers on what came before a moment.

    Parameters
    ----------
    log : Log
        Of many users.
    until : int
        Microseconds since 1970 UTC. No event at it or after it changes a number; items, queries and pages that come
        later get their vectors from what was learned before.
    names : sequence of str
        ``tfidf``, ``word2vec``, ``item2vec``, ``sentences``.
    encoder : str, optional
        Of ``sentences``; see ``SentenceEncoder``.
    dims, seed : int
    where_possible : bool
        Leave out what the log says too little for, as long as something is left.
    told : callable

    Returns
    -------
    Texts

    Raises
    ------
    CartpathError
        If there is no such vectoriser, the log says too little, or later events shaped it.
    MissingExtraError
        If a library is not installed.

    Examples
    --------
    >>> from cartpath.features import log_from_table
    >>> import pyarrow as pa
    >>> when = pa.array([0, 60, 120], pa.timestamp("s", tz="UTC"))
    >>> events = {"user_id": ["u"] * 3, "ts": when, "event": ["view"] * 3, "item_id": ["a", "b", "c"]}
    >>> items = pa.table({"item_id": ["a", "b", "c"], "title": ["red shoe", "red hat", "hat"]})
    >>> texts = fit_texts(log_from_table(pa.table(events), items), 2**62, ["tfidf"], dims=2)
    >>> texts.of_events(log_from_table(pa.table(events), items))["tfidf"].vectors.shape
    (3, 2)
    """
    names = check_texts(names, encoder)
    told("reading texts", 0.0)
    corpus, fitted, refused = corpus_of(log, until), dict[str, Vectoriser](), dict[str, CartpathError]()
    for name in names:
        try:
            if name == "sentences":
                fitted[name] = fit_sentences(corpus, dims, SentenceEncoder(encoder), told)
            else:
                fitted[name] = _FITS[name](corpus, dims, seed, told)
        except MissingExtraError:
            raise
        except CartpathError as error:
            refused[name] = error
    if refused and (not where_possible or not fitted):
        raise next(iter(refused.values()))
    return Texts(fitted, until)
