"""Forgetting a person: out of every file that holds user rows, and a record that it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cartpath import __version__, config
from cartpath.privacy.lists import lists_with
from cartpath.schema import CartpathError
from cartpath.store import write_json
from cartpath.store.erase import erase
from cartpath.store.erasure import Forgotten

#: What an erasure does not do, in words for the record.
LIMITS = (
    "Trained weights change only with the next training: models trained before this generation have seen the user's "
    "events. Sources outside the workspace and backups are untouched, and so are files that people keep or wrote "
    "outside reports/: lists that segments read with file(), and what --out, --csv and --figure wrote."
)

#: What an erasure says where it was asked for by an anonymous id.
WHOLE = "the id asked for is an anonymous one of a known user: the whole person was removed, with all its ids"

#: What an erasure says that found nothing.
NEVER_SEEN = (
    "this id was never seen in this workspace, so nothing was removed: is it spelled as the source has it? It is "
    "refused from now on"
)
BEFORE = "this id was forgotten before, and nothing of it was left to remove"


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
        What was removed (``store.erase.Erased``), ``seen``: whether there was anything to remove, ``note``, which says
        so if there was nothing or if the id asked for was an anonymous one of a user, ``lists``: files that segments
        read and that still name the person, ``limits`` in words, the ``models`` trained before, and the path of
        the ``evidence`` record, which names the user by a salted hash only.

    Raises
    ------
    CartpathError
        If the id is empty or this is no workspace.
    """
    if not user_id:
        raise CartpathError("no user to forget", "name one: cartpath forget SHOP --user ID")
    path = Path(workspace)
    known = Forgotten.load(path)
    before = known.hash(user_id) in known.hashes
    erased = erase(path, user_id).to_dict()
    seen = _removed(erased)
    named, unread = lists_with(path, config.load(path).segments.expressions, set(erased["id_hashes"]))
    when = datetime.now(UTC)
    models = sorted(str(p.relative_to(path)) for p in (path / "models").glob("*") if p.is_dir())
    record = {
        **erased,
        "time": when.isoformat(timespec="seconds"),
        "version": __version__,
        "seen": seen,
        "note": WHOLE if erased["is_anonymous"] else "" if seen else BEFORE if before else NEVER_SEEN,
        "lists": named,
        "limits": " ".join([LIMITS, *_still_named(named, unread)]),
        "models": models,
    }
    name = f"forget-{when:%Y%m%dT%H%M%S}-{erased['generation']:08d}.json"
    evidence = path / "store" / "evidence" / name
    write_json(evidence, record)
    return {**record, "evidence": str(evidence)}


def _removed(erased: Mapping[str, Any]) -> bool:
    """Return whether anything of the person was there; caches that go with any erasure count -1."""
    rows = [erased[name] for name in ("events", "attribute_rows", "links")]
    return any(n > 0 for n in [*rows, *erased["artefacts"].values()]) or len(erased["id_hashes"]) > 1


def _still_named(named: Sequence[str], unread: Sequence[str]) -> list[str]:
    found = []
    if named:
        found.append(f"Lists of [segments] that still name the person, to be edited by hand: {', '.join(named)}.")
    if unread:
        found.append(f"Lists of [segments] that could not be read: {', '.join(unread)}.")
    return found
