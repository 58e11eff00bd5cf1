"""Items for one user, from everything known by now, each with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from cartpath.features import Log, read_log
from cartpath.recommend.fit import load_fitted
from cartpath.recommend.recommender import OPINIONS, Blend, Opinions, Recommender, best
from cartpath.recommend.signals import item_events
from cartpath.schema import CartpathError, Columns
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
    if k < 1:
        raise CartpathError(f"k must be 1 or more, not {k}")
    workspace = Path(workspace)
    with open_snapshot(workspace) as snapshot:
        log = read_log(snapshot)
        fitted = load_fitted(workspace, log)
        path = find_path(snapshot, user_id)
    now = int(log.view.ts.max()) + 1
    recommender = Recommender(fitted.pretrained, log, now, fitted.blend.half_life_days)
    own = log if path is None else Log(path, log.codes, log.items, log.generation, log.share)
    ends = np.array([0 if path is None else path.n_events], np.int64)
    opinions = recommender.opinions(own, np.zeros(1, np.int64), ends)
    return Recommendations(user_id, path is not None, _listed(own, path, opinions, fitted.blend, k))


def find_path(snapshot: Any, user_id: str) -> PathView | None:
    """Return the path of one user, or None where there is none."""
    for bucket in range(snapshot.n_buckets):
        view = snapshot.bucket(bucket)
        place = pc.index(view.user_id, user_id).as_py() if view.n_users else -1
        if place >= 0:
            found: PathView = view.user(place)
            return found
    return None


def _listed(log: Log, path: PathView | None, opinions: Opinions, blend: Blend, k: int) -> list[dict[str, Any]]:
    scores = opinions.blended(blend)
    ids, titles = log.codes("item"), _titles(log)
    chosen = [int(code) for code in best(scores, k)[0] if code >= 0]
    top = max(float(scores[0, chosen[0]]), 1e-12) if chosen else 1.0
    last = _last_item(log, path)
    return [
        {
            "item_id": ids[code],
            "title": titles.get(ids[code]),
            "score": round(float(scores[0, code]) / top, 6),
            "why": _why(opinions, blend, code, titles.get(last, last) if last else None),
        }
        for code in chosen
    ]


def _why(opinions: Opinions, blend: Blend, code: int, last: str | None) -> str:
    """Name the opinion that contributes most."""
    parts = {
        "model": blend.model * opinions.model[0, code],
        "together": blend.together * opinions.together[0, code],
        "again": blend.again * opinions.again[0, code],
        "popular": max(blend.popular, 1e-6) * opinions.popular[code],
    }
    reasons = {
        "model": "expected next on a path like this one",
        "together": f"often seen with {last}" if last else "often seen with items of this path",
        "again": "looked at before",
        "popular": "popular now" if blend.half_life_days else "popular",
    }
    return reasons[max(OPINIONS, key=lambda name: parts[name])]


def _titles(log: Log) -> dict[str, str | None]:
    if Columns.title not in log.items.column_names:
        return {}
    return dict(zip(log.items[Columns.item_id].to_pylist(), log.items[Columns.title].to_pylist(), strict=True))


def _last_item(log: Log, path: PathView | None) -> str | None:
    if path is None:
        return None
    at = item_events(log, 2**63 - 1)
    return log.codes("item")[int(path.item[at[-1]])] if len(at) else None
