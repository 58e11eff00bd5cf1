"""``doctor``: the state of a store and the quality of its data, and what both mean for later steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath import engine, store
from cartpath.ingest import doctor_findings as findings
from cartpath.ingest.doctor_findings import LEVELS, Finding
from cartpath.ingest.doctor_scan import DAY, Counts, Scope, merge, scan
from cartpath.ingest.doctor_volumes import Volumes, volumes
from cartpath.schema import MICROSECONDS, Columns, WorkspaceBusyError
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


@dataclass(frozen=True)
class Diagnosis:
    """What ``diagnose`` found.

    Attributes
    ----------
    workspace : Path
    state : State
    events, users, sessions : int
    volumes : Volumes
    findings : list of Finding
        Worst level first, then in the order of the checks.
    robots : list of str
        Every user that behaves like a machine.
    """

    workspace: Path
    state: State
    events: int
    users: int
    sessions: int
    volumes: Volumes
    findings: list[Finding]
    robots: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnosis as JSON has it."""
        return {
            "workspace": str(self.workspace),
            "state": self.state.to_dict(),
            "events": self.events,
            "users": self.users,
            "sessions": self.sessions,
            "levels": {level: sum(f.level == level for f in self.findings) for level in LEVELS},
            "findings": [finding.to_dict() for finding in self.findings],
            "days": self.volumes.to_dict(),
            "robots": self.robots,
        }

    def __str__(self) -> str:
        lines = [f"{self.workspace}: {self.state.sentence}"]
        for finding in self.findings:
            lines.append(f"{finding.level:<8}{finding.title}")
            if finding.level != "ok":
                lines.append(f"        {finding.meaning}")
        return "\n".join(lines)


def diagnose(workspace: Path | str) -> Diagnosis:
    """Look at the state of a store and at the quality of its data.

    Parameters
    ----------
    workspace : Path

    Returns
    -------
    Diagnosis

    Raises
    ------
    CartpathError
        If the folder is no workspace.
    CorruptStoreError
        If a file the analysis needs is damaged.

    Examples
    --------
    >>> import tempfile
    >>> shop = tempfile.mkdtemp() + "/shop"
    >>> store.init(shop)
    >>> diagnose(shop).state.sentence
    'last good state: generation 0, empty, never written to'
    """
    path = Path(workspace)
    with store.open_snapshot(path) as snapshot:
        state = state_of(path, snapshot)
        found = [_files(state), _leftovers(state)]
        if state.missing or not snapshot.totals.events:
            empty = np.zeros(0, np.int64)
            return _diagnosis(path, state, snapshot, volumes(0, empty, empty), found, [])
        counts = count(snapshot)
        totals = snapshot.totals
        days = volumes((totals.first_ts or 0) // DAY, counts.events_of_day, counts.sessions_of_day)
        found += findings.of_volumes(days)
        found += findings.of_missing(counts, totals.events_by_type, snapshot.codes("event"))
        late = sum(commit["late"] for commit in snapshot.commits)
        found += findings.of_order(counts, late, sum(commit["stored"] for commit in snapshot.commits))
        found += findings.of_rows(snapshot.commits, counts)
        found += findings.of_behaviour(counts, totals.events_by_type, snapshot.gap_seconds)
        found.append(_catalogue(snapshot))
        return _diagnosis(path, state, snapshot, days, found, sorted(counts.suspects.user_id))


def _diagnosis(
    path: Path, state: State, snapshot: store.Snapshot, days: Volumes, found: list[Finding], robots: list[str]
) -> Diagnosis:
    totals = snapshot.totals
    found = sorted(found, key=lambda finding: LEVELS.index(finding.level))
    return Diagnosis(path, state, totals.events, totals.users, totals.sessions, days, found, robots)


def count(snapshot: store.Snapshot) -> Counts:
    """Scan every bucket of a store that has events."""
    totals = snapshot.totals
    first = (totals.first_ts or 0) // DAY
    scope = Scope(
        first_day=first,
        n_days=(totals.last_ts or 0) // DAY - first + 1,
        n_events=len(snapshot.codes("event")),
        gap=snapshot.gap_seconds * MICROSECONDS,
    )
    return engine.run(snapshot, partial(scan, scope=scope), merge)


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


def _catalogue(snapshot: store.Snapshot) -> Finding:
    """Say how many of the items in events the catalogue describes."""
    known = set(snapshot.items[Columns.item_id].to_pylist()) if len(snapshot.items) else set()
    in_use = snapshot.table("items_seen", pa.table({"seen": pa.array([], pa.bool_())}))["seen"].to_pylist()
    seen = [item for item, used in zip(snapshot.codes("item"), in_use, strict=False) if used]
    n = sum(item not in known for item in seen)
    return Finding(
        "catalogue",
        "ok" if not n else "warning" if n > 0.05 * len(seen) else "note",
        f"{n:,} of {len(seen):,} items in events are not in the catalogue",
        n,
        len(seen),
        "items",
        "They have no title, category or price: figures show their ids, and models know them by their history alone.",
    )
