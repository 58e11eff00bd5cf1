"""From what the user names to sources that can be followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cartpath.ingest.adapter import Adapter
from cartpath.ingest.follow.address import STREAM_OPTIONS, is_stream
from cartpath.ingest.follow.folder import FolderSource
from cartpath.ingest.follow.lines import Asked
from cartpath.ingest.follow.source import Say, Source
from cartpath.ingest.follow.stream import StreamSource
from cartpath.ingest.options import resolve_options
from cartpath.ingest.run import checked_mapping


def open_sources(
    workspace: Path,
    sources: Sequence[str],
    adapter: Adapter,
    mapping: Mapping[str, str],
    options: Mapping[str, Any],
    settle: float,
    say: Say,
    *,
    patient: bool = True,
) -> list[Source]:
    """Open folders, files and streams; ``patient`` ones wait for a server that is away.

    Raises
    ------
    CartpathError
        If one does not exist, or an option is unknown.
    """
    streamed = {name: str(options[name]) for name in STREAM_OPTIONS if name in options and any(map(is_stream, sources))}
    plain = {name: value for name, value in options.items() if name not in streamed}
    asked = Asked(adapter, checked_mapping(mapping), resolve_options(adapter, plain))
    found: list[Source] = []
    for source in sources:
        if is_stream(source):
            found.append(StreamSource(workspace, source, asked, streamed, say, patient=patient))
        else:
            found.append(FolderSource(source, asked, settle, say))
    return found
