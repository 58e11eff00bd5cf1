"""What a file of next-item research holds, whatever its layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.ingest.chunk import Bad
from cartpath.schema import MICROSECONDS, Columns, Event, microseconds_of

#: Where the order is all that is known, a user's n-th event is n seconds into it.
START = microseconds_of("2000-01-01")


@dataclass(frozen=True)
class Sequences:
    """Events of a file.

    Attributes
    ----------
    events : pyarrow.Table
        Canonical: ``user_id``, ``ts``, ``event``, ``item_id``, and ``session_id`` where the file has sessions of users.
    timed : bool
        Whether ``ts`` are times; else they are places, a second apart.
    layout : str
        What the file was taken for, in words.
    part : mapping of user to int, optional
        1 for users held out for validation, 2 for test, where the file says so.
    told : list of str
        What was left out, and other things to know.
    every_place : bool
        Whether the test asks at every place of its sessions: their beginnings are rows of their own.
    """

    events: pa.Table
    timed: bool
    layout: str
    part: Mapping[str, int] | None = None
    told: list[str] = field(default_factory=list)
    every_place: bool = False


def events_of(users: pa.Array, items: pa.Array, ts: npt.NDArray[np.int64] | None = None) -> pa.Table:
    """Make canonical events of columns; without times a user's rows are a second apart.

    Examples
    --------
    >>> events_of(pa.array(["u", "v", "u"]), pa.array(["a", "b", "c"]))["ts"].to_pylist()[2].isoformat()
    '2000-01-01T00:00:01+00:00'
    """
    moments = START + places_of(users) * MICROSECONDS if ts is None else ts
    return pa.table(
        {
            Columns.user_id: users,
            Columns.ts: pa.array(moments, pa.timestamp("us", tz="UTC")),
            Columns.event: pa.array([Event.view]).take(pa.array(np.zeros(len(users), np.int64))),
            Columns.item_id: items,
        }
    )


def places_of(users: pa.Array) -> npt.NDArray[np.int64]:
    """Return which row of its user each row is, from 0 (n,).

    Examples
    --------
    >>> places_of(pa.array(["u", "v", "u"])).tolist()
    [0, 0, 1]
    """
    codes = users.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(codes.max(initial=-1) + 1))
    places = np.empty(len(codes), np.int64)
    places[order] = np.arange(len(codes)) - starts[codes[order]]
    return places


def told_of(bad: list[Bad], unit: str = "line") -> list[str]:
    """Say how many rows were left out, by reason, and where the first of each is."""
    counts = Counter(b.reason for b in bad)
    first = {reason: min(b.row for b in bad if b.reason == reason) for reason in counts}
    return [
        f"{n:,} {'rows' if n > 1 else 'row'} left out: {reason.replace('_', ' ')} (first in {unit} {first[reason]})"
        for reason, n in counts.items()
    ]
