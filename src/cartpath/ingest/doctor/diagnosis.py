"""``doctor``: the state of a store and the quality of its data, and what both mean for later steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath import config, engine, store
from cartpath.ingest.doctor.behaviour import of_behaviour
from cartpath.ingest.doctor.cleaning import of_cleaning
from cartpath.ingest.doctor.columns import of_missing
from cartpath.ingest.doctor.finding import LEVELS, Finding
from cartpath.ingest.doctor.rows import of_order, of_rows, of_volumes
from cartpath.ingest.doctor.scan import DAY, Counts, Scope, merge, scan
from cartpath.ingest.doctor.state import State, of_state, state_of
from cartpath.ingest.doctor.volumes import Volumes, volumes
from cartpath.schema import MICROSECONDS, Columns


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
        found = of_state(state)
        if state.missing or not snapshot.totals.events:
            empty = np.zeros(0, np.int64)
            return _diagnosis(path, state, snapshot, volumes(0, empty, empty), found, [])
        counts = count(snapshot)
        totals = snapshot.totals
        days = volumes((totals.first_ts or 0) // DAY, counts.events_of_day, counts.sessions_of_day)
        found += of_volumes(days)
        found += of_missing(counts, totals.events_by_type, snapshot.codes("event"))
        late = sum(commit["late"] for commit in snapshot.commits)
        found += of_order(counts, late, sum(commit["stored"] for commit in snapshot.commits))
        found += of_rows(snapshot.commits, counts)
        found += of_behaviour(counts, totals.events_by_type, snapshot.gap_seconds)
        found += [_cleaned(snapshot), _catalogue(snapshot)]
        found += of_cleaning(snapshot, config.load(path).cleaning)
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


def _cleaned(snapshot: store.Snapshot) -> Finding:
    """Say how many events cleaning took out of the paths."""
    ingested = snapshot.ingested
    n = ingested - snapshot.totals.events
    counts = {} if snapshot.derivation is None else dict(snapshot.derivation["counts"])
    return Finding(
        "cleaned",
        "note" if n else "ok",
        f"{n:,} of {ingested:,} ingested events were taken out by cleaning",
        n,
        ingested,
        "events",
        "They are in no number and in no model. Each is in store/removed/ with its reason, and in the raw paths still:"
        " a rule that is switched off brings its events back (cartpath clean).",
        {"counts": counts},
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
