"""Answers that were computed before: kept by content of the data, question, and code, so that they are never stale.

An answer lies in ``store/answers/``. Its name is made of the data that readers see and of the question with all its
options: an ingest of new events, a cleaning or a rebuild ask under another name, an ingest of the same file does not.
An erasure deletes them all.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import cartpath
from cartpath.store import manifest as manifests
from cartpath.store.files import TEMPORARY, atomic
from cartpath.store.snapshot import Snapshot
from cartpath.store.values import NotKeptError, Skeleton, dump, load

P = ParamSpec("P")
R = TypeVar("R")

#: Set it to ``off`` and nothing is looked up or kept.
SWITCH = "CARTPATH_CACHE"
#: The newest answers stay, up to so many files and bytes.
MOST_FILES, MOST_BYTES = 200, 256 << 20
#: Small tables up to so many bytes are known by their bytes, larger ones by their name.
_READ = 16 << 20
_HOUR = 3600.0
#: Tables that no reader of paths sees.
_UNSEEN = {"once"}
_ENDING = ".npz"


def kept(view: Callable[Concatenate[Snapshot, P], R]) -> Callable[Concatenate[Snapshot, P], R]:
    """Keep the answers of a function of a snapshot; its other arguments, defaults included, are the question.

    Parameters
    ----------
    view : callable
        Its first argument is the snapshot. What it returns must not depend on anything else but its arguments. A
        file is given as a ``Path``, which stands for the file's content; an argument that names something kept in
        the workspace (a segment) has ``meant_in(snap)``, which returns what that means there.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> @kept
    ... def users(snap: Snapshot, note: str = "") -> int:
    ...     print("counting")
    ...     return snap.totals.users
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> store.init(folder)
    >>> with store.open_snapshot(folder) as snap:
    ...     users(snap), users(snap, note="")
    counting
    (0, 0)
    """
    signature = inspect.signature(view)
    snapshot = next(iter(signature.parameters))

    @functools.wraps(view)
    def ask(snap: Snapshot, /, *args: P.args, **named: P.kwargs) -> R:
        given = signature.bind(snap, *args, **named)
        given.apply_defaults()
        options = {name: _meant(snap, value) for name, value in given.arguments.items() if name != snapshot}
        question = {"view": f"{view.__module__}.{view.__qualname__}", "options": options}
        return answered(snap, question, lambda: view(snap, *args, **named))

    return ask


def _meant(snap: Snapshot, value: Any) -> Any:
    """Return an argument as a question has it; what names something in a workspace says what it means there."""
    return value.meant_in(snap) if hasattr(value, "meant_in") else value


def answered(snap: Snapshot, question: Mapping[str, Any], compute: Callable[[], R], *, cache: bool = True) -> R:
    """Return what was computed before for the same data and question, else compute and keep it.

    Parameters
    ----------
    snap : Snapshot
    question : mapping
        All that the answer depends on beside the data: the view and each option. Plain values, containers, arrays,
        dataclasses of this package; a ``Path`` stands for the content of that file.
    compute : callable
        Returns the answer: numbers, texts, arrays, containers and dataclasses of these.
    cache : bool
        False neither looks up nor keeps, as the environment's ``CARTPATH_CACHE=off`` does.

    Returns
    -------
    What ``compute`` returns.
        An entry or field ``generation`` is that of the snapshot that is asked, which has the same data. Where the
        workspace cannot be written, nothing is kept; a damaged file is replaced.
    """
    if not cache or os.environ.get(SWITCH, "").lower() in ("off", "0", "no", "false"):
        return compute()
    try:
        path, key = place(snap, question)
    except (NotKeptError, OSError) as error:
        _say(error)
        return compute()
    found: list[R] = _found(path, key, snap.generation)
    if found:
        return found[0]
    answer = compute()
    try:
        _keep(snap, path, {"key": key, "answer": answer})
    except NotKeptError as error:
        _say(error)
    return answer


def _say(error: Exception) -> None:
    if isinstance(error, NotKeptError):  # a mistake in a view, not of a user
        warnings.warn(f"an answer is not kept: {error}", RuntimeWarning, stacklevel=3)


def place(snap: Snapshot, question: Mapping[str, Any]) -> tuple[Path, str]:
    """Return the file of an answer, and the key that must stand in it."""
    content = _digest(content_of(snap))
    asked = _digest({"question": question, "version": cartpath.__version__, "code": _code()})
    folder = snap.workspace / manifests.STORE / manifests.ANSWERS
    return folder / f"{content[:24]}-{asked[:32]}{_ENDING}", f"{content}-{asked}"


def content_of(snap: Snapshot) -> dict[str, Any]:
    """Return what tells the data that readers see from any other: files that are written once, by name, size and time.

    The time is there for a store that was put back to an earlier state: it writes other files under names that it
    has used before.
    """
    data, store = snap.manifest.data, snap.workspace / manifests.STORE
    # Where paths are derived, readers see those; ``stats`` counts what was ingested.
    runs = ("base", "delta") if snap.derivation is None else ("derived", "removed")
    seen = (*runs, "stats", "derived_stats")
    named = [entry[run] for entry in data["buckets"] for run in runs if entry.get(run)]
    named += [segment for segments in data["codes"].values() for segment in segments]
    return {
        "gap_seconds": data["gap_seconds"],
        "buckets": [{name: entry[name] for name in seen if name in entry} for entry in data["buckets"]],
        "derivation": data.get("derivation"),
        "codes": data["codes"],
        "files": [_stat(store / name) for name in named],
        "tables": {name: _table(store / file) for name, file in data["tables"].items() if name not in _UNSEEN},
    }


def _stat(path: Path) -> list[int]:
    try:
        found = os.stat(path)
    except OSError:
        return []  # reading it will say what is wrong
    return [found.st_size, found.st_mtime_ns]


def _table(path: Path) -> list[Any]:
    found = _stat(path)
    small = bool(found) and found[0] <= _READ
    return [hashlib.sha256(path.read_bytes()).hexdigest()] if small else [path.name, *found]


@functools.cache
def _code() -> list[list[Any]]:
    """Tell the code that computes from any other: between two versions it changes, too."""
    root = Path(cartpath.__file__).parent
    return [[str(path.relative_to(root)), *_stat(path)] for path in sorted(root.rglob("*.py"))]


class _Question(Skeleton):
    """A question's skeleton: the order of names does not matter, and a file is its content."""

    def _named(self, value: Any) -> Any:
        if isinstance(value, Path):
            return {"file": hashlib.sha256(value.read_bytes()).hexdigest() if value.is_file() else str(value)}
        taken = super()._named(value)
        if isinstance(taken, dict) and "dict" in taken:
            taken["dict"].sort(key=lambda pair: json.dumps(pair[0], sort_keys=True))
        return taken


def _digest(value: Any) -> str:
    taken = _Question()
    digest = hashlib.sha256(json.dumps(taken.of(value), sort_keys=True).encode())
    for array in taken.arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _found(path: Path, key: str, generation: int) -> list[Any]:
    """Return the answer in a list; an empty one where there is none, or no whole one."""
    try:
        with open(path, "rb") as file:
            held = load(file, {"generation": generation})
        found = [held["answer"]] if held["key"] == key else []
    except Exception:  # damaged files fail in many ways, and none of them is the reader's concern
        return []
    with suppress(OSError):  # used last, kept longest; a workspace may be one that can only be read
        os.utime(path)
    return found


def _keep(snap: Snapshot, path: Path, held: Mapping[str, Any]) -> None:
    """Write an answer, unless the workspace cannot be written or an erasure has dropped what it was computed of."""
    try:
        with manifests.generation_lock(snap.workspace, snap.generation) as born:
            if born is None:
                return
            # Not waiting for the disk: what a power cut leaves of it is refused and computed again.
            with atomic(path, durable=False) as temporary, open(temporary, "wb") as file:
                dump(file, held)
            _tidy(path.parent, path.name.partition("-")[0], born)
    except OSError:
        return


def _tidy(folder: Path, content: str, born: float) -> None:
    """Delete answers on data that is no more, and the oldest beyond the bounds.

    Answers on other data that were used since this generation was born may be of a newer one, and stay.
    """
    found = []
    for entry in os.scandir(folder):
        try:
            stat = entry.stat()
        except OSError:
            continue
        half = entry.name.endswith(TEMPORARY)
        stale = not entry.name.startswith(content) and stat.st_mtime < born
        if stat.st_mtime < time.time() - _HOUR if half else stale:
            Path(entry.path).unlink(missing_ok=True)
        elif not half:
            found.append((stat.st_mtime_ns, stat.st_size, entry.path))
    total = 0
    for number, (_, size, name) in enumerate(sorted(found, reverse=True), start=1):
        total += size
        if number > MOST_FILES or total > MOST_BYTES:
            Path(name).unlink(missing_ok=True)
