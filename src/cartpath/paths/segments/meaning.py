"""What a segment depends on beside the data of the store: definitions and lists of users may change at any time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cartpath.paths.segments.language import parse
from cartpath.paths.segments.lists import list_of
from cartpath.paths.segments.plan import expressions_of
from cartpath.paths.segments.tree import Named, Node, SetOperation, UserFile
from cartpath.store import Snapshot


def meaning(
    snap: Snapshot, text: str, named: Mapping[str, str] | None = None, time_zone: str = "UTC"
) -> dict[str, Any]:
    """Return what a segment stands for in a workspace now, for answers that are kept.

    Parameters
    ----------
    snap : Snapshot
    text : str
        A name or an expression.
    named : mapping of str to str, optional
        Segments that it may name; by default those of the workspace.
    time_zone : str
        Of dates and clock times in it.

    Returns
    -------
    dict
        ``text``; ``named``, each segment that it is made of and its expression (None: there is none); ``files``, the
        lists of users that it reads.
    """
    known = expressions_of(snap) if named is None else named
    means: dict[str, str | None] = {}
    files: list[Path] = []
    open_ = [Named(text.strip()) if text.strip() in known else parse(text, time_zone=time_zone)]
    while open_:
        for node in _parts(open_.pop()):
            if isinstance(node, UserFile):
                files.append(list_of(snap, node.path))
            if isinstance(node, Named) and node.name not in means:
                means[node.name] = known.get(node.name)
                open_ += [parse(known[node.name], f"segment {node.name} =", time_zone)] if node.name in known else []
    return {"text": text, "time_zone": time_zone, "named": means, "files": files}


def _parts(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, SetOperation):
        for part in node.parts:
            yield from _parts(part)
