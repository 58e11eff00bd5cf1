"""The leak guard of next-item models: scores that look ahead, and fits that read what may not be learned from.

``training.leak`` is the guard of every task, of which this is a part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.next_item import NextItemModel
from cartpath.schema import MICROSECONDS
from cartpath.tasks import NextItemSplit, Questions
from cartpath.training.data import silent
from cartpath.training.leak import changed_after, score_changes
from cartpath.training.next_item.recipe import Fit, FitOptions

Index = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


def score_leaks(model: NextItemModel, split: NextItemSplit, questions: Questions, seed: int = 0) -> Index:
    """Return the questions whose scores change with what comes after their ends; of each user one is looked at.

    Models are asked with and without the time of the answer, which they may know, and nothing else of it.

    Parameters
    ----------
    model : NextItemModel
    split : NextItemSplit
    questions : Questions
    seed : int
    """

    def score(log: Log, asked: Questions) -> Array:
        times = (None, asked.time) if log.timed else (None,)
        return np.concatenate([model.score(log, asked.user, asked.ends, time) for time in times], axis=1)

    return np.flatnonzero(score_changes(score, split.log, questions, seed=seed).any(axis=1))


def fit_leaks(fit: Fit, split: NextItemSplit, options: FitOptions | None = None, seed: int = 0) -> Index:
    """Return the test questions whose scores change when a model is fitted with other events after what it may read.

    It may read the events that are learned from, and the validation questions with the paths before them; with
    ``options.refit`` all events before the test.

    Parameters
    ----------
    fit : callable
        As of a ``Recipe``.
    split : NextItemSplit
    options : FitOptions, optional
        Without a budget of time: that makes two fits of the same differ.
    seed : int
    """
    options, asked = options or FitOptions(), split.test
    known = split.whole() if options.refit else split
    ends = known.train_ends.copy()
    np.maximum.at(ends, split.valid.user, split.valid.ends)
    other = replace(split, log=changed_after(split.log, ends, seed, known.until), test=_unknown(split, seed))
    models = [fit(one, options, silent).model for one in (split, other)]
    if models[0].items != models[1].items:
        return np.arange(len(asked))
    before, after = (model.score(split.log, asked.user, asked.ends) for model in models)
    return np.flatnonzero(_differ(before, after))


def _unknown(split: NextItemSplit, seed: int) -> Questions:
    """Return the test questions with any items for answers."""
    asked, n = split.test, len(split.log.codes("item"))
    truth = np.random.default_rng(seed).integers(0, n, len(asked)).astype(np.int32)
    return replace(asked, truth=truth, time=asked.time + MICROSECONDS)


def _differ(before: Array, after: Array) -> npt.NDArray[np.bool_]:
    """Mark the rows that are not equal bit for bit."""
    different: npt.NDArray[np.bool_] = (before.view(np.uint32) != after.view(np.uint32)).any(axis=1)
    return different
