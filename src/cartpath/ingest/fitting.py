"""Which adapter a source's columns fit."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

from cartpath.ingest import registry
from cartpath.ingest.adapter import Adapter
from cartpath.schema import CartpathError


def missing(adapter: Adapter, found: Collection[str]) -> list[tuple[str, ...]]:
    """Return what an adapter needs and a source does not have; of each entry one column would do.

    Examples
    --------
    >>> missing(registry.get("ga360"), ["fullVisitorId", "hits"])
    [('visitStartTime',)]
    """
    needs = [(need,) if isinstance(need, str) else need for need in adapter.needs]
    return [names for names in needs if not set(names) & set(found)]


def fits(adapter: Adapter, found: list[str]) -> bool:
    """Whether a source has the columns that an adapter says it reads; one that says nothing claims nothing.

    Examples
    --------
    >>> fits(registry.get("rees46"), ["event_time", "event_type", "user_id"]), fits(registry.get("generic"), ["ts"])
    (True, False)
    """
    if adapter.needs:
        return not missing(adapter, found)
    kinds = getattr(adapter, "files", ())  # of a source that is a set of files
    if kinds:
        return any(kind.adapter is not None and not kind.missing(found) for kind in kinds)
    if adapter.read is not None or adapter.unnest is not None or not adapter.columns:
        return False
    try:
        adapter.resolve(found, {}, "")
    except CartpathError:
        return False
    return True


def fitting(found: list[str]) -> list[str]:
    """Return the built-in adapters that a source fits, the one that knows most of its columns first.

    Examples
    --------
    >>> fitting(["event_time", "event_type", "user_id", "product_id"])
    ['rees46']
    """
    known = {name: registry.get(name) for name in registry.names()}
    claims = [name for name, adapter in known.items() if fits(adapter, found)]
    return sorted(claims, key=lambda name: (-len(named(known[name]) & set(found)), name))


def fitting_file(file: Path, found: list[str]) -> dict[str, str] | None:
    """Return the built-in adapter that fits a file best, ``name`` and ``why``; None if none does."""
    by_name = fitting(found)
    if by_name:
        known = sorted(named(registry.get(by_name[0])) & set(found), key=found.index)
        return {"name": by_name[0], "why": f"it has the columns {', '.join(known)}"}
    for name in registry.names():
        recognise = registry.get(name).recognise
        why = recognise(file) if recognise is not None else None
        if why:
            return {"name": name, "why": why}
    return None


def without_header(n: int) -> list[str]:
    """Return the built-in adapters that read CSV of ``n`` columns without a header line."""
    found = []
    for name in registry.names():
        adapter = registry.get(name)
        parts = [adapter, *(kind.adapter for kind in getattr(adapter, "files", ()))]
        if any(len(getattr(part, "header", ())) == n for part in parts if part is not None):
            found.append(name)
    return found


def named(adapter: Adapter) -> set[str]:
    """Return the source columns that an adapter knows of."""
    names = {name for canonical in adapter.columns for name in adapter.source_names(canonical)}
    for kind in getattr(adapter, "files", ()):
        names |= {name for entry in kind.columns for name in ((entry,) if isinstance(entry, str) else entry)}
    for need in adapter.needs:
        names |= {need} if isinstance(need, str) else set(need)
    return names | set(adapter.items.values())


def require(adapter: Adapter, found: list[str], file: str) -> None:
    """Refuse a source that lacks what the adapter's hooks need, and name an adapter that fits.

    Raises
    ------
    CartpathError
    """
    lacking = missing(adapter, found) if found else []
    if not lacking:
        return
    words = ", ".join(" or ".join(repr(name) for name in names) for names in lacking)
    raise CartpathError(
        f"{file} is no source for adapter {adapter.name}: it has no column {words}; columns found: {', '.join(found)}",
        what_fits(found, file),
    )


def what_fits(found: list[str], file: str) -> str:
    """Return a hint: the adapter that a source's columns fit, or how to find out."""
    others = fitting(found)
    if others:
        return f"its columns are those of {others[0]}: --adapter {others[0]}"
    return f"look at it: cartpath map {shlex.quote(file)}"
