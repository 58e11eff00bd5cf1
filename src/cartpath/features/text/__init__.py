"""Features of text: what was viewed and searched as short vectors, fitted on the past alone."""

from cartpath.features.text.columns import said, summary
from cartpath.features.text.corpus import Corpus, corpus_of
from cartpath.features.text.documents import Document, Documents, documents_of
from cartpath.features.text.encoder import SentenceEncoder
from cartpath.features.text.kernels import cosines
from cartpath.features.text.projection import Projection, fit_projection
from cartpath.features.text.texts import DIMS, TEXTS, EventVectors, Texts, Vectoriser, check_texts, fit_texts

__all__ = [
    "DIMS",
    "TEXTS",
    "Corpus",
    "Document",
    "Documents",
    "EventVectors",
    "Projection",
    "SentenceEncoder",
    "Texts",
    "Vectoriser",
    "check_texts",
    "corpus_of",
    "cosines",
    "documents_of",
    "fit_projection",
    "fit_texts",
    "said",
    "summary",
]
