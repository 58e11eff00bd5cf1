"""Sentence vectors of documents, of few numbers; each text is encoded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.log import Progress
from cartpath.features.text.corpus import Corpus
from cartpath.features.text.documents import Document
from cartpath.features.text.encoder import SentenceEncoder
from cartpath.features.text.projection import Projection, fit_projection
from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SentenceVectors:
    """An encoder, and the directions in which the texts of the past differ most.

    Attributes
    ----------
    encoder : SentenceEncoder
    projection : Projection
    found : dict of str to float64 array (dims,)
        Vectors by text: one that was found stays, to the bit.
    """

    encoder: SentenceEncoder
    projection: Projection
    found: dict[str, Floats] = field(default_factory=dict, repr=False)

    @property
    def dims(self) -> int:
        """Length of the vectors."""
        return int(self.projection.directions.shape[1])

    def vectors(self, documents: Sequence[Document]) -> Floats:
        """Return the vectors of documents (n, dims); NaN where there is no text."""
        self.find([one.text for one in documents if one.text])
        nothing = np.full(self.dims, np.nan)
        return np.array([self.found.get(one.text, nothing) for one in documents]).reshape(-1, self.dims)

    def find(self, texts: Sequence[str], told: Progress = lambda message, share: None) -> None:
        """Encode the texts that were not yet."""
        new = sorted({text for text in texts if text not in self.found})
        if new:
            self.found.update(zip(new, self.projection(self.encoder.encode(new, told)), strict=True))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as arrays, for saving: the encoder's name or folder, not its weights, and no texts."""
        source = (self.encoder.source or "").encode()
        return {"encoder": np.frombuffer(source, np.uint8), **self.projection.to_arrays()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> SentenceVectors:
        """Read what ``to_arrays`` returned."""
        return cls(SentenceEncoder(arrays["encoder"].tobytes().decode() or None), Projection.from_arrays(arrays))


def fit_sentences(corpus: Corpus, dims: int, encoder: SentenceEncoder, told: Progress) -> SentenceVectors:
    """Encode the texts of the past and find the directions in which they differ most.

    Raises
    ------
    CartpathError
        If there are no texts, or the encoder cannot be loaded.
    MissingExtraError
        If a library is not installed.
    """
    texts = sorted({one.text for one in corpus.documents if one.text})
    if not texts:
        raise CartpathError("no item, query or page has words", "sentence vectors need titles, queries or pages")
    vectors = encoder.encode(texts, told)
    projection = fit_projection(vectors, dims)
    return SentenceVectors(encoder, projection, dict(zip(texts, projection(vectors), strict=True)))
