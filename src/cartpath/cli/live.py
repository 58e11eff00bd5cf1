"""``cartpath absorb``: live events become part of the store."""

from __future__ import annotations

from pathlib import Path

from cartpath.cli.application import command
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import print_json, print_record, warn


def purged(shop: str) -> dict[str, int]:
    """Delete from the Redis of live events, where there is one, whoever was forgotten; return ``live_entries``."""
    from cartpath import config
    from cartpath.config.serve import EMBEDDED

    url = config.load(Path(shop)).serve.state
    if url == EMBEDDED:
        return {}
    from cartpath.serving.state import StateDownError, purge

    try:
        return {"live_entries": purge(shop, url)}
    except StateDownError as error:
        warn([f"{error.message}; the service deletes the user's live events when it starts"])
        return {}


@command()
def absorb(shop: Workspace, as_json: Json = False) -> None:
    """Put the live events of a service into the store, as an ingest does, and empty their log.

    It may run while the service does, and be killed and repeated.
    """
    from cartpath.serving.state import absorb as run
    from cartpath.serving.state import state_url

    done = run(shop, state_url(shop)).to_dict()
    if as_json:
        print_json(done)
        return
    print_record(done)
