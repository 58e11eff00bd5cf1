"""Erasing a user from every file of the store, and from the artefacts registered with it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cartpath.schema import Columns, CorruptStoreError
from cartpath.store import kernels
from cartpath.store import manifest as manifests
from cartpath.store.codes import CODED
from cartpath.store.erasure import Forgotten
from cartpath.store.files import load_arrays, load_run, save_arrays, save_run, write_table
from cartpath.store.hashing import hash_strings
from cartpath.store.parts import distinct_texts, read_part, save_part
from cartpath.store.path import PathView
from cartpath.store.run import merge, rows_of, select
from cartpath.store.snapshot import Snapshot, stats_of

#: The column of a quarantine that holds the text of a row, in which an id may stand where no column was read.
RAW = "raw"
#: The workspace's folder of results.
REPORTS = "reports"


@dataclass
class Erased:
    """What an erasure removed.

    Attributes
    ----------
    user_hash : str
        Salted hash, kept so that ingest refuses the user from now on.
    events, sessions : int
        Removed from the path table.
    attribute_rows : int
        Rows removed from the user attributes.
    values : dict of str to int
        Texts (pages, queries, …) that nobody else had, by dictionary; replaced by ``(erased)``.
    artefacts : dict of str to int
        Registered files, with the rows removed from them; a cache that was deleted counts -1.
    generation : int
        The generation without the user.
    """

    user_hash: str
    events: int = 0
    sessions: int = 0
    attribute_rows: int = 0
    values: dict[str, int] = field(default_factory=dict)
    artefacts: dict[str, int] = field(default_factory=dict)
    generation: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def erase(workspace: Path | str, user_id: str) -> Erased:
    """Remove a user from the store; every step may be repeated, so an interrupted erasure is run again.

    Parameters
    ----------
    workspace : Path
    user_id : str

    Returns
    -------
    Erased
        With zero events if the user was not there; ingest refuses the user all the same.

    Raises
    ------
    WorkspaceBusyError
        If another process is writing.
    """
    path = Path(workspace)
    with manifests.writer_lock(path):
        manifests.collect(path)
        result = Erased(Forgotten.load(path).add(user_id))
        with Snapshot(path) as snapshot:
            _Erasure(snapshot, user_id, result).run()
        manifests.collect(path, everything=True)
    return result


class _Erasure:
    def __init__(self, snapshot: Snapshot, user_id: str, result: Erased) -> None:
        self.snapshot = snapshot
        self.user_id = user_id
        self.key = hash_strings(pa.array([user_id]))
        self.bucket = int(kernels.bucket_of(self.key, snapshot.n_buckets)[0])
        self.manifest = snapshot.manifest.next()
        self.store = snapshot.workspace / manifests.STORE
        self.result = result

    def run(self) -> None:
        entry = self.manifest.data["buckets"][self.bucket]
        own = self._own_path()
        if own is not None:
            self.result.events, self.result.sessions = own.n_events, len(own.sessions)
            self._runs(entry)
            self._parts(entry)
        self._codes()
        self._tables()
        self._artefacts()
        self.result.generation = self.manifest.generation
        manifests.swap(self.snapshot.workspace, self.manifest)

    def _own_path(self) -> PathView | None:
        run = self.snapshot.run(self.bucket)
        rows = rows_of(run, self.key)
        return run.view().user(int(rows[0])) if len(rows) else None

    def _runs(self, entry: dict[str, Any]) -> None:
        gap, left = self.snapshot.gap_seconds, []
        for kind in ("base", "delta"):
            run = load_run(self.store / entry[kind]) if entry[kind] else None
            entry[kind] = None
            if run is None:
                continue
            others = np.setdiff1d(np.arange(len(run.user_key)), rows_of(run, self.key))
            if len(others):
                left.append(select(run, others, gap))
                entry[kind] = f"paths/{self.bucket:04d}/{self.manifest.generation:08d}-{kind}.arrow"
                save_run(self.store / entry[kind], left[-1])
        if entry["base"] is None:
            entry["base"], entry["delta"] = entry["delta"], None
        whole = merge(left[0], left[1], gap) if len(left) == 2 else (left[0] if left else None)
        entry["stats"] = stats_of(whole) if whole is not None else {}

    def _parts(self, entry: dict[str, Any]) -> None:
        kept = []
        for name in entry["parts"]:
            table = read_part(self.store / name)
            others = table.filter(pc.not_equal(table[Columns.user_id], self.user_id))
            if len(others) == len(table):
                kept.append(name)
            elif len(others):
                new = re.sub(r"(-e\d+)?\.parquet$", f"-e{self.manifest.generation}.parquet", name)
                save_part(self.store / new, others)
                kept.append(new)
        entry["parts"] = kept

    def _codes(self) -> None:
        """Blank every text that no event left has, also those of rows that were dropped as duplicates."""
        unused = self._unused()
        self._items_seen(unused["item"])
        # What the catalogue has is not personal.
        catalogue, texts = set(self.snapshot.items[Columns.item_id].to_pylist()), self.snapshot.codes("item")
        unused["item"] = np.array([c for c in unused["item"] if texts[c] not in catalogue], np.int64)
        for name, codes in unused.items():
            if len(codes):
                self._blank(name, codes)
                self.result.values[name] = len(codes)

    def _unused(self) -> dict[str, npt.NDArray[np.int64]]:
        # Parts, not paths: a session keeps the context of one of its events, but a rebuild may need that of others.
        codes = self.snapshot.load_codes(CODED.values())
        used = {name: codes[name].values().is_null().to_numpy(zero_copy_only=False) for name in CODED.values()}
        used = {name: gone.copy() for name, gone in used.items()}
        for part in (name for entry in self.manifest.data["buckets"] for name in entry["parts"]):
            for column, values in distinct_texts(self.store / part).items():
                used[CODED[column]][codes[CODED[column]].find(values)] = True
        return {name: np.flatnonzero(~seen) for name, seen in used.items()}

    def _blank(self, name: str, codes: npt.NDArray[np.int64]) -> None:
        segments = [load_arrays(self.store / s)["values"] for s in self.manifest.data["codes"][name]]
        values = pa.concat_arrays(segments)
        gone = np.zeros(len(values), np.bool_)
        gone[codes] = True
        file = f"codes/{name}-{self.manifest.generation:08d}.arrow"
        # Taken anew: a null put over a text would leave its bytes in the buffer, and so in the file.
        left = values.take(pa.array(np.arange(len(values)), mask=gone))
        save_arrays(self.store / file, {"values": left})
        self.manifest.data["codes"][name] = [file]

    def _items_seen(self, codes: npt.NDArray[np.int64]) -> None:
        stored = self.snapshot.table("items_seen", pa.table({"seen": pa.array([], pa.bool_())}))["seen"].to_numpy()
        gone = codes[codes < len(stored)]
        if stored[gone].any():
            seen = stored.copy()
            seen[gone] = False
            self._write("items_seen", pa.table({"seen": seen}))

    def _tables(self) -> None:
        users = self.snapshot.users
        others = users.filter(pc.not_equal(users[Columns.user_id], self.user_id))
        self.result.attribute_rows = len(users) - len(others)
        if self.result.attribute_rows:
            self._write("users", others)
        once = self.snapshot.table("once", pa.table({"user_key": pa.array([], pa.uint64())}))
        left = once.filter(pc.not_equal(once["user_key"], pa.scalar(int(self.key[0]), pa.uint64())))
        if len(left) < len(once):
            self._write("once", left)

    def _write(self, name: str, table: pa.Table) -> None:
        file = f"tables/{name}-{self.manifest.generation:08d}.parquet"
        write_table(self.store / file, table)
        self.manifest.data["tables"][name] = file

    def _artefacts(self) -> None:
        kept = []
        for artefact in self.manifest.data["artefacts"]:
            path = self.snapshot.workspace / artefact["path"]
            if artefact["kind"] == "cache":
                if path.exists():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    self.result.artefacts[artefact["path"]] = -1
                continue
            kept.append(artefact)
            if path.exists():
                self.result.artefacts[artefact["path"]] = _filter_rows(path, artefact["user_column"], self.user_id)
        self.manifest.data["artefacts"] = kept
        self._unregistered({artefact["path"] for artefact in kept})
        self._reports()

    def _reports(self) -> None:
        """Results in ``reports/`` count the user, and some name users; they are made again from the store."""
        root = self.snapshot.workspace
        for path in sorted((root / REPORTS).glob("*")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            self.result.artefacts[str(path.relative_to(root))] = -1

    def _unregistered(self, known: set[str]) -> None:
        """Rows that an interrupted ingest quarantined before it could register the file."""
        root = self.snapshot.workspace
        for path in sorted((root / manifests.QUARANTINE).rglob("*.parquet")):
            name = str(path.relative_to(root))
            if name not in known:
                self.result.artefacts[name] = _filter_rows(path, Columns.user_id, self.user_id)


def _filter_rows(path: Path, user_column: str, user_id: str) -> int:
    """Drop a user's rows from a Parquet file; also rows whose raw text has the id standing by itself."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise CorruptStoreError(f"{path} is missing or damaged: {error}", "delete it, then run this again") from error
    mine = pa.array(np.zeros(len(table), np.bool_))
    if user_column in table.column_names:
        mine = pc.fill_null(pc.equal(table[user_column], user_id), False)
    if RAW in table.column_names:
        # A raw row may be CSV or JSON, where quotes and control characters in an id are written in other ways.
        written = {user_id, user_id.replace('"', '""'), json.dumps(user_id)[1:-1], _json(user_id)}
        alone = rf"(^|[^0-9A-Za-z_-])({'|'.join(re.escape(form) for form in sorted(written))})($|[^0-9A-Za-z_-])"
        mine = pc.or_(mine, pc.fill_null(pc.match_substring_regex(table[RAW], alone), False))
    others = table.filter(pc.invert(mine))
    if len(others) < len(table):
        write_table(path, others)
    return len(table) - len(others)


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
