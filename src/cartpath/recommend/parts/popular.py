"""Popular: the items most users touched; recently popular: those of late, an old touch counting less."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.models.baselines.popularity import Popularity
from cartpath.recommend.parts.sources import Sources
from cartpath.schema import MICROSECONDS

Floats = npt.NDArray[np.float64]
_DAY = 86_400 * MICROSECONDS
#: Days after which a touch counts half, where nothing is chosen.
HALF_LIFE = 7.0
#: What is tried.
HALF_LIVES: tuple[float, ...] = (1.0, 3.0, 7.0, 30.0)


def fit_popular(sources: Sources) -> Popularity:
    """Count the users of each item."""
    return Popularity(sources.axis.items, touches(sources).astype(np.float32))


def fit_recent(sources: Sources) -> Popularity | None:
    """Count the users of each item, by the age of the touch; None where the log has no times."""
    if not sources.log.timed:
        return None
    half_life = sources.settings.get("recent", {}).get("half_life_days", HALF_LIFE)
    return Popularity(sources.axis.items, touches(sources, half_life).astype(np.float32))


def touches(sources: Sources, half_life_days: float | None = None) -> Floats:
    """Return how many users touched each item before the moment (n_items,).

    Parameters
    ----------
    sources : Sources
    half_life_days : float, optional
        Days after which a touch counts half; all count alike by default.

    Returns
    -------
    float64 array (n_items,)
        Each user counts once an item, by the latest touch.
    """
    view, n_items = sources.log.view, sources.n_items
    at = np.flatnonzero(view.item >= 0)
    pairs = sources.users[at].astype(np.int64) * max(n_items, 1) + view.item[at]
    # The first of the reversed is the latest.
    latest = at[::-1][np.unique(pairs[::-1], return_index=True)[1]]
    weight: Floats = np.ones(len(latest))
    if half_life_days is not None:
        weight = 0.5 ** ((sources.until - view.ts[latest]) / _DAY / half_life_days)
    counts: Floats = np.bincount(view.item[latest], weights=weight, minlength=n_items).astype(np.float64)
    return counts
