"""The pool of network and counts: what its scores are, that it is chosen well, and that it survives a disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.models.baselines import ItemToItem
from cartpath.models.pooled_next_item import PooledNextItem
from cartpath.schema import CartpathError
from cartpath.tasks import NextItemSplit, leave_one_out
from cartpath.training.next_item import FitOptions, Fitted, fit_model, ndcg_10
from cartpath.training.next_item.pooled import COUNTS, FLOORS, REPEATS, WEIGHTS, pooled, repeating
from tests.features.logs import make_log, shop_table, times

TINY = {"max_epochs": 2, "hidden": 16, "layers": 1, "heads": 2}


@pytest.fixture(scope="module")
def split() -> NextItemSplit:
    return leave_one_out(make_log(shop_table(150, seed=5)), filter_seen=True)


@pytest.fixture(scope="module")
def fitted(split: NextItemSplit) -> Fitted:
    return fit_model("cartpath", split, FitOptions(settings=TINY))


@pytest.fixture(scope="module")
def model(fitted: Fitted) -> PooledNextItem:
    assert isinstance(fitted.model, PooledNextItem)
    return fitted.model


def test_a_score_is_the_networks_and_what_follows_from_counts(split: NextItemSplit, model: PooledNextItem) -> None:
    asked, pool = split.test.take(np.arange(6)), replace(model, weight=0.7, floor=0.01)
    scores = pool.score(split.log, asked.user, asked.ends)
    network = model.network.score(split.log, asked.user, asked.ends)
    counted = model.follows.score(split.log, asked.user, asked.ends)
    for row, column in np.ndindex(scores.shape):
        place = model.follows.items.texts.index(model.items.texts[column])
        share = max(counted[row, place], 0) / sum(max(value, 0) for value in counted[row])
        expected = network[row, column] + 0.7 * np.log(1 + share / 0.01)
        assert scores[row, column] == pytest.approx(expected, abs=1e-5)


def test_what_is_chosen_is_best_on_the_validation_questions(split: NextItemSplit, fitted: Fitted) -> None:
    model, pool = fitted.model, fitted.chosen["pool"]
    assert isinstance(model, PooledNextItem)
    each = {name: fit_model(name, split).model for name in COUNTS}
    pools = [replace(model, follows=counts, weight=9.0) for counts in each.values()]
    tried = {
        (which, weight, floor): ndcg_10(replace(pools[which], weight=weight, floor=floor), split)
        for which in range(len(pools))
        for weight in WEIGHTS
        for floor in FLOORS
    }
    which, best, score = pooled(pools, split)
    assert score == pytest.approx(tried[which, best.weight, best.floor]) == pytest.approx(max(tried.values()))
    assert (list(COUNTS)[which], best.weight, best.floor) == (pool["counts"], pool["weight"], pool["floor"])
    assert (model.weight, model.floor) == (best.weight, best.floor)
    assert model.follows.kind == pool["counts"]


def test_items_of_the_path_get_what_is_best_on_the_validation_questions(model: PooledNextItem) -> None:
    split = replace(leave_one_out(make_log(shop_table(150, seed=5))), filter_seen=False)
    tried = {
        (last, earlier): ndcg_10(replace(model, last=last, earlier=earlier), split)
        for last in REPEATS
        for earlier in REPEATS
    }
    best, score = repeating(replace(model, last=9.0), split)
    assert score == pytest.approx(tried[best.last, best.earlier]) == pytest.approx(max(tried.values()))
    assert (best.last, best.earlier) != (0.0, 0.0)
    asked = split.test.take(np.arange(8))
    plain, scores = (one.score(split.log, asked.user, asked.ends) for one in (model, best))
    view, columns = split.log.view, model.items.columns_of(split.log)
    for row, (user, end) in enumerate(zip(asked.user, asked.ends, strict=True)):
        path = [column for column in columns[view.item[view.offsets[user] : end]] if column >= 0]
        for column in range(len(model.items)):
            added = 0 if column not in path else best.last if column == path[-1] else best.earlier
            assert scores[row, column] == pytest.approx(plain[row, column] + added, abs=1e-5)


def test_items_that_are_no_candidates_get_nothing(fitted: Fitted) -> None:
    assert (fitted.chosen["pool"]["last"], fitted.chosen["pool"]["earlier"]) == (0.0, 0.0)


def test_counts_that_do_not_help_are_left_out(split: NextItemSplit, model: PooledNextItem) -> None:
    right = fit_model("item-to-item", split).model
    assert isinstance(right, ItemToItem)
    wrong = right.neighbours
    others = np.random.default_rng(0).permutation(len(right.items)).astype(np.int32)
    # What follows each item is said to follow another one.
    confused = replace(right, neighbours=replace(wrong, columns=others[wrong.columns]))
    _, of_right, _ = pooled([replace(model, follows=right)], split)
    _, of_wrong, _ = pooled([replace(model, follows=confused)], split)
    assert of_right.weight > of_wrong.weight
    which, *_ = pooled([replace(model, follows=confused), replace(model, follows=right)], split)
    assert which == 1
    asked = split.test.take(np.arange(5))
    nothing = replace(model, weight=0.0).score(split.log, asked.user, asked.ends)
    assert (nothing == model.network.score(split.log, asked.user, asked.ends)).all()


def test_it_is_saved_and_loaded(split: NextItemSplit, model: PooledNextItem, tmp_path) -> None:
    model.save(tmp_path)
    asked = split.test.take(np.arange(5))
    again = PooledNextItem.load(tmp_path)
    assert (again.weight, again.floor) == (model.weight, model.floor)
    expected = model.score(split.log, asked.user, asked.ends)
    assert again.score(split.log, asked.user, asked.ends).tolist() == expected.tolist()
    with pytest.raises(CartpathError, match="pooled"):
        PooledNextItem.load(tmp_path / "network")


def test_counts_say_nothing_of_items_they_do_not_have(split: NextItemSplit, model: PooledNextItem) -> None:
    more = pa.table({"item_id": ["unseen"], "ts": times([0.0]), "user_id": ["u9999"], "event": ["view"]})
    log = make_log(pa.concat_tables([shop_table(150, seed=5), more], promote_options="default"))
    pool = replace(model, weight=1.0, floor=0.01)
    wider, users = pool.with_items(log), np.arange(5)
    ends = log.view.offsets[1:][users]
    assert wider.items.texts == (*model.items.texts, "unseen")
    scores, network = wider.score(log, users, ends), wider.network.score(log, users, ends)
    assert (scores[:, -1] == network[:, -1]).all()
    assert (scores[:, :-1] > network[:, :-1]).any()
    np.testing.assert_allclose(scores[:, :-1], pool.score(log, users, ends), atol=1e-5)
    with pytest.raises(CartpathError, match="cannot be saved"):
        wider.network.save(Path("nowhere"))


def test_training_has_half_of_a_budget_in_any_case(split: NextItemSplit) -> None:
    fitted = fit_model("cartpath", split, FitOptions(settings=TINY, budget_seconds=0.5))
    assert fitted.epochs
    assert fitted.curve[0]["NDCG@10"] > 0


def test_the_curve_ends_with_the_pool_and_counts_all_seconds(fitted: Fitted, split: NextItemSplit) -> None:
    *network, last = fitted.curve
    assert len(network) == fitted.epochs
    assert last["NDCG@10"] == pytest.approx(ndcg_10(fitted.model, split))
    assert network[-1]["seconds"] <= last["seconds"]
    assert fitted.chosen["pool"].keys() == {"weight", "floor", "last", "earlier", "counts", "settings"}


@pytest.mark.parametrize("counts", COUNTS)
def test_either_kind_of_counts_is_saved_and_loaded(
    split: NextItemSplit, model: PooledNextItem, counts: str, tmp_path: Path
) -> None:
    follows = fit_model(counts, split).model
    pool = replace(model, follows=follows, weight=1.0, floor=0.01, last=-0.5, earlier=1.0)
    pool.save(tmp_path)
    again, asked = PooledNextItem.load(tmp_path), split.test.take(np.arange(5))
    assert type(again.follows) is type(follows)
    expected = pool.score(split.log, asked.user, asked.ends)
    assert again.score(split.log, asked.user, asked.ends).tolist() == expected.tolist()
