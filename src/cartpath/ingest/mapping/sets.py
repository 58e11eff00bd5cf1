"""Which adapter knows a folder of files as its set."""

from __future__ import annotations

from pathlib import Path

from cartpath.ingest import registry
from cartpath.ingest.file_kinds import Role
from cartpath.ingest.file_sets import kind_of
from cartpath.schema import CartpathError


def fitting_set(files: list[Path]) -> dict[str, str] | None:
    """Return the built-in adapter of sets that knows every one of several files, ``name`` and ``why``; None if none."""
    for name in registry.names():
        adapter = registry.get(name)
        try:
            kinds = [kind_of(file, adapter) for file in files] if adapter.files else []
        except CartpathError:
            continue
        if any(kind.role == Role.events for kind in kinds):
            told = ", ".join(dict.fromkeys(kind.name for kind in kinds))
            return {"name": name, "why": f"its files are {told}"}
    return None
