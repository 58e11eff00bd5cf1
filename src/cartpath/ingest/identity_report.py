"""What stitching does in a shop: how many ids are whose, which are left as they are, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.config import IdentitySettings
from cartpath.schema import Columns, iso, microseconds_of
from cartpath.store import Snapshot
from cartpath.store.hashing import hash_strings
from cartpath.store.links import ERASED_USER, EVENTS, FILE
from cartpath.store.owners import VERDICTS, Resolution, resolve

Keys = npt.NDArray[np.uint64]
_COUNTS = ("links", "merged_ids", "users", "shared_devices", "cycles", "too_many_users", "too_many_ids")
#: What an id is where no link counts: linked with nobody, only from ``until`` on, only with itself; or it owns others.
UNLINKED, AFTER_UNTIL, SELF, OWNER = "unlinked", "after_until", "self", "owner"


def overview(snapshot: Snapshot, settings: IdentitySettings) -> dict[str, Any]:
    """Count what the links between ids do.

    Parameters
    ----------
    snapshot : Snapshot
    settings : IdentitySettings

    Returns
    -------
    dict
        The settings (``stitch``, ``until``, ``max_ids``); ``links``, the pairs of ids that count; ``merged_ids`` and
        the ``users`` who own them; ids that are merged with nobody: ``shared_devices``, ``cycles`` and
        ``too_many_ids`` (of ``too_many_users``); ``left_out``: pairs of an id with itself, and first seen from
        ``until`` on; ``seen``: rows of the table of links by what showed them; ``examples``.
    """
    links = snapshot.links
    found, seen = resolve(links, settings), pc.value_counts(links[Columns.source]).to_pylist()
    by_source = {row["values"]: row["counts"] for row in seen}
    return {
        **_told(settings),
        **{name: getattr(found, name) for name in _COUNTS},
        "left_out": {SELF: found.self_links, AFTER_UNTIL: found.after_until},
        "seen": {name: by_source.get(name, 0) for name in (EVENTS, FILE, ERASED_USER)},
        "examples": found.examples,
    }


def _told(settings: IdentitySettings) -> dict[str, Any]:
    until = settings.until_us
    return {
        "stitch": settings.stitch,
        "until": None if until is None else iso(until),
        "max_ids": settings.max_ids,
    }


def of_user(snapshot: Snapshot, settings: IdentitySettings, name: str) -> dict[str, Any]:
    """Say which ids are one user's, and why.

    Parameters
    ----------
    snapshot : Snapshot
    settings : IdentitySettings
    name : str
        An id, anonymous or of a user.

    Returns
    -------
    dict
        ``id``; ``owner``, the user it is merged with, or None; ``verdict`` on the id itself; ``ids``: every id that
        is merged with the user or linked with it or with an id of it, each with its ``verdict`` (one of
        ``owners.VERDICTS``, or ``"after_until"``, ``"self"``, ``"owner"`` of other ids, or
        ``"unlinked"``) and its ``links``.
    """
    links = snapshot.links
    found, late = resolve(links, settings), resolve(links, replace(settings, until=None))
    key = hash_strings(pa.array([name]))
    row = int(found.owners.find(key)[0])
    root = key if row < 0 else found.owners.owner_key[[row]]
    by_id = _by_id(_near(links, found, np.concatenate([root, key])))
    return {
        **_told(settings),
        "id": name,
        "owner": None if row < 0 else found.owners.owner_id[row].as_py(),
        "verdict": _verdict(found, late, name, by_id.get(name, [])),
        "ids": [
            {"id": one, "verdict": _verdict(found, late, one, rows), "links": rows}
            for one, rows in sorted(by_id.items())
        ],
    }


def _near(links: pa.Table, found: Resolution, keys: Keys) -> pa.Table:
    """Return the links of the ids of a user, and of all that are linked with one of these."""
    anonymous, user = (hash_strings(links[name]) for name in (Columns.anonymous_id, Columns.user_id))
    mine = np.concatenate([keys, found.owners.anonymous_key[np.isin(found.owners.owner_key, keys)]])
    touched = np.isin(anonymous, mine) | np.isin(user, mine)
    return links.filter(pa.array(np.isin(anonymous, anonymous[touched])))


def _by_id(links: pa.Table) -> dict[str, list[dict[str, Any]]]:
    """Return the links of each anonymous id as JSON has them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(links.to_pylist(), key=lambda row: (row[Columns.user_id] or "", row[Columns.source])):
        times = {name: None if row[name] is None else _iso(row[name]) for name in (Columns.first, Columns.last)}
        found.setdefault(row.pop(Columns.anonymous_id), []).append({**row, **times})
    return found


def _iso(moment: datetime) -> str:
    return iso(microseconds_of(moment))


def _verdict(found: Resolution, late: Resolution, name: str, links: list[dict[str, Any]]) -> str:
    key = hash_strings(pa.array([name]))[0]
    for resolution, words in ((found, VERDICTS), (late, (AFTER_UNTIL,) * len(VERDICTS))):
        at = int(np.searchsorted(resolution.keys, key))
        if at < len(resolution.keys) and resolution.keys[at] == key:
            return words[int(resolution.verdict[at])]
    if (found.owners.owner_key == key).any():
        return OWNER
    return SELF if links else UNLINKED
