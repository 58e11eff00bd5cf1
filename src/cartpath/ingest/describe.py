"""Adapters as people and programs read about them."""

from __future__ import annotations

from typing import Any

from cartpath.ingest import registry
from cartpath.ingest.adapter import Adapter, Option
from cartpath.ingest.file_kinds import FileKind, Role
from cartpath.schema import event_schema


def describe_all() -> list[dict[str, Any]]:
    """Describe every adapter that comes with Cartpath, by name."""
    return [describe(registry.get(name)) for name in registry.names()]


def describe(adapter: Adapter) -> dict[str, Any]:
    """Say what an adapter reads.

    Parameters
    ----------
    adapter : Adapter

    Returns
    -------
    dict
        ``name``, ``description``, ``tested_on``; ``files``, one entry a kind with ``name``, ``role``, ``patterns``,
        ``columns`` (each a list of names of which one must be there) and ``why`` it is left alone; ``columns``,
        canonical column to source columns, over all kinds; ``events``, source event to canonical; ``options``.

    Examples
    --------
    >>> describe(registry.get("taobao"))["columns"]["item_id"]
    ['item_id', 'item']
    """
    parts = [kind.adapter for kind in adapter.files if kind.adapter is not None] or [adapter]
    columns: dict[str, list[str]] = {}
    for part in parts:
        for name, sources in _columns(part).items():
            columns[name] = list(dict.fromkeys([*columns.get(name, []), *sources]))
    return {
        "name": adapter.name,
        "description": adapter.description,
        "tested_on": adapter.tested_on,
        "files": [_file(kind) for kind in adapter.files] or [_only_file(adapter)],
        "columns": columns,
        "events": {source: event for part in parts for source, event in part.events.items()},
        "options": {name: _option(option) for name, option in adapter.options.items()},
    }


def _columns(adapter: Adapter) -> dict[str, list[str]]:
    """Return canonical column to source columns; what a hook makes of nested or computed columns has none."""
    if adapter.unnest is not None or adapter.read is not None:
        return {}
    found = {name: [s for s in adapter.source_names(name) if s not in adapter.derived] for name in event_schema().names}
    return {name: sources for name, sources in found.items() if sources}


def _file(kind: FileKind) -> dict[str, Any]:
    columns = [[names] if isinstance(names, str) else list(names) for names in kind.columns]
    return {
        "name": kind.name,
        "role": kind.role,
        "patterns": list(kind.patterns),
        "columns": columns,
        "why": kind.why,
    }


def _only_file(adapter: Adapter) -> dict[str, Any]:
    """Return the one kind of file of an adapter without kinds: any name, and the columns it knows."""
    names = [[name] for name in adapter.header or adapter.read_columns or ()] or list(_columns(adapter).values())
    return {"name": "events", "role": Role.events, "patterns": ["*"], "columns": names, "why": ""}


def _option(option: Option) -> dict[str, Any]:
    return {"default": option.default, "description": option.description, "choices": list(option.choices)}
