"""What a commit writes beside the buckets: dictionaries, small tables, and its entry in the manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath.store.build import MOST_FILES
from cartpath.store.codes import CODED, Codes
from cartpath.store.files import save_arrays, write_table
from cartpath.store.history import folded, without_older
from cartpath.store.manifest import Manifest


@dataclass(frozen=True)
class Committed:
    """What a commit did.

    Attributes
    ----------
    stored, duplicates, late : int
        Events stored, dropped as duplicates, and stored although older than an earlier event of their user.
    generation : int
        The generation that is current now.
    """

    stored: int
    duplicates: int
    late: int
    generation: int


def write_codes(store: Path, manifest: Manifest, codes: Codes) -> None:
    """Write what the dictionaries have gained, each as a further segment."""
    for name in CODED.values():
        added = codes[name].new_values()
        if added is None:
            continue
        segments = manifest.data["codes"].setdefault(name, [])
        if len(segments) >= MOST_FILES:
            segments.clear()
            added = codes[name].values()
        segments.append(f"codes/{name}-{manifest.generation:08d}.arrow")
        save_arrays(store / segments[-1], {"values": added})


def write_tables(store: Path, manifest: Manifest, tables: Mapping[str, pa.Table]) -> None:
    """Write small tables in place of those there were."""
    for name, table in tables.items():
        file = f"tables/{name}-{manifest.generation:08d}.parquet"
        write_table(store / file, table)
        manifest.data["tables"][name] = file


def note_artefacts(manifest: Manifest, added: Sequence[Mapping[str, Any]], dropped: Collection[str]) -> None:
    """List files with user rows, and those no more whose rows are elsewhere now."""
    kept = [artefact for artefact in manifest.data["artefacts"] if artefact["path"] not in dropped]
    manifest.data["artefacts"] = [*kept, *added]


def note_commit(
    manifest: Manifest,
    done: Committed,
    sources: Sequence[dict[str, Any]],
    quarantine: Mapping[str, int] | None,
    followed: Mapping[str, Any] | None,
) -> None:
    """Enter a commit, its sources, and how far those that are followed were read."""
    data = manifest.data
    if followed:
        data["sources"] = without_older(data["sources"], list(sources))
    data["sources"] |= {s["signature"]: s for s in sources if s.get("signature")}
    data["followed"] = data.get("followed", {}) | dict(followed or {})
    entry = {
        "generation": done.generation,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "stored": done.stored,
        "duplicates": done.duplicates,
        "late": done.late,
        "sources": list(sources),
        "quarantine": quarantine or {},
        **({"followed": sorted(followed)} if followed else {}),
    }
    data["commits"] = folded([*data["commits"], entry])
