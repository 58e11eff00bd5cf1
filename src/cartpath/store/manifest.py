"""The manifest: which files make up the current generation. Swapping it is what makes a write happen."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from cartpath.config import FILE_NAME, not_a_workspace
from cartpath.schema import CorruptStoreError
from cartpath.store.files import TEMPORARY, exclusive, sync, sync_all, write_text
from cartpath.store.hashing import HASH_VERSION
from cartpath.store.spill import SPILL

FORMAT = 1
#: What of a bucket is one file each: as ingested, and as readers see it where that differs.
_RUNS = ("base", "delta", "derived", "removed")
STORE = "store"
#: Answers that were computed before, within ``store/`` (``answers.py``).
ANSWERS = "answers"
#: Folder within the store of what was read of events' properties; ``store.props`` makes it anew where it is gone.
PROPS = "props"
QUARANTINE = "quarantine"
_NAME = "manifest.json"


class Manifest:
    """A generation of the store, as JSON.

    Attributes
    ----------
    data : dict
        ``generation``, ``n_buckets``, ``gap_seconds``, ``buckets`` (for each: ``base``, ``delta``, ``parts`` and
        counts, and where paths are derived ``derived`` and ``removed``), ``derivation``, ``codes`` (segments of each
        dictionary), ``tables``, ``sources``, ``followed``, ``commits``, ``artefacts``.
        Files are named relative to ``store/``.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @classmethod
    def empty(cls, n_buckets: int, gap_seconds: int) -> Self:
        """Return generation 0."""
        bucket: dict[str, Any] = {"base": None, "delta": None, "parts": [], "stats": {}}
        return cls(
            {
                "format": FORMAT,
                "hash_version": HASH_VERSION,
                "generation": 0,
                "n_buckets": n_buckets,
                "gap_seconds": gap_seconds,
                "buckets": [copy.deepcopy(bucket) for _ in range(n_buckets)],
                "codes": {},
                "tables": {},
                "sources": {},
                "commits": [],
                "artefacts": [],
            }
        )

    @property
    def generation(self) -> int:
        """The generation's number, rising by one a commit."""
        return int(self.data["generation"])

    def next(self) -> Manifest:
        """Return a copy with the next number."""
        data = copy.deepcopy(self.data)
        data["generation"] += 1
        return Manifest(data)

    def files(self) -> set[str]:
        """Return every file the generation is made of."""
        named: set[str] = set()
        for bucket in self.data["buckets"]:
            named.update(bucket["parts"])
            named.update(name for kind in _RUNS if (name := bucket.get(kind)))
        for segments in self.data["codes"].values():
            named.update(segments)
        named.update(self.data["tables"].values())
        return named


def current(workspace: Path) -> Manifest:
    """Read the current generation.

    Raises
    ------
    CartpathError
        If the folder is not a workspace.
    CorruptStoreError
        If the manifest cannot be read or is of another format.
    """
    return _read(workspace, workspace / STORE / _NAME)


def of_generation(workspace: Path, generation: int) -> Manifest:
    """Read the manifest of a generation that is still kept."""
    return _read(workspace, workspace / STORE / "generations" / f"{generation:08d}.json")


def _read(workspace: Path, path: Path) -> Manifest:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if any(int(kept.stem) for kept in (workspace / STORE / "generations").glob("*.json")):
            raise CorruptStoreError(f"{path} is missing", "restore it, or make a new workspace and ingest") from None
        raise not_a_workspace(workspace) from None
    except (ValueError, OSError) as error:
        raise CorruptStoreError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise CorruptStoreError(f"{path} cannot be read: it is no manifest")
    if data.get("format") != FORMAT or data.get("hash_version") != HASH_VERSION:
        raise CorruptStoreError(f"{path} was written by another version of Cartpath", "ingest the sources again")
    return Manifest(data)


def swap(workspace: Path, manifest: Manifest) -> None:
    """Make ``manifest`` the current generation, in one step."""
    store = workspace / STORE
    text = json.dumps(manifest.data)  # unindented: that is ten times faster, and a follower writes every few seconds
    write_text(store / "generations" / f"{manifest.generation:08d}.json", text)
    # A power cut must take neither the bytes nor the names of files that the manifest lists: they go to disk before it.
    new = [store / name for name in manifest.files() if f"{manifest.generation:08d}" in name]
    sync_all(new)
    sync_all({store / "generations", *(path.parent for path in new), *(path.parent.parent for path in new)})
    write_text(store / _NAME, text)
    sync(store)


@contextmanager
def writer_lock(workspace: Path) -> Iterator[None]:
    """Hold the workspace's only writer lock; it goes with the process, however that ends.

    Raises
    ------
    WorkspaceBusyError
        If another process holds it.
    """
    path = workspace / STORE / "writer.lock"
    if not path.parent.is_dir():
        current(workspace)
    busy = f"{workspace} is being written by process {{holder}}"
    with exclusive(path, busy, "wait for it to end, then run this again"):
        yield


@contextmanager
def _pins_lock(workspace: Path, how: int) -> Iterator[None]:
    # Without it a generation could be collected between a reader's look at the manifest and its pin.
    with open(workspace / STORE / "pins.lock", "a", encoding="utf-8") as file:
        fcntl.flock(file, how)
        yield


@contextmanager
def generation_lock(workspace: Path, generation: int) -> Iterator[float | None]:
    """Keep a generation from being collected within a block; yield when it was made, None where it is gone already.

    What is written meanwhile is seen by an erasure, which deletes what was made of generations before it.

    Raises
    ------
    OSError
        If the store cannot be written.
    """
    with _pins_lock(workspace, fcntl.LOCK_SH):
        try:
            born = os.stat(workspace / STORE / "generations" / f"{generation:08d}.json").st_mtime
        except FileNotFoundError:
            born = None
        yield born


class Pin:
    """Keeps a generation's files while a reader uses them; goes with the process, however that ends."""

    def __init__(self, workspace: Path) -> None:
        self._path: Path | None = None
        if not (workspace / STORE).is_dir():
            current(workspace)
        try:
            with _pins_lock(workspace, fcntl.LOCK_SH):
                self.manifest = current(workspace)
                self._take(workspace)
        except OSError as error:
            if isinstance(error, PermissionError) or error.errno == 30:  # a read-only store cannot be collected either
                self.manifest = current(workspace)
            else:
                raise

    def _take(self, workspace: Path) -> None:
        folder = workspace / STORE / "pins"
        folder.mkdir(exist_ok=True)
        self._path = folder / f"{self.manifest.generation:08d}-{os.getpid()}-{os.urandom(4).hex()}"
        self._file = open(self._path, "w", encoding="utf-8")  # noqa: SIM115 - held until release
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def release(self) -> None:
        """Let the generation go."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._path = None


def _live_pins(workspace: Path) -> set[int]:
    """Return the generations that living readers hold; remove the pins of dead ones."""
    live = set()
    for path in (workspace / STORE / "pins").glob("*"):
        try:
            with open(path, encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
        except BlockingIOError:
            live.add(int(path.name.split("-")[0]))
        except FileNotFoundError:
            continue
    return live


def collect(workspace: Path, *, everything: bool = False) -> int:
    """Delete generations that nobody reads, and what an interrupted write left; the caller holds the writer lock.

    Parameters
    ----------
    workspace : Path
    everything : bool
        Delete pinned generations too, and all answers computed of any generation, as an erasure must.

    Returns
    -------
    int
        Number of files deleted.
    """
    store = workspace / STORE
    with _pins_lock(workspace, fcntl.LOCK_EX):
        now = current(workspace)
        pinned = set() if everything else _live_pins(workspace)
        kept, generations = now.files(), {now.generation}
        for path in (store / "generations").glob("*.json"):
            generation = int(path.stem)
            if generation in pinned:
                generations.add(generation)
                kept |= of_generation(workspace, generation).files()
            elif generation != now.generation:
                path.unlink(missing_ok=True)
        gone = [path for path in _data_files(store) if str(path.relative_to(store)) not in kept]
        gone += _half_written(workspace)
        for path in gone:
            path.unlink(missing_ok=True)
        # Whoever collects has no rows under way: folders that are still there are of a write that was killed.
        shutil.rmtree(store / SPILL, ignore_errors=True)
        _drop_props(store, kept, generations)
        for folder in (ANSWERS, PROPS):
            if everything and (store / folder).exists():
                shutil.rmtree(store / folder)
    return len(gone)


_FOLDERS = ("events", "paths", "derived", "removed", "codes", "tables", SPILL)


def _data_files(store: Path) -> list[Path]:
    found = [path for folder in _FOLDERS for path in (store / folder).rglob("*") if path.is_file()]
    return found + [path for path in store.rglob(f"*{TEMPORARY}") if path not in set(found)]


def props_of_part(name: str) -> str:
    """Return the name of the file that has a property's values in a part, by the part's name."""
    return name.replace("/", "-").replace(".parquet", ".arrow")


def _drop_props(store: Path, kept: set[str], generations: set[int]) -> None:
    """Delete what was read of properties in parts and for generations that are not kept."""
    files = {props_of_part(name) for name in kept}
    for folder in (store / PROPS).glob("*/*"):
        if folder.name.isdigit() and int(folder.name) not in generations:
            shutil.rmtree(folder)
    for path in (store / PROPS).glob("*/parts/*"):
        if path.name not in files:
            path.unlink()


def leftovers(workspace: Path | str) -> list[Path]:
    """Return files of the store that no kept generation names: what an interrupted write left behind.

    They are harmless, and deleted by the next write.
    """
    workspace = Path(workspace)
    store = workspace / STORE
    now = current(workspace)
    kept, ahead = now.files(), []
    for path in (store / "generations").glob("*.json"):
        if int(path.stem) > now.generation:  # written, but the manifest was never swapped
            ahead.append(path)
        else:
            kept |= of_generation(workspace, int(path.stem)).files()
    strays = [path for path in _data_files(store) if str(path.relative_to(store)) not in kept]
    return ahead + strays + _half_written(workspace)


def _half_written(workspace: Path) -> list[Path]:
    settings = list(workspace.glob(f"{FILE_NAME}.*{TEMPORARY}"))
    return settings + list((workspace / QUARANTINE).glob(f"*{TEMPORARY}"))
