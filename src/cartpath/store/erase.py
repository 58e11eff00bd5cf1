"""Erasing a person from every file of the store, and from the artefacts registered with it."""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath import config
from cartpath.config import IdentitySettings
from cartpath.schema import Columns
from cartpath.store import kernels
from cartpath.store import manifest as manifests
from cartpath.store.codes import CODED
from cartpath.store.drop_rows import drop_rows
from cartpath.store.erasure import Forgotten
from cartpath.store.files import load_arrays, load_run, save_arrays, save_run, write_table
from cartpath.store.hashing import hash_strings
from cartpath.store.lines import FEEDBACK, drop_lines
from cartpath.store.links import LINKS, without
from cartpath.store.live_lines import blank_lines, live_segments
from cartpath.store.mapped import let_go
from cartpath.store.owners import resolve
from cartpath.store.parts import distinct_texts, read_part, save_part
from cartpath.store.person import person_of
from cartpath.store.prepare import ROW_HASH
from cartpath.store.run import Run, merge, rebuild_run, rows_of, select
from cartpath.store.snapshot import Snapshot, stats_of

#: The workspace's folder of results.
REPORTS = "reports"
#: Where a recommender keeps counts of who touched what, sessions of users among them; it makes them again.
COUNTS = "models/recommender-parts"
#: A bucket's runs, by the ids that events had.
RAW_RUNS = ("base", "delta")


@dataclass
class Erased:
    """What an erasure removed.

    Attributes
    ----------
    user_hash : str
        Salted hash of the id asked for, kept so that ingest refuses it from now on.
    id_hashes : list of str
        Salted hashes of all the person's ids, that one first: anonymous ids linked with the user alone go too.
    is_anonymous : bool
        Whether the id asked for is an anonymous one that is merged with a user: the whole person was removed.
    events, sessions : int
        Removed from the path table.
    attribute_rows : int
        Rows removed from the user attributes.
    links : int
        Links between ids that named the person.
    values : dict of str to int
        Texts (pages, queries, …) that nobody else had, by dictionary; replaced by ``(erased)``.
    artefacts : dict of str to int
        Registered files, with the rows removed from them; a cache that was deleted counts -1.
    generation : int
        The generation without the user.
    """

    user_hash: str
    id_hashes: list[str] = field(default_factory=list)
    is_anonymous: bool = False
    events: int = 0
    sessions: int = 0
    attribute_rows: int = 0
    links: int = 0
    values: dict[str, int] = field(default_factory=dict)
    artefacts: dict[str, int] = field(default_factory=dict)
    generation: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def erase(workspace: Path | str, user_id: str) -> Erased:
    """Remove a person from the store; every step may be repeated, so an interrupted erasure is run again.

    Parameters
    ----------
    workspace : Path
    user_id : str
        Of a user, or an anonymous id: that of a user (``person.person_of``) stands for the whole person.

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
        forgotten = Forgotten.load(path)
        forgotten.add(user_id)  # refused from now on, whatever happens next
        with Snapshot(path) as snapshot:
            person = person_of(snapshot.links, user_id, config.load(path).identity)
            hashes = forgotten.add(*person.ids)
            result = Erased(hashes[0], hashes, person.owner is not None)
            _Erasure(snapshot, person.ids, result).run()
        manifests.collect(path, everything=True)
        let_go(path / manifests.STORE)
    return result


def _without_items(fitted: Any, items: set[int]) -> Any:
    """Leave items out of what cleaning was fitted with, wherever a table of it lists them.

    A table is a mapping in which ``items`` lists codes and every other list of that length goes with it, or the pair
    of lists ``centre``.

    Examples
    --------
    >>> _without_items({"price": {"items": [3, 5], "of_items": [[1.0], [7.0]], "centre": [[5, 6], [0.1, 0.2]]}}, {5})
    {'price': {'items': [3], 'of_items': [[1.0]], 'centre': [[6], [0.2]]}}
    """
    if not isinstance(fitted, dict):
        return fitted
    out = {name: _without_items(value, items) for name, value in fitted.items()}
    listed = fitted.get("items")
    if isinstance(listed, list):
        keep = [at for at, code in enumerate(listed) if code not in items]
        for name in ("items", "of_items"):
            out[name] = [fitted[name][at] for at in keep]
    if isinstance(fitted.get("centre"), list):
        codes, values = fitted["centre"]
        keep = [at for at, code in enumerate(codes) if code not in items]
        out["centre"] = [[codes[at] for at in keep], [values[at] for at in keep]]
    return out


class _Erasure:
    def __init__(self, snapshot: Snapshot, ids: list[str], result: Erased) -> None:
        self.snapshot = snapshot
        self.ids = pa.array(ids, pa.string())
        self.keys = np.sort(hash_strings(self.ids))
        self.manifest = snapshot.manifest.next()
        self.store = snapshot.workspace / manifests.STORE
        self.result = result
        #: Fingerprints of the raw events that go.
        self.prints = np.zeros(0, np.int64)

    def run(self) -> None:
        n_buckets = self.snapshot.n_buckets
        for bucket in np.unique(kernels.bucket_of(self.keys, n_buckets)).tolist():
            self._bucket(bucket, self.manifest.data["buckets"][bucket])
        for bucket in np.unique(kernels.bucket_of(self._seen_under(), n_buckets)).tolist():
            self._derived(bucket, self.manifest.data["buckets"][bucket])
        self._codes()
        self._tables()
        self._artefacts()
        self.result.generation = self.manifest.generation
        manifests.swap(self.snapshot.workspace, self.manifest)

    def _bucket(self, bucket: int, entry: dict[str, Any]) -> None:
        run = self.snapshot.raw_run(bucket)
        own = rows_of(run, self.keys)
        if len(own):
            self.result.events += int((run.offsets[own + 1] - run.offsets[own]).sum())
            self.result.sessions += int(np.isin(run.sessions.user, own).sum())
            rows = [np.arange(run.offsets[u], run.offsets[u + 1]) for u in own]
            self.prints = np.concatenate([self.prints, *(run.arrays[ROW_HASH][at] for at in rows)])
            self._raw(bucket, entry)
            self._parts(entry)

    def _seen_under(self) -> npt.NDArray[np.uint64]:
        """Return the keys of the person's ids, and of those whom the paths that readers see have them under.

        Paths may have been stitched with fewer links than there are now (``until``), so these may be somebody else.
        """
        found = self.snapshot.derivation
        if found is None:
            return self.keys
        owners = resolve(self.snapshot.links, IdentitySettings(**found["record"]["settings"]["identity"])).owners
        rows = owners.find(self.keys)
        return np.concatenate([self.keys, owners.owner_key[rows[rows >= 0]]])

    def _derived(self, bucket: int, entry: dict[str, Any]) -> None:
        """Filter the path that readers see and what cleaning took out, by user and by event."""
        generation = f"{self.manifest.generation:08d}"
        if entry.get("derived"):
            run = load_run(self.store / entry["derived"])
            mine = np.isin(run.arrays[ROW_HASH], self.prints)
            for row in rows_of(run, self.keys):
                mine[run.offsets[row] : run.offsets[row + 1]] = True
            if mine.any():
                left = rebuild_run(run, np.flatnonzero(~mine), self.snapshot.gap_seconds)
                entry["derived"] = f"derived/{bucket:04d}/{generation}-e.arrow" if len(left) else None
                entry["derived_stats"] = stats_of(left)
                if len(left):
                    save_run(self.store / entry["derived"], left)
        if entry.get("removed"):
            self._removed(bucket, entry, f"removed/{bucket:04d}/{generation}-e.parquet")

    def _raw(self, bucket: int, entry: dict[str, Any]) -> None:
        gap = self.snapshot.gap_seconds
        left = [run for run in (self._filtered(bucket, entry, kind) for kind in RAW_RUNS) if run is not None]
        if entry["base"] is None:
            entry["base"], entry["delta"] = entry["delta"], None
        whole = merge(left[0], left[1], gap) if len(left) == 2 else (left[0] if left else None)
        entry["stats"] = stats_of(whole) if whole is not None else {}

    def _filtered(self, bucket: int, entry: dict[str, Any], kind: str) -> Run | None:
        """Write one of a bucket's runs without the person; return it, None if nobody is left."""
        if not entry.get(kind):
            return None
        run = load_run(self.store / entry[kind])
        entry[kind] = None
        others = np.setdiff1d(np.arange(len(run.user_key)), rows_of(run, self.keys))
        if not len(others):
            return None
        left = select(run, others, self.snapshot.gap_seconds)
        entry[kind] = f"paths/{bucket:04d}/{self.manifest.generation:08d}-{kind}.arrow"
        save_run(self.store / entry[kind], left)
        return left

    def _removed(self, bucket: int, entry: dict[str, Any], name: str) -> None:
        """Filter the list of what cleaning took out; what it counted stays until paths are derived anew."""
        table = self.snapshot.removed(bucket)
        others = self._others(table)
        if ROW_HASH in others.column_names:
            others = others.filter(pc.invert(pc.is_in(others[ROW_HASH], pa.array(self.prints))))
        if len(others) < len(table):
            entry["removed"] = name if len(others) else None
            if len(others):
                write_table(self.store / name, others)

    def _parts(self, entry: dict[str, Any]) -> None:
        kept = []
        for name in entry["parts"]:
            table = read_part(self.store / name)
            others = self._others(table)
            if len(others) == len(table):
                kept.append(name)
            elif len(others):
                new = re.sub(r"(-e\d+)?\.parquet$", f"-e{self.manifest.generation:08d}.parquet", name)
                save_part(self.store / new, others)
                kept.append(new)
        entry["parts"] = kept

    def _codes(self) -> None:
        """Blank every text that no event left has, also those of rows that were dropped as duplicates."""
        unused = self._unused()
        self._items_seen(unused["item"])
        self._fitted(unused["item"])
        # What the catalogue has is not personal.
        catalogue, texts = set(self.snapshot.items[Columns.item_id].to_pylist()), self.snapshot.codes("item")
        unused["item"] = np.array([c for c in unused["item"] if texts[c] not in catalogue], np.int64)
        for name, codes in unused.items():
            if len(codes):
                self._blank(name, codes)
                self.result.values[name] = len(codes)

    def _fitted(self, items: npt.NDArray[np.int64]) -> None:
        """Drop what was fitted on items that nobody else had: it is made of the person's own values."""
        found = self.manifest.data.get("derivation")
        if found is not None and found["record"].get("plan"):
            found["record"]["plan"] = _without_items(found["record"]["plan"], set(items.tolist()))

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
        others = self._others(users)
        self.result.attribute_rows = len(users) - len(others)
        if self.result.attribute_rows:
            self._write("users", others)
        once = self.snapshot.table("once", pa.table({"user_key": pa.array([], pa.uint64())}))
        left = once.filter(pc.invert(pc.is_in(once["user_key"], pa.array(self.keys))))
        if len(left) < len(once):
            self._write("once", left)
        self._links()

    def _links(self) -> None:
        links = self.snapshot.links
        named = pc.or_(*(pc.is_in(links[name], self.ids) for name in (Columns.anonymous_id, Columns.user_id)))
        self.result.links = int(pc.sum(named).as_py() or 0)
        if self.result.links:
            self._write(LINKS, without(links, lambda ids: pc.is_in(ids, self.ids).to_numpy()))

    def _others(self, table: pa.Table) -> pa.Table:
        return table.filter(pc.invert(pc.is_in(table[Columns.user_id], self.ids)))

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
                self.result.artefacts[artefact["path"]] = drop_rows(path, artefact["user_column"], self.ids)
        self.manifest.data["artefacts"] = kept
        self._unregistered({artefact["path"] for artefact in kept})
        self._live()
        self._feedback()
        self._reports()
        if (self.snapshot.workspace / COUNTS).exists():
            shutil.rmtree(self.snapshot.workspace / COUNTS)
            self.result.artefacts[COUNTS] = -1
        for folder in (manifests.ANSWERS, manifests.PROPS):
            if (self.store / folder).exists():  # collecting deletes them, after the last one can be written
                self.result.artefacts[f"{manifests.STORE}/{folder}"] = -1

    def _live(self) -> None:
        """Live events that the store has not absorbed yet; a service that appends to their log goes on."""
        gone = frozenset(self.ids.to_pylist())
        for path in live_segments(self.snapshot.workspace):
            lines = blank_lines(path, gone)
            if lines:
                self.result.artefacts[str(path.relative_to(self.snapshot.workspace))] = lines

    def _feedback(self) -> None:
        """Slates shown and what came of them: running services append segments that no commit could register."""
        for path in sorted((self.snapshot.workspace / FEEDBACK).glob("*.jsonl")):
            if dropped := drop_lines(path, Columns.user_id, self.ids.to_pylist()):
                self.result.artefacts[f"{FEEDBACK}/{path.name}"] = dropped

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
                self.result.artefacts[name] = drop_rows(path, Columns.user_id, self.ids)
