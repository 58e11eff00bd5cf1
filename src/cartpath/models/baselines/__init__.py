"""Classic next-item models: what a network has to be better than."""

from cartpath.models.baselines.als import Als, Confidence
from cartpath.models.baselines.cooccurrence import Together
from cartpath.models.baselines.ease import Ease
from cartpath.models.baselines.histories import Histories, histories
from cartpath.models.baselines.item_to_item import ItemToItem
from cartpath.models.baselines.popularity import Popularity
from cartpath.models.baselines.session_knn import SessionKnn

__all__ = ["Als", "Confidence", "Ease", "Histories", "ItemToItem", "Popularity", "SessionKnn", "Together", "histories"]
