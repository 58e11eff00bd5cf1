"""The state of a store's files: the last good generation, what is gone, what an interrupted write left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cartpath import store
from cartpath.ingest.doctor.finding import Finding
from cartpath.schema import WorkspaceBusyError
from cartpath.store.manifest import writer_lock


@dataclass(frozen=True)
class State:
    """The state of a store's files.

    Attributes
    ----------
    generation : int
        The last good state.
    written : str or None
        When it was, ISO 8601 in UTC; None in a store that was never written to.
    files, missing : list of str
        Files it is made of; of these, those that are gone.
    leftovers : list of str
        Files that an interrupted write left, relative to the workspace.
    writing : bool
        Another process is writing; what looks left over is then its work.
    """

    generation: int
    written: str | None
    files: list[str]
    missing: list[str]
    leftovers: list[str]
    writing: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON has it."""
        return {**vars(self), "files": len(self.files), "last_good": self.sentence}

    @property
    def sentence(self) -> str:
        """The state in a sentence."""
        since = f"written {self.written}" if self.written else "empty, never written to"
        return f"last good state: generation {self.generation}, {since}"


def state_of(workspace: Path, snapshot: store.Snapshot) -> State:
    """Look at a store's files without reading them."""
    files = sorted(snapshot.manifest.files())
    left = [str(path.relative_to(workspace)) for path in store.leftovers(workspace)]
    return State(
        generation=snapshot.generation,
        written=_written(workspace, snapshot) if snapshot.generation else None,
        files=files,
        missing=[name for name in files if not (workspace / "store" / name).is_file()],
        leftovers=sorted(left),
        writing=bool(left) and _is_written(workspace),
    )


def _written(workspace: Path, snapshot: store.Snapshot) -> str:
    """Return when the current generation was written; an erasure or a rebuild is no commit, but is a generation."""
    for commit in reversed(snapshot.commits):
        if commit["generation"] == snapshot.generation:
            return str(commit["time"])
    changed = (workspace / "store" / "manifest.json").stat().st_mtime
    return datetime.fromtimestamp(int(changed), UTC).isoformat()


def _is_written(workspace: Path) -> bool:
    try:
        with writer_lock(workspace):
            return False
    except WorkspaceBusyError:
        return True
    except OSError:  # a store that cannot be written to is not being written
        return False


def of_state(state: State) -> list[Finding]:
    """Return what the files show."""
    return [_files(state), _leftovers(state)]


def _files(state: State) -> Finding:
    n, of = len(state.missing), len(state.files)
    return Finding(
        "files",
        "error" if n else "ok",
        f"{n:,} of {of:,} files of generation {state.generation} are gone" if n else state.sentence,
        n,
        of,
        "files",
        "The store cannot be read in full. Restore it, or make a new workspace and ingest the sources again."
        if n
        else "Every reader sees this generation, whatever was written or interrupted since.",
        {"missing": state.missing[:20]},
    )


def _leftovers(state: State) -> Finding:
    n = len(state.leftovers)
    if state.writing:
        title = f"another process is writing; {n:,} files are its work so far"
    else:
        title = f"{n:,} files were left by a write that was interrupted" if n else "no write was interrupted"
    return Finding(
        "interrupted_write",
        "note" if n else "ok",
        title,
        n,
        n + len(state.files),
        "files",
        "Nothing of an interrupted write is in any number: ingest its sources again. The next write deletes the files.",
        {"leftovers": state.leftovers[:20], "writing": state.writing},
    )
