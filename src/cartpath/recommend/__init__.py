"""Recommendations: what many parts propose, blended by what did best on a slice after their training.

``Ranker.load(workspace)``
    What ``cartpath recommend`` and the service ask: ``slates(log, user, ends, k)``, ``popular(k)``,
    ``similar(item_id, k)``. A ``Slate`` is ``items``, each ``Placed``, best first.
``recommend(workspace, user_id, k=20) -> list[dict]``
    ``item_id``, ``title`` (None where the catalogue has none), ``score`` (from 0 to 1, the best first) and ``why``.
``recommend_all(workspace, out, *, users="all", k=20) -> dict``
    Writes the recommendations of many users.
``fit_recommender(workspace, *, seed=0, progress=None) -> dict``
    Chooses the blend on the slice after training; the others call it where it is missing or out of date.
``evaluate_recommender(workspace, *, slice=None, seed=0, progress=None) -> dict``
    The blend beside each part alone; writes ``models/recommender/metrics.json``.
``refresh(workspace, *, train_until=None, margin=0.01, ...) -> dict``
    Trains the behaviour model on with new events, and promotes it, with a blend chosen anew, if it is not worse.
"""

from cartpath.recommend.batch import recommend_all
from cartpath.recommend.evaluate import evaluate_recommender
from cartpath.recommend.fit import fit_recommender
from cartpath.recommend.ranker import Ranker
from cartpath.recommend.refresh import refresh
from cartpath.recommend.serve import recommend
from cartpath.recommend.slate import Placed, Slate

__all__ = [
    "Placed",
    "Ranker",
    "Slate",
    "evaluate_recommender",
    "fit_recommender",
    "recommend",
    "recommend_all",
    "refresh",
]
