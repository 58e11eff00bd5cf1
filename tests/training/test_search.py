"""Choosing settings uphill, on models whose quality is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from cartpath.models.baselines import Popularity
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.tasks import NextItemSplit, leave_one_out
from cartpath.training.next_item import FitOptions
from cartpath.training.next_item.search import Grid, climb, some_of
from tests.features.logs import make_log, shop_table

GRID = Grid({"a": (1, 2, 3, 4), "b": (10, 20, 30)}, {"b": 10, "a": 4})


class Rigged(Popularity):
    """Knows the answers of a share of the questions."""

    def __init__(self, split: NextItemSplit, share: float) -> None:
        items = ItemIndex.of_codes(split.log, split.train_items())
        super().__init__(items, np.zeros(len(items), np.float32))
        known = int(share * len(split.valid))
        object.__setattr__(self, "answers", dict(zip(split.valid.user[:known], split.valid.truth, strict=False)))

    def score(self, log: Any, user: Index, ends: Index, time: Index | None = None) -> Scores:
        scores = super().score(log, user, ends, time)
        columns = self.items.columns_of(log)
        for row, name in enumerate(user):
            if name in self.answers:  # type: ignore[attr-defined]
                scores[row, columns[self.answers[name]]] = 1  # type: ignore[attr-defined]
        return scores


def climbed(options: FitOptions) -> tuple[Any, list[tuple[int, int]]]:
    """Best at a = 2, b = 30; better the nearer."""
    split = leave_one_out(make_log(shop_table(60)))
    tried = []

    def build(settings: dict[str, Any]) -> Rigged:
        a, b = settings["a"], settings["b"]
        tried.append((a, b))
        return Rigged(split, 1 - 0.2 * abs(a - 2) - 0.02 * (30 - b))

    return climb(split, options, GRID, lambda _: build, lambda *_: None), tried


def test_the_top_is_found_without_trying_everything() -> None:
    fitted, tried = climbed(FitOptions())
    assert (fitted.chosen["a"], fitted.chosen["b"]) == (2, 30)
    assert len(tried) == len(set(tried)) == fitted.chosen["tried"] < 12
    quality = [point["NDCG@10"] for point in fitted.curve]
    assert quality == sorted(quality)
    assert fitted.chosen["valid_NDCG@10"] == quality[-1] > 0.99


def test_given_settings_stay() -> None:
    fitted, tried = climbed(FitOptions(settings={"a": 3, "unknown": 1}))
    assert {a for a, _ in tried} == {3}
    assert fitted.chosen["b"] == 30


def test_when_the_time_is_up_the_best_so_far_is_taken() -> None:
    fitted, tried = climbed(FitOptions(budget_seconds=0.0))
    assert tried == [(4, 10)]
    assert (fitted.chosen["a"], fitted.chosen["b"]) == (4, 10)


def test_a_sample_of_questions_is_the_same_each_time() -> None:
    questions = leave_one_out(make_log(shop_table(60))).valid
    assert some_of(questions, 10**6, 0) is questions
    sample = some_of(questions, 10, 0)
    assert len(sample) == 10
    assert np.array_equal(sample.ends, some_of(questions, 10, 0).ends)
    assert not np.array_equal(sample.ends, some_of(questions, 10, 1).ends)
    assert (np.diff(sample.user) > 0).all()
