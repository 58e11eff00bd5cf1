"""``cartpath ingest --follow``: a line a batch, until told to stop."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from cartpath.cli.output import say
from cartpath.shop import Shop


def run(
    shop: Shop,
    sources: Sequence[str],
    adapter: str,
    mapping: Mapping[str, str],
    options: Mapping[str, Any],
    pace: Mapping[str, str | None],
    as_json: bool,
) -> None:
    """Follow sources; SIGTERM ends it with exit code 0, an interrupt with 130."""
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        for batch in shop.follow(sources, adapter, mapping, options, stop=stop, say=say, **pace):
            say(batch.sentence())
            if as_json:
                typer.echo(json.dumps(batch.to_dict(), ensure_ascii=False))
    finally:
        signal.signal(signal.SIGTERM, before)
