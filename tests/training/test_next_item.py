"""Fitting and judging: popularity, the choice of settings, ranks under the split's rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cartpath.evaluation import rank_of
from cartpath.models.baselines import Popularity
from cartpath.schema import CartpathError
from cartpath.tasks import leave_one_out, time_split_last
from cartpath.training.next_item import MODELS, FitOptions, best_of, fit_model, judge, ndcg_10, recipe_of
from cartpath.training.next_item.judge import seen_of
from tests.features.logs import make_log, random_table, shop_table
from tests.tasks.test_protocols import log_of_rows


def weights_of(model: Popularity) -> dict[str, float]:
    return dict(zip(model.items.texts, model.weights.tolist(), strict=True))


def test_popularity_counts_what_may_be_learned() -> None:
    rows = [(user, n, "view", item) for user, path in {"u": "aabx", "v": "abby", "w": "ab"}.items()
            for n, item in enumerate(path)]  # fmt: skip
    split = leave_one_out(log_of_rows(rows, timed=False))
    assert weights_of(fit_model("popularity", split).model) == {"a": 4.0, "b": 2.0}


def test_popularity_of_late_by_hand() -> None:
    day = 86_400
    rows = [("u", 0, "view", "a"), ("u", day, "view", "a"), ("u", 3 * day, "view", "b"),
            ("u", 8 * day, "view", "c"), ("u", 9 * day, "view", "d"), ("u", 10 * day, "view", "d")]  # fmt: skip
    split = leave_one_out(log_of_rows(rows))  # learns from days 0, 1, 3 and 8
    fitted = fit_model("recent-popularity", split, FitOptions(settings={"half_life": 1.0}))
    assert weights_of(fitted.model) == {"a": 2**-8 + 2**-7, "b": 2**-5, "c": 1.0}
    assert fitted.chosen["half_life_days"] == 1.0
    untimed = leave_one_out(log_of_rows(rows, timed=False))
    fitted = fit_model("recent-popularity", untimed, FitOptions(settings={"half_life": 1.0}))
    assert weights_of(fitted.model) == {"a": 2**-3 + 2**-2, "b": 2**-1, "c": 1.0}


def test_the_half_life_is_the_one_validation_likes_best() -> None:
    split = time_split_last(make_log(shop_table(150)))
    fitted = fit_model("recent-popularity", split)
    tried = {row["half_life_days"]: row["valid_NDCG@10"] for row in fitted.chosen["tried"]}
    assert len(tried) == 6
    assert fitted.chosen["valid_NDCG@10"] == max(tried.values()) == ndcg_10(fitted.model, split)
    assert tried[fitted.chosen["half_life_days"]] == max(tried.values())


def test_seen_items_are_those_of_the_path_before_the_end() -> None:
    split = leave_one_out(make_log(random_table(5, users=12)), filter_seen=True)
    model, log = fit_model("popularity", split).model, split.log
    rows, columns = seen_of(model.items, log, split.test)
    for row in range(len(split.test)):
        path = log.view.item[log.view.offsets[split.test.user[row]] : split.test.ends[row]]
        texts = {log.codes("item")[code] for code in path if code >= 0} & set(model.items.texts)
        assert {model.items.texts[column] for column in columns[rows == row]} == texts


@pytest.mark.parametrize("batch", [1, 3, None])
@pytest.mark.parametrize("filter_seen", [True, False])
def test_batches_make_no_difference(batch: int | None, filter_seen: bool) -> None:
    split = leave_one_out(make_log(random_table(5, users=12)), filter_seen=filter_seen)
    model = fit_model("popularity", split).model
    scores = model.score(split.log, split.test.user, split.test.ends)
    column = model.items.columns_of(split.log)[split.test.truth]
    hidden = seen_of(model.items, split.log, split.test) if filter_seen else None
    assert judge(model, split, split.test, batch=batch).tolist() == rank_of(scores, column, hidden).tolist()


def test_filtering_moves_answers_up_and_never_down() -> None:
    split = leave_one_out(make_log(random_table(8, users=40)))
    model = fit_model("popularity", split).model
    plain = judge(model, split, split.test)
    filtered = judge(model, replace(split, filter_seen=True), split.test)
    assert (filtered <= plain).all()
    assert (filtered < plain).any()


def test_the_first_of_equals_is_taken() -> None:
    split = leave_one_out(make_log(random_table(8, users=40)))
    model = fit_model("popularity", split).model
    chosen = best_of(split, [({"a": 1}, model), ({"a": 2}, model)], lambda *_: None)
    assert chosen.chosen["a"] == 1
    with pytest.raises(ValueError, match="no candidate"):
        best_of(split, [], lambda *_: None)


def test_names_are_known_or_corrected() -> None:
    with pytest.raises(CartpathError, match="did you mean 'popularity'"):
        recipe_of("popularty")
    for name, recipe in MODELS.items():
        assert recipe.name == name
        assert recipe.about


@pytest.mark.data
def test_popularity_on_beauty(data_dir) -> None:  # type: ignore[no-untyped-def]
    lines = (data_dir / "s3rec" / "Beauty.txt").read_text().splitlines()
    rows = [(line.split()[0], n, "view", item) for line in lines for n, item in enumerate(line.split()[1:])]
    split = leave_one_out(log_of_rows(rows, timed=False), filter_seen=True)
    assert (split.log.view.n_users, len(split.log.codes("item")), len(split.test)) == (22_363, 12_101, 22_363)
    model = fit_model("popularity", split).model
    ranks = judge(model, split, split.test)
    # By another way: counts of a dictionary, a sort, a set of what was seen.
    paths = {line.split()[0]: line.split()[1:] for line in lines}
    counts: dict[str, int] = {}
    for path in paths.values():
        for item in path[:-2]:
            counts[item] = counts.get(item, 0) + 1
    order = sorted(counts, key=lambda item: (-counts[item], model.items.texts.index(item)))
    best = order[:60]
    users = split.log.view.user_id.to_pylist()
    for row in range(0, len(ranks), 97):
        path = paths[users[split.test.user[row]]]
        shown = [item for item in best if item not in path[:-1]][:10]
        assert (ranks[row] <= 10) == (path[-1] in shown)
    assert np.isclose((ranks <= 10).mean(), 0.0114, atol=0.002)
