"""Forgetting a person: out of every file that holds user rows, and a record that it happened."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cartpath import __version__
from cartpath.schema import CartpathError
from cartpath.store import write_json
from cartpath.store.erase import erase

#: What an erasure does not do, in words for the record.
LIMITS = (
    "Trained weights change only with the next training: models trained before this generation have seen the user's "
    "events. Sources outside the workspace and backups are untouched."
)

#: What an erasure says where it was asked for by an anonymous id.
WHOLE = "the id asked for is an anonymous one of a known user: the whole person was removed, with all its ids"


def forget(workspace: Path | str, user_id: str) -> dict[str, Any]:
    """Remove a person everywhere in a workspace, and refuse all its ids from now on.

    The person is the user and every anonymous id that is linked with that user alone; of a device that others use too
    only the link goes. An anonymous id that is merged with a user stands for the whole person.

    Parameters
    ----------
    workspace : Path
    user_id : str

    Returns
    -------
    dict
        What was removed (``store.erase.Erased``), ``note``, which says so if the id asked for was an anonymous one of
        a user, ``limits`` in words, the ``models`` trained before, and the path of
        the ``evidence`` record, which names the user by a salted hash only.

    Raises
    ------
    CartpathError
        If the id is empty or this is no workspace.
    """
    if not user_id:
        raise CartpathError("no user to forget", "name one: cartpath forget SHOP --user ID")
    path = Path(workspace)
    erased = erase(path, user_id).to_dict()
    when = datetime.now(UTC)
    models = sorted(str(p.relative_to(path)) for p in (path / "models").glob("*") if p.is_dir())
    record = {
        **erased,
        "time": when.isoformat(timespec="seconds"),
        "version": __version__,
        "note": WHOLE if erased["is_anonymous"] else "",
        "limits": LIMITS,
        "models": models,
    }
    name = f"forget-{when:%Y%m%dT%H%M%S}-{erased['generation']:08d}.json"
    evidence = path / "store" / "evidence" / name
    write_json(evidence, record)
    return {**record, "evidence": str(evidence)}
