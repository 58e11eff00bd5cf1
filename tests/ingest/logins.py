"""A simulated shop whose users are anonymous until their first purchase, and whether stitching gives them back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cartpath import store
from cartpath.schema import Columns, Event
from cartpath.store import PathView
from cartpath.store.codes import CODED
from cartpath.store.path import EVENT_ARRAYS

#: The column of anonymous ids, and what these begin with.
COOKIE, ANONYMOUS = "cookie", "anonymous-"


def anonymise(log: pa.Table) -> pa.Table:
    """Take the users' ids out of events before their first purchase; that purchase has both ids.

    Parameters
    ----------
    log : pyarrow.Table
        Of ``cartpath simulate``. Events before a user's first purchase, and all events of users who never buy, get
        an anonymous id in ``COOKIE`` and no user; the first purchase gets both, later events the user alone.
    """
    user = log[Columns.user_id].combine_chunks().cast(pa.string())
    ts = log[Columns.ts].cast(pa.timestamp("us")).cast(pa.int64()).fill_null(0).to_numpy()
    number = user.dictionary_encode()
    at = number.indices.fill_null(len(number.dictionary)).to_numpy(zero_copy_only=False)
    first = np.full(len(number.dictionary) + 1, np.iinfo(np.int64).max)
    bought = pc.fill_null(pc.equal(log[Columns.event].cast(pa.string()), Event.purchase), False)
    rows = np.flatnonzero(np.asarray(bought.combine_chunks().to_numpy(zero_copy_only=False)) & (ts > 0))
    np.minimum.at(first, at[rows], ts[rows])
    before, login = ts < first[at], ts == first[at]
    cookie = pc.binary_join_element_wise(ANONYMOUS, user, "")
    none = pa.scalar(None, pa.string())
    place = log.column_names.index(Columns.user_id)
    log = log.set_column(place, Columns.user_id, pc.if_else(pa.array(before), none, user))
    return log.append_column(COOKIE, pc.if_else(pa.array(before | login), cookie, none))


def write_anonymised(source: Path, target: Path) -> None:
    """Anonymise a file of events."""
    pq.write_table(anonymise(pq.read_table(source)), target)


@dataclass
class Compared:
    """Paths of a stitched store beside those of the log with users throughout.

    Attributes
    ----------
    users : int
        Of the original.
    linked, same : int
        Users who are known in the stitched store, and of these those whose path is the same, event by event.
    unlinked, same_unlinked : int
        Users who never bought, and so are under their anonymous id; and of these those whose path is the same.
    merged_events : int
        Events of linked users that came under an anonymous id.
    """

    users: int = 0
    linked: int = 0
    same: int = 0
    unlinked: int = 0
    same_unlinked: int = 0
    merged_events: int = 0


def compare(original: store.Snapshot, raw: store.Snapshot, stitched: Iterator[PathView]) -> Compared:
    """Compare every user's path.

    Parameters
    ----------
    original : Snapshot
        Of the log as it was simulated.
    raw : Snapshot
        Of the anonymised log.
    stitched : iterator of PathView
        The paths that readers of the anonymised log see, bucket by bucket.
    """
    found = Compared()
    true = {str(path.user_id[0]): path for bucket in range(original.n_buckets) for path in original.bucket(bucket)}
    found.users = len(true)
    purchase = raw.code_of("event", Event.purchase)
    codes = {name: _translated(original.codes(name), raw.codes(name)) for name in CODED.values()}
    for view in stitched:
        for path in view:
            name = str(path.user_id[0])
            known = not name.startswith(ANONYMOUS)
            found.linked += known
            found.unlinked += not known
            same = _same(true.pop(name.removeprefix(ANONYMOUS)), path, codes)
            found.same += known and same
            found.same_unlinked += not known and same
            found.merged_events += _before_purchase(path, purchase) if known else 0
    assert not true, "users are missing"
    return found


def _before_purchase(path: PathView, purchase: int) -> int:
    """Count the events that came without a user."""
    return int(np.searchsorted(path.ts, path.ts[path.event == purchase].min()))


def _translated(ours: list[str], theirs: list[str]) -> np.ndarray:
    """Return the code that each of our codes has in another dictionary; -1 stays -1."""
    place = {text: code for code, text in enumerate(theirs)}
    return np.array([*(place.get(text, -2) for text in ours), -1], np.int32)  # -2: a word that no event has


def _same(a: PathView, b: PathView, codes: Mapping[str, np.ndarray]) -> bool:
    """Whether every value of two paths is the same; the two may number texts differently."""

    def equal(name: str, ours: np.ndarray, theirs: np.ndarray) -> bool:
        ours = codes[name][ours] if name in codes else ours
        return np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")

    one, two = a.sessions, b.sessions
    return (
        all(equal(n, getattr(a, n), getattr(b, n)) for n in EVENT_ARRAYS)
        and all(equal(n, getattr(one, n), getattr(two, n)) for n in ("start", "end", "key", "context_ts"))
        and all(equal(n, one.context[n], two.context[n]) for n in one.context)
    )
