"""Vectors of words, or of anything that comes in sequences, by gensim; the same from the same sequences, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.extra import need
from cartpath.features.log import Progress

#: Length of the vectors, and how often a word must come up.
LENGTH, LEAST = 64, 5
_EPOCHS, _WINDOW, _NEGATIVES = 5, 5, 5


def train_vectors(
    sequences: Sequence[Sequence[str]], seed: int, told: Progress, **settings: Any
) -> dict[str, npt.NDArray[np.float32]]:
    """Learn vectors by predicting what is near in sequences: Word2Vec with negative sampling (Mikolov et al., 2013).

    Parameters
    ----------
    sequences : sequence of sequences of str
    seed : int
    told : callable
    **settings
        Of ``gensim.models.Word2Vec``, over the defaults here.

    Returns
    -------
    dict of str to float32 array (64,)
        Of what comes up often enough; empty where nothing does.

    Raises
    ------
    MissingExtraError
        If gensim is not installed.
    """
    word2vec = need("gensim.models.word2vec", "Word2Vec", "text")
    # One worker: several write to the same vectors in no fixed order.
    fixed = {"vector_size": LENGTH, "min_count": LEAST, "window": _WINDOW, "negative": _NEGATIVES, "workers": 1}
    model = word2vec.Word2Vec(seed=seed, **{**fixed, **settings})
    model.build_vocab(sequences)
    if not len(model.wv):
        return {}
    told("learning vectors", 0.0)
    model.train(sequences, total_examples=model.corpus_count, epochs=settings.get("epochs", _EPOCHS))
    return {word: model.wv[word] for word in model.wv.index_to_key}
