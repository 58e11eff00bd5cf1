"""A property's codes in path order, bucket by bucket, as readers see the paths: as ingested, cleaned or stitched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cartpath.config import IdentitySettings
from cartpath.schema import CartpathError, Columns, CorruptStoreError
from cartpath.store import kernels
from cartpath.store.files import load_arrays, load_run, save_arrays
from cartpath.store.hashing import hash_strings
from cartpath.store.manifest import generation_lock, props_of_part
from cartpath.store.mapping import Mapper
from cartpath.store.owners import Owners, resolve
from cartpath.store.prepare import ROW_HASH, USER_KEY
from cartpath.store.prop_parts import Labels, PropPart
from cartpath.store.run import Run, merge, order_rows
from cartpath.store.snapshot import Snapshot

Codes = npt.NDArray[np.int32]
#: Codes in path order, and numbers where the property is one.
Laid = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Keeping:
    """Where a property's files lie, and the rule that none outlives the generation that it is of.

    Attributes
    ----------
    store : Path
    folder : Path
        The property's.
    generation : int
    """

    store: Path
    folder: Path
    generation: int

    @property
    def own(self) -> Path:
        """The folder of what is of this generation."""
        return self.folder / f"{self.generation:08d}"

    def of_part(self, part: str) -> Path:
        """Return where a part's values lie."""
        return self.folder / "parts" / props_of_part(part)

    def write(self, path: Path, how: Callable[[Path], None]) -> None:
        """Write a file, unless the generation has gone meanwhile, as it does when a person is erased from it."""
        with generation_lock(self.store.parent, self.generation) as born:
            if born is None:
                raise CartpathError(f"generation {self.generation} of {self.store.parent} is gone", "open it again")
            how(path)


@dataclass(frozen=True)
class ReadPart:
    """Reads a property in a part of the event store, unless that was done before; can be pickled."""

    keeping: Keeping
    name: str

    def __call__(self, part: str) -> None:
        """Write the part's values."""
        path = self.keeping.of_part(part)
        if not path.exists():
            self.keeping.write(path, PropPart.of(self.keeping.store / part, self.name).save)


@dataclass(frozen=True)
class RawProps:
    """A property's codes in the order of the raw runs.

    Attributes
    ----------
    keeping : Keeping
    entries : list of dict
        The manifest's, by bucket.
    labels : Labels
    is_number : bool
    gap_seconds : int
    """

    keeping: Keeping
    entries: list[dict[str, Any]]
    labels: Labels
    is_number: bool
    gap_seconds: int

    def of(self, bucket: int) -> Laid:
        """Return a bucket's codes, by those of its parts."""
        names = self.entries[bucket]["parts"]
        laid = [self._of_part(PropPart.load(self.keeping.of_part(name))) for name in names]
        joined = {name: np.concatenate([one[name] for one in laid]) for name in laid[0]}
        order = path_order([self.keeping.store / name for name in names])
        return {name: kernels.take(values, order) for name, values in joined.items()}

    def _of_part(self, part: PropPart) -> Laid:
        to = np.append(self.labels.codes_of(part.hashes), np.int32(-1))
        laid: Laid = {"codes": to[part.codes]}
        if self.is_number:
            laid["numbers"] = np.append(part.values.cast(pa.float64()).to_numpy(), np.nan)[part.codes]
        return laid

    def run(self, bucket: int) -> Run:
        """Return a bucket's raw run."""
        names = [self.entries[bucket][kind] for kind in ("base", "delta")]
        runs = [load_run(self.keeping.store / name) for name in names if name]
        return runs[0] if len(runs) == 1 else merge(runs[0], runs[1], self.gap_seconds)

    def save(self, path: Path, laid: Laid, events: int) -> None:
        """Write codes, as many as there are events."""
        if len(laid["codes"]) != events:
            raise CorruptStoreError(f"{path.stem}: event store and path table differ", "see: cartpath rebucket")
        arrays = {name: pa.array(values) for name, values in laid.items()}
        self.keeping.write(path, lambda to: save_arrays(to, arrays, durable=False))


def path_order(parts: list[Path]) -> npt.NDArray[np.int64]:
    """Return the rows of parts, one after the other, in path order: that of the run that was built of them.

    One part alone may be several that were joined, one after the other.
    """
    names = [Columns.user_id, Columns.ts]
    read = [pq.ParquetFile(part, read_dictionary=names[:1]).read(names) for part in parts]
    ts = np.concatenate([one[Columns.ts].combine_chunks().cast(pa.int64()).to_numpy() for one in read])
    keys = np.concatenate([hash_strings(one[Columns.user_id]) for one in read])
    order, _, _ = order_rows(pa.table({Columns.ts: ts, USER_KEY: keys}))
    return order


@dataclass(frozen=True)
class LayDown:
    """Writes a bucket's codes where readers see the raw paths; can be pickled."""

    raw: RawProps

    def __call__(self, bucket: int) -> None:
        """Write a bucket."""
        entry, keeping = self.raw.entries[bucket], self.raw.keeping
        names = [entry[kind] for kind in ("base", "delta") if entry[kind]]
        events = sum(len(load_run(keeping.store / name)) for name in names)
        self.raw.save(keeping.own / f"{bucket:04d}.arrow", self.raw.of(bucket), events)


def owners_of(snapshot: Snapshot) -> Owners:
    """Return who owns which anonymous id in the paths that readers see."""
    record = {} if snapshot.derivation is None else snapshot.derivation["record"]
    if not record.get("identity"):
        return Owners.none()
    return resolve(snapshot.links, IdentitySettings(**record["settings"]["identity"])).owners


def lay_down_derived(raw: RawProps, owners: Owners, mapper: Mapper) -> None:
    """Write the codes of derived buckets: those of raw buckets by fingerprint, then as they are looked up there."""
    folder = raw.keeping.own / "raw"
    entries = raw.entries
    try:
        mapper(_ByPrint(raw, owners, folder), [b for b, entry in enumerate(entries) if entry["parts"]])
        mapper(_LookUp(raw, len(owners) > 0, folder), [b for b, entry in enumerate(entries) if entry.get("derived")])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _ByPrint:
    """Writes a raw bucket's codes by the bucket that each event is now in, and by fingerprint; can be pickled."""

    raw: RawProps
    owners: Owners
    folder: Path

    def __call__(self, bucket: int) -> None:
        run, laid, n_buckets = self.raw.run(bucket), self.raw.of(bucket), len(self.raw.entries)
        at = self.owners.find(run.user_key)
        keys = np.where(at >= 0, np.append(self.owners.owner_key, np.uint64(0))[at], run.user_key)
        home = np.repeat(kernels.bucket_of(keys, n_buckets), np.diff(run.offsets))
        prints = run.arrays[ROW_HASH]
        order = np.lexsort((prints, home))
        starts = np.searchsorted(home[order], np.arange(n_buckets + 1))
        arrays = {"prints": prints} | laid
        sorted_ = {name: values[order] for name, values in arrays.items()} | {"starts": starts}
        self.raw.save(self.folder / f"{bucket:04d}.arrow", sorted_, len(run))


@dataclass(frozen=True)
class _LookUp:
    """Writes the codes of a bucket whose path is derived; can be pickled."""

    raw: RawProps
    is_stitched: bool
    folder: Path

    def __call__(self, bucket: int) -> None:
        run = load_run(self.raw.keeping.store / self.raw.entries[bucket]["derived"])
        wanted = run.arrays[ROW_HASH]
        everywhere = list(range(len(self.raw.entries)))
        found = self._from([bucket], wanted, bucket)
        # Where ids were linked anew since, an event may have come from elsewhere: then all are looked through.
        for home in (bucket, None) if self.is_stitched else (None,):
            missing = np.flatnonzero(~found["at"])
            if len(missing):
                for name, values in self._from(everywhere, wanted[missing], home).items():
                    found[name][missing] = values
        if not found.pop("at").all():
            raise CorruptStoreError("events of the path table are not in the event store", "see: cartpath rebucket")
        self.raw.save(self.raw.keeping.own / f"{bucket:04d}.arrow", found, len(run))

    def _from(self, sources: list[int], wanted: npt.NDArray[np.int64], home: int | None) -> Laid:
        """Look fingerprints up in some raw buckets, among the events that are now in one (None: in any)."""
        found: Laid = {"at": np.zeros(len(wanted), np.bool_), "codes": np.full(len(wanted), -1, np.int32)}
        if self.raw.is_number:
            found["numbers"] = np.full(len(wanted), np.nan)
        for source in sources:
            path = self.folder / f"{source:04d}.arrow"
            if not path.exists():
                continue
            stored = {name: values.to_numpy() for name, values in load_arrays(path).items()}
            starts = stored.pop("starts")
            for b in range(len(starts) - 1) if home is None else [home]:
                _look_up(wanted, {n: v[starts[b] : starts[b + 1]] for n, v in stored.items()}, found)
        return found


def _look_up(wanted: npt.NDArray[np.int64], stored: Laid, found: Laid) -> None:
    prints = stored.pop("prints")
    if not len(prints):
        return
    at = np.minimum(np.searchsorted(prints, wanted), len(prints) - 1)
    here = np.flatnonzero(prints[at] == wanted)
    found["at"][here] = True
    for name, values in stored.items():
        found[name][here] = values[at[here]]
