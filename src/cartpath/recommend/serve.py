"""Items for one user, from everything known by now, each with its reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.features import Log, join
from cartpath.recommend.ranker import Ranker, check_k
from cartpath.schema import Columns
from cartpath.store import PathView, open_snapshot


class Recommendations(list[dict[str, Any]]):
    """Items, best first, each ``item_id``, ``title``, ``score`` and ``why``.

    Parameters
    ----------
    user_id : str
    known : bool
        Whether the user has a path.
    items : list of dict
    """

    def __init__(self, user_id: str, known: bool, items: list[dict[str, Any]]) -> None:
        super().__init__(items)
        self.user_id, self.known = user_id, known

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it: ``user_id``, ``known``, ``items``."""
        return {"user_id": self.user_id, "known": self.known, "items": list(self)}


def recommend(workspace: Path | str, user_id: str, k: int = 20) -> Recommendations:
    """Recommend items to a user; to one nobody knows, what is popular.

    Parameters
    ----------
    workspace : Path
    user_id : str
    k : int
        Items at most.

    Returns
    -------
    Recommendations
        A list of dicts, best first: ``item_id``, ``title`` (None where the catalogue has none), ``score`` (the best
        item has 1) and ``why``. Items the user touched before are among them unless the blend, chosen on past
        behaviour, leaves them out.

    Raises
    ------
    CartpathError
        If nothing is pretrained, or the log has no items.
    """
    check_k(k)
    workspace = Path(workspace)
    ranker = Ranker.load(workspace)
    with open_snapshot(workspace) as snapshot:
        path = find_path(snapshot, user_id)
        log = Log(nobody(user_id) if path is None else path, snapshot.codes, snapshot.items, snapshot.generation)
        titles = _titles(snapshot.items)
    now = np.array([ranker.parts.until - 1], np.int64)
    slate = ranker.slates(log, np.zeros(1, np.int64), log.view.offsets[1:].astype(np.int64), k, time=now)[0]
    items = [
        {"item_id": one.item_id, "title": titles.get(one.item_id), "score": one.score, "why": one.why}
        for one in slate.items
    ]
    return Recommendations(user_id, path is not None, items)


def find_path(snapshot: Any, user_id: str) -> PathView | None:
    """Return the path of one user, or None where there is none."""
    for bucket in range(snapshot.n_buckets):
        view = snapshot.bucket(bucket)
        place = pc.index(view.user_id, user_id).as_py() if view.n_users else -1
        if place >= 0:
            found: PathView = view.user(place)
            return found
    return None


def nobody(user_id: str) -> PathView:
    """Return the path of one user of whom nothing is known.

    Examples
    --------
    >>> nobody("u").n_users, nobody("u").n_events
    (1, 0)
    """
    return replace(join([]), offsets=np.zeros(2, np.int64), user_id=pa.array([user_id], pa.string()))


def _titles(items: Any) -> dict[str, str | None]:
    if Columns.title not in items.column_names:
        return {}
    return dict(zip(items[Columns.item_id].to_pylist(), items[Columns.title].to_pylist(), strict=True))
