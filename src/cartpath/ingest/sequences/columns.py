"""Which column of a table is which, by the names that data sets of recommendation use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cartpath.ingest.mapping.names import CLEARLY, VAGUELY, name_score, words_of
from cartpath.schema import CartpathError, Columns

#: Names that are used here and mean something else in logs, or nothing.
_USED_HERE = {
    "reviewerid": Columns.user_id, "userid": Columns.user_id, "u": Columns.user_id,
    "iid": Columns.item_id, "movieid": Columns.item_id, "businessid": Columns.item_id, "parentasin": Columns.item_id,
    "i": Columns.item_id, "bookid": Columns.item_id, "gameid": Columns.item_id, "trackid": Columns.item_id,
    "unixreviewtime": Columns.ts, "t": Columns.ts, "reviewtime": Columns.ts,
}  # fmt: skip
_WANTED = (Columns.user_id, Columns.item_id, Columns.ts, Columns.session_id, Columns.event)
#: An event's type must be named clearly: "type" and "status" may be anything.
_LEAST = {Columns.event: CLEARLY}


def columns_among(names: Sequence[str]) -> dict[str, str]:
    """Return canonical column to the source column that means it, the best pairs first, no column twice.

    Where there is a session and no user, the session is the user.

    Examples
    --------
    >>> columns_among(["user_id:token", "item_id:token", "rating:float", "timestamp:float"])
    {'user_id': 'user_id:token', 'item_id': 'item_id:token', 'ts': 'timestamp:float'}
    >>> columns_among(["SessionId", "ItemId", "Time"])
    {'user_id': 'SessionId', 'item_id': 'ItemId', 'ts': 'Time'}
    """
    scored = sorted(
        ((-_score(wanted, name), place, at) for place, wanted in enumerate(_WANTED) for at, name in enumerate(names))
    )
    chosen: dict[str, str] = {}
    for score, place, at in scored:
        wanted = _WANTED[place]
        if -score >= _LEAST.get(wanted, VAGUELY) and wanted not in chosen and names[at] not in chosen.values():
            chosen[wanted] = names[at]
    if Columns.user_id not in chosen and Columns.session_id in chosen:
        chosen[Columns.user_id] = chosen.pop(Columns.session_id)
    return {wanted: chosen[wanted] for wanted in _WANTED if wanted in chosen}


def _score(wanted: str, name: str) -> float:
    bare = name.split(":", 1)[0].strip()
    used = _USED_HERE.get("".join(words_of(bare)))
    if used is not None:
        return CLEARLY if used == wanted else 0.0
    return name_score(wanted, bare)


def needed(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Return what ``columns_among`` does.

    Raises
    ------
    CartpathError
        If no column is a user or session, or none an item.
    """
    chosen = columns_among(names)
    for wanted, words in ((Columns.user_id, "a user or a session"), (Columns.item_id, "an item")):
        if wanted not in chosen:
            raise CartpathError(
                f"no column of {path} is {words}: {', '.join(names)}",
                f"rename the one that is to {wanted}",
            )
    return chosen
