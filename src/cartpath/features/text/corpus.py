"""What text features are fitted on: the documents that shoppers came to before a moment, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features.log import Log, earlier
from cartpath.features.moments import by_session, user_of_event
from cartpath.features.shaped import check_known_before
from cartpath.features.text.documents import ITEM, Document, Documents, documents_of
from cartpath.features.vocabulary import users_of_code

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: A query or a page of fewer users teaches little, and may be about one person.
LEAST_USERS = 5
#: Documents that sequences are learned from at most: those of the latest sessions.
_MOST = 1_000_000


@dataclass(frozen=True)
class Corpus:
    """What happened before a moment, in an order that neither codes nor buckets of a store have a part in.

    Attributes
    ----------
    documents : list of Document
        Items that an event was on, and queries and pages of ``LEAST_USERS`` users or more; each once, sorted.
    told, items : list of list of int
        A sequence a session of places among the documents, repeats in a row as one: of all kinds whose text has words,
        and of items.
    """

    documents: list[Document]
    told: list[list[int]]
    items: list[list[int]]


def corpus_of(log: Log, until: int) -> Corpus:
    """Gather what may be learned from before a moment.

    Parameters
    ----------
    log : Log
    until : int
        Microseconds since 1970 UTC; events at it or after it have no influence.

    Raises
    ------
    CartpathError
        If later events shaped the paths.

    Examples
    --------
    >>> from cartpath.features import log_from_table
    >>> import pyarrow as pa
    >>> when = pa.array([0, 60, 90], pa.timestamp("s", tz="UTC"))
    >>> log = log_from_table(pa.table({"user_id": ["u"] * 3, "ts": when, "event": ["view"] * 3, "item_id": [*"bab"]}))
    >>> found = corpus_of(log, 80_000_000)
    >>> [one.key for one in found.documents], found.items
    (['a', 'b'], [[1, 0]])
    """
    check_known_before(log.shaped_until, until)
    past = Log(earlier(log.view, until), log.codes, log.items)
    found = documents_of(past)
    kept = _enough(past, found)
    order = sorted(np.flatnonzero(kept).tolist(), key=lambda place: found.documents[place])
    number = np.full(len(kept) + 1, -1, np.int64)
    number[order] = np.arange(len(order))
    has_words = np.array([bool(one.words) for one in found.documents], np.bool_)
    told = _sequences(past, number[found.first(kept & has_words)])
    return Corpus([found.documents[place] for place in order], told, _sequences(past, number[found.of_event[ITEM]]))


def _enough(log: Log, found: Documents) -> Bools:
    """Mark the documents that enough users came to (n_documents,)."""
    user = user_of_event(log.view)
    n = np.zeros(len(found.documents), np.int64)
    for places in found.of_event.values():
        n += users_of_code(places.astype(np.int32), user, len(n))
    least = np.array([1 if one.kind == ITEM else LEAST_USERS for one in found.documents], np.int64)
    return n >= least


def _sequences(log: Log, document: Ints) -> list[list[int]]:
    """Return the documents of each session that has any, repeats in a row as one; the latest sessions, by time."""
    order, _ = by_session(log.view)
    order = order[document[order] >= 0]
    session, place = log.view.session[order], document[order]
    again = (session[1:] == session[:-1]) & (place[1:] == place[:-1])
    kept = np.concatenate([[True], ~again]) if len(order) else np.zeros(0, np.bool_)
    order, session, place = order[kept], session[kept], place[kept]
    starts = np.flatnonzero(np.concatenate([[True], session[1:] != session[:-1]])) if len(order) else np.zeros(0, int)
    parts = [part.tolist() for part in np.split(place, starts[1:])] if len(order) else []
    timed = sorted(zip(log.view.ts[order[starts]].tolist(), parts, strict=True))
    return _latest([part for _, part in timed])


def _latest(sequences: list[list[int]]) -> list[list[int]]:
    left = np.cumsum([len(one) for one in reversed(sequences)])
    return sequences[len(sequences) - int(np.searchsorted(left, _MOST, side="right")) :]
