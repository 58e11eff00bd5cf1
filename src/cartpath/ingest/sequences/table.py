"""Tables of events: a row has a user or a session, an item and, if there is one, a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.ingest.chunk import Bad, Reason
from cartpath.ingest.mapping.event_names import meaning
from cartpath.ingest.readers import csv_reader, flat
from cartpath.ingest.sequences.columns import columns_among, needed
from cartpath.ingest.sequences.result import Sequences, events_of, told_of
from cartpath.ingest.sources import sniff_format
from cartpath.ingest.text import as_text, single
from cartpath.ingest.times import Clock, as_times
from cartpath.schema import CartpathError, Columns, microseconds_of

Mask = npt.NDArray[np.bool_]
#: Numbers that would all be times before this are places in an order.
_EARLIEST = microseconds_of("1980-01-01")
_MISSING_ITEM = "missing_item"


def delimiter_of(header: str) -> str | None:
    """Return what separates the columns of a header with a user and an item, None if it is no such header.

    Examples
    --------
    >>> delimiter_of("user_id,item_id,rating"), delimiter_of("uid item time"), delimiter_of("1 20 30")
    (',', ' ', None)
    """
    for delimiter in (csv_reader.sniff(header), " "):
        chosen = columns_among([name.strip(' "\r\n') for name in header.strip().split(delimiter)])
        if Columns.user_id in chosen and Columns.item_id in chosen:
            return delimiter
    return None


def read(path: Path, delimiter: str = "") -> Sequences:
    """Read a table; rows without a user, an item or a time that can be read are left out and counted."""
    chosen = needed(path, flat.columns_of(path, delimiter))
    chunks = list(flat.chunks(path, list(dict.fromkeys(chosen.values())), delimiter, user=chosen[Columns.user_id]))
    tables = [chunk.table for chunk in chunks if len(chunk.table)]
    bad = [b for chunk in chunks for b in chunk.bad]
    if not tables:
        raise CartpathError(f"{path} has a header and no rows", "; ".join(told_of(bad)) or "name a file with events")
    rows = pa.concat_tables(tables, promote_options="permissive")
    numbers = np.concatenate([chunk.rows for chunk in chunks if len(chunk.table)])
    columns = {name: single(rows[source]) for name, source in chosen.items()}
    return _sequences(columns, numbers, bad, "row" if sniff_format(path) == "parquet" else "line", chosen)


def _sequences(
    columns: dict[str, pa.Array], numbers: npt.NDArray[np.int64], bad: list[Bad], unit: str, chosen: dict[str, str]
) -> Sequences:
    texts = {name: _text(values, name) for name, values in columns.items() if name != Columns.ts}
    good = np.ones(len(numbers), np.bool_)
    for name, reason in ((Columns.user_id, Reason.missing_user), (Columns.item_id, _MISSING_ITEM)):
        if name == Columns.user_id or Columns.event not in texts:
            good &= _counted(_valid(texts[name]), good, reason, numbers, bad)
    ts, timed, told = None, False, []
    if Columns.ts in columns:
        times, read_ = as_times(columns[Columns.ts], Clock())
        good &= _counted(read_, good, Reason.unreadable_time, numbers, bad)
        ts, timed = times[good], bool(good.any() and times[good].max() >= _EARLIEST)
        if not timed:
            told.append(f"the numbers of {chosen[Columns.ts]!r} are too small for times; they are taken for an order")
    events = _events({name: values.filter(pa.array(good)) for name, values in texts.items()}, ts, timed)
    words = ", ".join(f"{name} from {source!r}" for name, source in chosen.items())
    return Sequences(events, timed, f"a table: {words}", told=[*told_of(bad, unit), *told])


def _events(texts: dict[str, pa.Array], ts: npt.NDArray[np.int64] | None, timed: bool) -> pa.Table:
    users, items = texts[Columns.user_id], texts[Columns.item_id]
    if ts is not None and not timed:  # an order: rows are brought into it, and then a second apart
        order = pa.array(np.argsort(ts, kind="stable"))
        texts = {name: values.take(order) for name, values in texts.items()}
        users, items, ts = texts[Columns.user_id], texts[Columns.item_id], None
    events = events_of(users, items, ts)
    if Columns.event in texts:
        place = events.column_names.index(Columns.event)
        events = events.set_column(place, Columns.event, _named(texts[Columns.event]))
    if Columns.session_id in texts:
        events = events.append_column(Columns.session_id, texts[Columns.session_id])
    return events


def _text(values: pa.Array, name: str) -> pa.Array:
    return as_text(values, is_id=name != Columns.event).cast(pa.string())


def _named(values: pa.Array) -> pa.Array:
    """Give events their canonical names where they have one; an event without a name is a view."""
    words = values.fill_null("view").dictionary_encode()
    names = pa.array([meaning(word) or word for word in words.dictionary.to_pylist()], pa.string())
    return names.take(words.indices)


def _valid(values: pa.Array) -> Mask:
    out: Mask = values.is_valid().to_numpy(zero_copy_only=False)
    return out


def _counted(fine: Mask, good: Mask, reason: str, numbers: npt.NDArray[Any], bad: list[Bad]) -> Mask:
    bad += [Bad(int(row), reason, "") for row in numbers[good & ~fine]]
    return fine
