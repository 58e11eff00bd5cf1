"""Recommendations: next items of the behaviour model blended with what goes together and what is popular.

``recommend(workspace, user_id, k=20) -> list[dict]``
    ``item_id``, ``title`` (None where the catalogue has none), ``score`` (from 0 to 1, the best first) and ``why``.
``fit_recommender(workspace, *, seed=0, progress=None) -> dict``
    Chooses the blend on the slice after training; the other two call it where it is missing or out of date.
``evaluate_recommender(workspace, *, slice=None, seed=0, progress=None) -> dict``
    Recall@20, NDCG@20 and MRR@20 beside popularity and co-occurrence; writes ``models/recommender/metrics.json``.
``refresh(workspace, *, train_until=None, margin=0.01, ...) -> dict``
    Trains the behaviour model on with new events, and promotes it, with a blend chosen anew, if it is not worse.
"""

from cartpath.recommend.evaluate import evaluate_recommender
from cartpath.recommend.fit import fit_recommender
from cartpath.recommend.recommender import Recommender
from cartpath.recommend.refresh import refresh
from cartpath.recommend.serve import recommend

__all__ = ["Recommender", "evaluate_recommender", "fit_recommender", "recommend", "refresh"]
