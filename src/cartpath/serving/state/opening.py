"""Opening live paths: embedded in one process, or in Redis for several."""

from __future__ import annotations

from pathlib import Path

from cartpath import config
from cartpath.config.serve import EMBEDDED
from cartpath.serving.state.contract import LiveState
from cartpath.serving.state.epoch import absorbed_until
from cartpath.serving.state.journal import Journal
from cartpath.serving.state.live import Live
from cartpath.serving.state.segments import Segments
from cartpath.serving.state.stream import RedisStream
from cartpath.store import open_snapshot
from cartpath.store.erasure import Forgotten


def open_journal(workspace: Path, url: str | None) -> Journal:
    """Open the log of a workspace's live events.

    Raises
    ------
    WorkspaceBusyError
        If it is embedded, and another process has it.
    StateDownError
        If there is no Redis at the URL.
    """
    if url is not None:
        return RedisStream(workspace, url)
    with open_snapshot(workspace) as snapshot:
        return Segments(workspace, absorbed_until(snapshot)[0])


def state_url(workspace: Path | str) -> str | None:
    """Return where ``cartpath.toml`` says that live events are kept: the URL of a Redis, None for files of the shop."""
    state = config.load(Path(workspace)).serve.state
    return None if state == EMBEDDED else state


def purge(workspace: Path | str, url: str | None) -> int:
    """Delete what a Redis has of users who were forgotten; return how many entries went.

    The embedded log needs none of it: ``store.erase`` goes through it.

    Raises
    ------
    StateDownError
        If the Redis does not answer. The service deletes the entries when it sees the erasure.
    """
    if url is None:
        return 0
    known, stream = Forgotten.load(Path(workspace)), RedisStream(Path(workspace), url)
    try:
        return stream.erase((), lambda user: known.hash(user) in known.hashes)
    finally:
        stream.close()


def open_state(workspace: Path | str, url: str | None = None) -> LiveState:
    """Open the live paths of a shop.

    Parameters
    ----------
    workspace : Path
    url : str, optional
        ``redis://[user:password@]HOST[:PORT][/DB]``, for several processes; by default the log is in files of the
        workspace, and this process has it alone.

    Returns
    -------
    LiveState

    Raises
    ------
    CartpathError
        If the folder is not a workspace.
    WorkspaceBusyError
        If another process has the embedded log.
    StateDownError
        If there is no Redis at the URL.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> shop = Path(tempfile.mkdtemp()) / "shop"
    >>> store.init(shop)
    >>> state = open_state(shop)
    >>> state.append([{"user_id": "u", "event": "view", "item_id": "a", "event_id": "1"}]).accepted
    1
    >>> state.append([{"user_id": "u", "event": "view", "item_id": "a", "event_id": "1"}]).duplicates
    1
    >>> log = state.log(["u", "nobody"])
    >>> log.view.offsets.tolist(), log.codes("item")
    ([0, 1, 1], ['a'])
    >>> state.close()
    """
    journal = open_journal(Path(workspace), url)
    try:
        return Live(Path(workspace), journal)
    except BaseException:
        journal.close()
        raise
