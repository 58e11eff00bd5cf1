"""Parquet files of sessions: a row is a session, ``seq`` its items in order, ``target`` the one that follows."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapters.cotrec import SEQUENCE, TARGET
from cartpath.ingest.readers import parquet_reader
from cartpath.ingest.sequences.result import Sequences, events_of
from cartpath.ingest.text import as_text, single
from cartpath.schema import CartpathError, Columns

VALID, TEST = 1, 2
#: Share of the training sessions, the last of the file, that is held out to choose settings by.
_VALID_SHARE = 0.05
#: Share of longer paths whose beginning must be there to say that beginnings are asked on purpose.
_NEARLY_ALL = 0.9
_LAYOUT = "sessions, items in order"


def read_folder(folder: Path) -> Sequences:
    """Read a folder with one training and one test file, told apart by ``test`` in the name.

    A row of the test file is a question of its own, rows that are the beginning of others included: so the published
    figures are made.

    Raises
    ------
    CartpathError
        If the folder has other files.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix in (".parquet", ".pq"))
    tests = [path for path in files if "test" in path.stem.lower()]
    if len(files) != 2 or len(tests) != 1:
        raise CartpathError(
            f"{folder} is neither a shop nor a folder with a training and a test file of sessions",
            "name a file, a shop, or a folder with two Parquet files, one with 'test' in its name",
        )
    train = next(path for path in files if path not in tests)
    learned, asked = _events(train, "train"), _events(tests[0], "test")
    users = learned.users[len(learned.users) - int(len(learned.users) * _VALID_SHARE) :]
    part = {**dict.fromkeys(users, VALID), **dict.fromkeys(asked.users, TEST)}
    told = [
        f"{len(asked.users):,} sessions of {tests[0].name} are asked; settings are chosen by the last {len(users):,} "
        f"of {train.name}",
        *learned.told,
        *asked.told,
    ]
    every_place = _has_beginnings(asked.table)
    if every_place:
        told.append(
            "the test asks for the beginnings of its sessions too, so session-last chooses settings by every place"
        )
    events = pa.concat_tables([learned.table, asked.table])
    return Sequences(events, False, f"{_LAYOUT}, test apart", part, told, every_place)


def _has_beginnings(events: pa.Table) -> bool:
    """Tell whether nearly every path longer than the shortest is there without its last item too."""
    items = events[Columns.item_id].to_pylist()
    user = events[Columns.user_id].combine_chunks().dictionary_encode().indices.to_numpy()
    bounds = np.flatnonzero(np.diff(user, prepend=-1, append=-1)).tolist()
    paths = [tuple(items[start:end]) for start, end in pairwise(bounds)]
    there, shortest = set(paths), min(map(len, paths), default=0)
    longer = [path for path in paths if len(path) > shortest]
    return sum(path[:-1] in there for path in longer) > _NEARLY_ALL * len(longer) > 0


def read_file(path: Path) -> Sequences:
    """Read one file; nothing says which of its sessions are held out."""
    found = _events(path, path.stem)
    return Sequences(found.table, False, _LAYOUT, told=found.told)


class _Events:
    """Events of one file, its sessions in order, and what was left out."""

    def __init__(self, table: pa.Table, users: list[str], told: list[str]) -> None:
        self.table, self.users, self.told = table, users, told


def _events(path: Path, name: str) -> _Events:
    with parquet_reader.open_parquet(path) as file:
        table = file.read()
    sequence = single(table[SEQUENCE])
    if not (pa.types.is_list(sequence.type) or pa.types.is_large_list(sequence.type)):
        raise CartpathError(f"{path}: the column {SEQUENCE!r} is no list of items", f"it is {sequence.type}")
    sizes = pc.list_value_length(sequence).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    session = np.repeat(np.arange(len(table)), sizes)
    items = as_text(pc.list_flatten(sequence), is_id=True).cast(pa.string())
    if TARGET in table.column_names:
        last = as_text(single(table[TARGET]), is_id=True).cast(pa.string())
        session = np.concatenate([session, np.arange(len(table))])
        order = np.argsort(session, kind="stable")
        session, items = session[order], pa.concat_arrays([items, last]).take(pa.array(order))
    there = items.is_valid().to_numpy(zero_copy_only=False)
    ids = pa.array([f"{name}:{row}" for row in range(1, len(table) + 1)])
    session = session[there]
    known = np.unique(session)
    told = [f"{path.name}: {len(table) - len(known):,} rows have no items"] if len(known) < len(table) else []
    if not there.all():
        told.append(f"{path.name}: {int((~there).sum()):,} items are empty and left out")
    return _Events(
        events_of(ids.take(pa.array(session)), items.filter(pa.array(there))),
        ids.take(pa.array(known)).to_pylist(),
        told,
    )
