"""Reading the log: a row for each item shown, with what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.recommend.slates import feedback, record
from cartpath.schema import Columns
from cartpath.store.lines import read_rows, segments, whole_lines

#: The canonical feedback.
SCHEMA = pa.schema(
    {
        "request_id": pa.string(),
        Columns.user_id: pa.string(),
        "ts": pa.timestamp("us", tz="UTC"),
        "item_id": pa.string(),
        "rank": pa.int32(),
        "propensity": pa.float64(),
        "policy": pa.string(),
        "clicked": pa.bool_(),
        "purchased": pa.bool_(),
    }
)
#: Between request and item: a control character that no id has.
_BETWEEN = "\x1f"


def read_feedback(workspace: Path | str) -> pa.Table:
    """Return every item that was shown, and whether it was clicked and purchased.

    Parameters
    ----------
    workspace : Path

    Returns
    -------
    pyarrow.Table
        ``request_id``, ``user_id``, ``ts`` (when it was shown), ``item_id``, ``rank`` (from 1), ``propensity``,
        ``policy``, ``clicked``, ``purchased``; in the order of the log. Empty where nothing was shown yet.
    """
    return pa.concat_tables([SCHEMA.empty_table(), *feedback_tables(workspace)])


def feedback_tables(workspace: Path | str) -> Iterator[pa.Table]:
    """Yield what ``read_feedback`` returns, a segment of the log at a time."""
    given = read_given(workspace)
    for slates in slate_tables(workspace):
        yield joined(slates, given)


def slate_tables(workspace: Path | str) -> Iterator[pa.Table]:
    """Yield the slates of each segment, one row each (``record.SCHEMA``)."""
    for path in segments(workspace, record.SLATES):
        table = read_rows(whole_lines(path), record.SCHEMA)
        if len(table):
            yield table


@dataclass
class Given:
    """All feedback of a workspace, each piece once.

    Attributes
    ----------
    lines : int
        Pieces as they came, repeats included.
    of : dict of str to pyarrow.StringArray
        By kind, request and item of each distinct piece.
    requests : dict of str to pyarrow.StringArray
        By kind, the request of each.
    """

    lines: int
    of: dict[str, pa.Array] = field(default_factory=dict)
    requests: dict[str, pa.Array] = field(default_factory=dict)


def read_given(workspace: Path | str) -> Given:
    """Read all feedback of a workspace."""
    tables = [read_rows(whole_lines(path), feedback.SCHEMA) for path in segments(workspace, feedback.GIVEN)]
    table = pa.concat_tables([feedback.SCHEMA.empty_table(), *tables]).combine_chunks()
    found = Given(len(table))
    for kind in feedback.KINDS:
        rows = table.filter(pc.equal(table["kind"], kind))
        keys = pair(rows["request_id"], rows["item_id"])
        _, first = np.unique(keys.dictionary_encode().indices.to_numpy(), return_index=True)
        found.of[kind] = keys.take(pa.array(first))
        found.requests[kind] = _whole(rows["request_id"]).take(pa.array(first))
    return found


def joined(slates: pa.Table, given: Given) -> pa.Table:
    """Return a row for each item of some slates, with what came of it."""
    items, propensities = _whole(slates["items"]), _whole(slates["propensities"])
    slate = pc.list_parent_indices(items)
    columns = {name: slates[name].take(slate) for name in ("request_id", Columns.user_id, "ts", "policy")}
    item = pc.list_flatten(items)
    keys = pair(columns["request_id"], item)
    found = {
        **columns,
        "ts": columns["ts"].cast(SCHEMA.field("ts").type),
        "item_id": item,
        "rank": pa.array(_ranks(slate.to_numpy()), pa.int32()),
        "propensity": pc.list_flatten(propensities),
        "clicked": pc.is_in(keys, given.of["click"]),
        "purchased": pc.is_in(keys, given.of["purchase"]),
    }
    return pa.table({name: found[name] for name in SCHEMA.names}, schema=SCHEMA)


def pair(requests: pa.ChunkedArray, items: pa.ChunkedArray) -> pa.Array:
    """Return request and item as one text each (n,)."""
    return pc.binary_join_element_wise(_whole(requests), _whole(items), _BETWEEN)


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def _ranks(slate: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return each row's place in its slate, from 1; rows of a slate are neighbours."""
    first = np.flatnonzero(np.diff(slate, prepend=-1))
    sizes = np.diff(np.append(first, len(slate)))
    return (np.arange(len(slate)) - np.repeat(first, sizes) + 1).astype(np.int32)
