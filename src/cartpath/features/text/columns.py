"""Columns of text: where what a user came to lies, lately, how far apart, and how like the last is to the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features.text.kernels import summarise
from cartpath.features.text.texts import EventVectors

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: Documents after which one weighs half as much.
HALF_LIFE = 5
_LONG = {"tfidf": "TF-IDF", "word2vec": "Word2Vec", "item2vec": "item2vec", "sentences": "the sentence encoder"}


@dataclass(frozen=True)
class Said:
    """A column: its name, its unit and what it tells."""

    name: str
    unit: str
    about: str


def said(name: str, dims: int, of: str) -> Iterator[Said]:
    """Yield what the columns of ``summary`` are.

    Parameters
    ----------
    name : str
        Of the vectoriser.
    dims : int
    of : str
        Whose events, such as ``"the path"``.

    Examples
    --------
    >>> [one.name for one in said("tfidf", 1, "the path")]
    ['tfidf_1', 'tfidf_recent_1', 'tfidf_events', 'tfidf_last_to_mean', 'tfidf_spread']
    """
    long = _LONG[name]
    unknown = "unknown without any"
    for place in range(1, dims + 1):
        about = f"coordinate {place} of {long}: mean over the events of {of} that it knows; {unknown}"
        yield Said(f"{name}_{place}", "coordinate", about)
    for place in range(1, dims + 1):
        about = f"the same of {long} {place}, the weight of an event halved with every {HALF_LIFE} after it; {unknown}"
        yield Said(f"{name}_recent_{place}", "coordinate", about)
    about = f"events of {of} on an item, query or page that {long} knows something of"
    yield Said(f"{name}_events", "events", about)
    about = f"cosine between the last vector of {long} of {of} and the mean of those before; unknown without one"
    yield Said(f"{name}_last_to_mean", "cosine", about)
    about = f"root of the mean squared distance of the vectors of {long} of {of} to their mean; {unknown}"
    yield Said(f"{name}_spread", "distance", about)


def summary(events: EventVectors, order: Ints, begin: Ints, stop: Ints) -> Floats:
    """Sum up the vectors of the events ``order[begin:stop]`` of each row (n, 2 dims + 3); see ``said``.

    Examples
    --------
    >>> events = EventVectors(np.array([0, 1, 1]), np.array([[0.0, 2.0], [1.0, 0.0]]))
    >>> found = summary(events, np.arange(3), np.array([0]), np.array([3]))
    >>> found[0, [0, 1, 4]].round(3).tolist()
    [0.667, 0.667, 3.0]
    """
    document = np.ascontiguousarray(events.document[order])
    by = np.lexsort((stop, begin)).astype(np.int64)
    found: Floats = summarise(document, events.vectors, begin, stop, by, 0.5 ** (1 / HALF_LIFE))
    return found
