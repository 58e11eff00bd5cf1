"""Vectors of documents by their words: TF-IDF with latent semantic analysis, and Word2Vec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.item_words import ItemWords, fit_item_words
from cartpath.features.log import Progress
from cartpath.features.text.corpus import Corpus
from cartpath.features.text.documents import Document
from cartpath.features.text.projection import Projection, fit_projection
from cartpath.features.text.word2vec import LEAST, train_vectors
from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WordVectors:
    """A document's vector is the mean of its words' vectors, weighted by TF-IDF.

    Attributes
    ----------
    words : ItemWords
    projection : Projection, optional
        Of Word2Vec; the directions of TF-IDF are few already.
    dims : int
    """

    words: ItemWords
    projection: Projection | None
    dims: int

    def vectors(self, documents: Sequence[Document]) -> Floats:
        """Return the vectors of documents (n, dims); NaN where no word is known."""
        terms = [one.terms if self.projection is None else one.words for one in documents]
        found = self.words.vectors(terms).astype(np.float64)
        known = found.any(axis=1)
        out = np.full((len(documents), self.dims), np.nan)
        if self.projection is not None:
            out[known] = self.projection(found[known])
        else:
            out[known] = 0.0
            out[known, : found.shape[1]] = found[known]
        return out

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as arrays, for saving."""
        arrays = {**self.words.to_arrays(), "dims": np.array(self.dims)}
        return arrays if self.projection is None else {**arrays, **self.projection.to_arrays()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> WordVectors:
        """Read what ``to_arrays`` returned."""
        projection = Projection.from_arrays(arrays) if "projection" in arrays else None
        return cls(ItemWords.from_arrays(arrays), projection, int(arrays["dims"]))


def fit_tfidf(corpus: Corpus, dims: int, seed: int, told: Progress) -> WordVectors:
    """Learn the words of documents and which of them go together; see ``fit_item_words``.

    Raises
    ------
    CartpathError
        If no two documents share a word.
    """
    found = fit_item_words([one.terms for one in corpus.documents], dims, seed)
    if found is None:
        raise CartpathError("no two items, queries or pages share a word", "TF-IDF needs titles, queries or pages")
    return WordVectors(found, None, dims)


def fit_word2vec(corpus: Corpus, dims: int, seed: int, told: Progress) -> WordVectors:
    """Learn vectors of words from those around them, of what sessions came to one after another.

    The words of a session's documents follow each other, so a query is near the titles that were looked at after it.
    Mikolov, Chen, Corrado and Dean (2013), continuous bag of words. Words are weighted by how few documents have them.

    Raises
    ------
    CartpathError
        If too few words come up often enough.
    MissingExtraError
        If gensim is not installed.
    """
    words = [one.words for one in corpus.documents]
    bare = fit_item_words(words, 1, seed)
    found = train_vectors([[word for place in one for word in words[place]] for one in corpus.told], seed, told)
    kept = [place for place, word in enumerate(bare.words) if word in found] if bare is not None else []
    if bare is None or not kept:
        raise CartpathError(
            f"no word comes up {LEAST} times and in two documents", "Word2Vec needs titles, queries or pages"
        )
    directions = np.array([found[bare.words[place]] for place in kept], np.float32)
    model = replace(bare, words=tuple(bare.words[place] for place in kept), idf=bare.idf[kept], directions=directions)
    learned = model.vectors(words)
    return WordVectors(model, fit_projection(learned[learned.any(axis=1)], dims), dims)
