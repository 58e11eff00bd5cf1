"""Parts that learn which items go together: along paths, in sessions, in orders, by factors, by a linear model."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from cartpath.models.baselines.als import Als, Confidence, fit_als_factors
from cartpath.models.baselines.cooccurrence import Together
from cartpath.models.baselines.ease import Ease
from cartpath.models.baselines.item_to_item import ItemToItem
from cartpath.models.baselines.session_knn import SessionKnn
from cartpath.recommend.parts.sources import Sources

#: Items at most for EASE: its matrix is in memory as long as the service runs (100 MB for so many).
MOST_EASE = 5_000
#: Within an order any item goes with any other.
IN_ORDER = Together(window=50, decay=1.0, backward=1.0, norm="cosine", neighbours=200)


def fit_together(sources: Sources) -> ItemToItem:
    """Count which items follow each other along paths."""
    return ItemToItem.of(sources.axis.items, sources.paths, Together(), recency=0.6)


def fit_bought(sources: Sources) -> ItemToItem | None:
    """Count which items are in the same order; None where no order has two items."""
    baskets = sources.baskets
    if not len(baskets) or len(baskets.columns) == len(baskets):
        return None
    return ItemToItem.of(sources.axis.items, baskets, IN_ORDER, recency=0.8, last=20)


def fit_sessions(sources: Sources) -> SessionKnn:
    """Keep the sessions, to look up those most like a path."""
    return replace(SessionKnn.of(sources.axis.items, sources.sessions), near=0.6)


def fit_als(sources: Sources) -> Als | None:
    """Factorise users and items; None where the library ``implicit`` is not installed or there is nothing to learn."""
    if find_spec("implicit") is None or sources.n_items < 2 or not len(sources.paths.columns):
        return None
    how = Confidence(alpha=10.0, penalty=0.1, recency=0.6)
    return fit_als_factors(sources.axis.items, sources.paths, how, min(64, sources.n_items - 1), 15, sources.seed)


def fit_ease(sources: Sources) -> Ease | None:
    """Solve for the weights between items; None where there are more than ``MOST_EASE``."""
    if not 2 <= sources.n_items <= MOST_EASE:
        return None
    return Ease.of(sources.axis.items, sources.paths, penalty=100.0, recency=0.8)
