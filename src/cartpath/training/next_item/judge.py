"""Ranks of the answers: the one way in which models are compared, chosen by and stopped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.ranks import ndcg_at, rank_of
from cartpath.features import Log
from cartpath.models.next_item import ItemIndex, NextItemModel
from cartpath.tasks import NextItemSplit, Questions

Index = npt.NDArray[np.int64]
#: Scores held in memory at once.
_CELLS = 8_000_000


def judge(
    model: NextItemModel,
    split: NextItemSplit,
    questions: Questions,
    *,
    with_time: bool = False,
    batch: int | None = None,
) -> Index:
    """Return the rank of each question's answer among all items of the model (n,).

    Parameters
    ----------
    model : NextItemModel
    split : NextItemSplit
        Says whether items of the path so far are left out.
    questions : Questions
        Of the split, or some of them.
    with_time : bool
        Whether the model is told when the answer came.
    batch : int, optional
        Questions scored at once; by default as many as fit into memory.

    Returns
    -------
    int64 array (n,)
        From 1; ``evaluation.ranks.UNRANKED`` where the model cannot rank the item.
    """
    batch = batch or max(_CELLS // max(len(model.items), 1), 1)
    # Batches of like lengths: a network pads each batch to its longest path.
    order = np.argsort(questions.ends - split.log.view.offsets[questions.user], kind="stable")
    ranks = np.empty(len(questions), np.int64)
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        ranks[rows] = _ranks(model, split, questions.take(rows), with_time)
    return ranks


def _ranks(model: NextItemModel, split: NextItemSplit, asked: Questions, with_time: bool) -> Index:
    scores = model.score(split.log, asked.user, asked.ends, asked.time if with_time else None)
    column = model.items.columns_of(split.log)[asked.truth]
    return rank_of(scores, column, seen_of(model.items, split.log, asked) if split.filter_seen else None)


def seen_of(items: ItemIndex, log: Log, asked: Questions) -> tuple[Index, Index]:
    """Return question and column of every item of the paths before the ends; repeats are not removed."""
    starts = log.view.offsets[asked.user]
    counts = asked.ends - starts
    rows = np.repeat(np.arange(len(asked)), counts)
    places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(starts, counts)
    columns = items.columns_of(log)[log.view.item[places]]
    return rows[columns >= 0], columns[columns >= 0]


def ndcg_10(model: NextItemModel, split: NextItemSplit, questions: Questions | None = None) -> float:
    """Return the mean NDCG@10 on the validation questions, or on some others."""
    return float(ndcg_at(judge(model, split, split.valid if questions is None else questions), 10).mean())
