"""Popularity of all time, and of late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cartpath.features import user_of_event
from cartpath.models.baselines.popularity import Popularity
from cartpath.models.next_item import ItemIndex
from cartpath.schema import MICROSECONDS
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.next_item.recipe import Candidate, FitOptions, Fitted, best_of

Floats = npt.NDArray[np.float64]
_DAY = 86_400 * MICROSECONDS
#: Tried half-lives: days where there are times, else events before the end of the user's path.
HALF_LIVES: tuple[float, ...] = (1.0, 3.0, 7.0, 30.0, 90.0, 365.0)
HALF_LIVES_IN_EVENTS: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 50.0)


def fit_popularity(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Count the events of each item."""

    def counted(split: NextItemSplit) -> Popularity:
        return _popularity(split, np.ones(len(_places(split))))

    return Fitted(counted(split), again=lambda: counted(split.whole()))


def fit_recent_popularity(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Count the events of each item, each half-life of age halving an event's weight.

    Age is the time to the latest event learned from or, where only the order is known, the number of events to the
    end of the user's path; the half-life is the one that does best on validation.
    """
    given = options.settings.get("half_life")
    tried = HALF_LIVES if split.log.timed else HALF_LIVES_IN_EVENTS
    fitted = best_of(split, _recent(split, tried if given is None else (float(given),)), progress)
    chosen = next(float(value) for name, value in fitted.chosen.items() if name.startswith("half_life"))
    return replace(fitted, again=lambda: next(model for _, model in _recent(split.whole(), (chosen,))))


def _recent(split: NextItemSplit, half_lives: tuple[float, ...]) -> Iterator[Candidate]:
    ages = _ages(split)
    unit = "days" if split.log.timed else "events"
    for half_life in half_lives:
        yield {f"half_life_{unit}": half_life}, _popularity(split, np.exp2(-ages / half_life))


def _ages(split: NextItemSplit) -> Floats:
    """Return the age of each event learned from, in days or in events."""
    places, view = _places(split), split.log.view
    if split.log.timed:
        age: Floats = (view.ts[places].max() - view.ts[places]) / _DAY
        return age
    return (split.train_ends[user_of_event(view)[places]] - 1 - places).astype(np.float64)


def _places(split: NextItemSplit) -> npt.NDArray[np.int64]:
    places = split.train_places()
    found: npt.NDArray[np.int64] = places[split.log.view.item[places] >= 0]
    return found


def _popularity(split: NextItemSplit, weights: Floats) -> Popularity:
    items = ItemIndex.of_codes(split.log, split.train_items())
    columns = items.columns_of(split.log)[split.log.view.item[_places(split)]]
    return Popularity.of(items, columns, weights)
