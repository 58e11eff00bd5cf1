"""Links between ids: which anonymous id belongs to which known user, since when, and what showed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import Columns
from cartpath.store.hashing import combine, hash_strings

#: The store's table of links.
LINKS = "links"
#: What showed a link: an event with both ids, a row of an identities file, or a link whose user was forgotten.
EVENTS, FILE, ERASED_USER = "events", "file", "erased"

_TIME = pa.timestamp("us", tz="UTC")
_NEVER = np.iinfo(np.int64).min
Array = npt.NDArray[Any]


def link_schema() -> pa.Schema:
    """Return the schema of the table of links.

    Returns
    -------
    pyarrow.Schema
        ``anonymous_id`` and ``user_id``, whose place is null once the user was forgotten; ``first`` and ``last``,
        when the link was seen (null: without a time, so ``first`` means always known); ``n``, the events or rows that
        showed it; ``source``, one of ``EVENTS``, ``FILE`` and ``ERASED_USER``.
    """
    return pa.schema(
        [
            pa.field(Columns.anonymous_id, pa.string(), nullable=False),
            pa.field(Columns.user_id, pa.string()),
            pa.field(Columns.first, _TIME),
            pa.field(Columns.last, _TIME),
            pa.field(Columns.n, pa.int64(), nullable=False),
            pa.field(Columns.source, pa.string(), nullable=False),
        ]
    )


def no_links() -> pa.Table:
    """Return a table without links."""
    return link_schema().empty_table()


def noted(anonymous: pa.Array, user: pa.Array, ts: Array | None, source: str) -> pa.Table:
    """Return what events or rows show, one link for each pair of ids.

    Parameters
    ----------
    anonymous, user : pyarrow.StringArray (n,)
        Without nulls.
    ts : int64 array (n,), optional
        Microseconds since 1970 UTC; the least value stands for none.
    source : str

    Examples
    --------
    >>> ids = pa.array(["a", "a"]), pa.array(["u", "u"])
    >>> noted(*ids, np.array([5, 3]), EVENTS).select(["anonymous_id", "user_id", "n"]).to_pylist()
    [{'anonymous_id': 'a', 'user_id': 'u', 'n': 2}]
    """
    n = len(anonymous)
    times = np.full(n, _NEVER) if ts is None else ts
    return _grouped(anonymous, user, times, times, np.ones(n, np.int64), pa.repeat(pa.scalar(source), n))


def merge_links(old: pa.Table, new: pa.Table) -> pa.Table:
    """Merge two tables of links: the order, and how links were spread over tables, make no difference.

    Parameters
    ----------
    old, new : pyarrow.Table
        Of ``link_schema()``.

    Returns
    -------
    pyarrow.Table
        One row for each anonymous id, user and source.
    """
    if not len(new):
        return old
    both = pa.concat_tables([old, new]).combine_chunks()
    first, last = (_micros(both[name]) for name in (Columns.first, Columns.last))
    anonymous, user, source = (_single(both[n]) for n in (Columns.anonymous_id, Columns.user_id, Columns.source))
    return _grouped(anonymous, user, first, last, both[Columns.n].to_numpy(), source)


def _grouped(anonymous: pa.Array, user: pa.Array, first: Array, last: Array, n: Array, source: pa.Array) -> pa.Table:
    """Put the rows of one link together; ``first`` without a time is the least, ``last`` without one never counts."""
    key = combine(hash_strings(anonymous), hash_strings(user), hash_strings(source))
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(key) else np.zeros(0, np.int64)
    chosen = pa.array(order[starts])
    columns = [
        anonymous.take(chosen),
        user.take(chosen),
        _times(np.minimum.reduceat(first[order], starts) if len(key) else first),
        _times(np.maximum.reduceat(last[order], starts) if len(key) else last),
        pa.array(np.add.reduceat(n[order], starts) if len(key) else n, pa.int64()),
        source.take(chosen),
    ]
    return pa.Table.from_arrays(columns, schema=link_schema())


def _single(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) and whole.num_chunks else whole


def _micros(column: pa.ChunkedArray) -> Array:
    micros: Array = column.cast(pa.int64()).fill_null(int(_NEVER)).to_numpy()
    return micros


def _times(micros: Array) -> pa.Array:
    return pa.array(micros, pa.int64(), mask=micros == _NEVER).cast(_TIME)


def without(links: pa.Table, gone: Callable[[pa.ChunkedArray], Array]) -> pa.Table:
    """Take forgotten ids out of a table of links.

    A link whose anonymous id stays keeps its place without its user: the id was also another person's, who must not
    be taken for its only user from then on.

    Parameters
    ----------
    links : pyarrow.Table
    gone : callable
        Marks the forgotten ones among ids (n,).
    """
    if not len(links):
        return links
    kept = links.filter(pa.array(~gone(links[Columns.anonymous_id])))
    lost = gone(kept[Columns.user_id])
    if not lost.any():
        return kept
    erased = kept.filter(pa.array(lost))
    unnamed = pa.Table.from_arrays(
        [
            erased[Columns.anonymous_id],
            pa.nulls(len(erased), pa.string()),
            erased[Columns.first],
            pa.nulls(len(erased), _TIME),
            pa.array(np.ones(len(erased), np.int64)),
            pa.repeat(pa.scalar(ERASED_USER), len(erased)),
        ],
        schema=link_schema(),
    )
    return merge_links(merge_links(no_links(), unnamed), kept.filter(pa.array(~lost)))
