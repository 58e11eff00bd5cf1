"""Each part by hand or beside a loop, and none of them sees what comes after."""

import math

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.features import log_from_table
from cartpath.models import ItemIndex
from cartpath.recommend.axis import axis_of
from cartpath.recommend.parts import KINDS, Parts, Sources, fit_parts
from cartpath.recommend.parts.again import Again
from cartpath.recommend.parts.content import fit_content
from cartpath.recommend.parts.due import Due, fit_due
from cartpath.recommend.parts.learned import fit_bought
from cartpath.recommend.parts.popular import touches
from tests.features.logs import make_log, path_of, random_table, split_by_share
from tests.models.test_behaviour import random_model

DAY = 1440.0
EVER = 2**62


def sources_of(table, items=None, until=EVER, pretrained=None):
    log = log_from_table(table, items)
    return Sources(axis_of(log), until, pretrained, {})


def of(sources, values):
    return dict(zip(sources.axis.items.texts, np.asarray(values).tolist(), strict=True))


def two_users():
    ours = path_of([0, 1, 2 * DAY], ["view"] * 3, ["a", "b", "a"])
    theirs = path_of([DAY, DAY + 1, 3 * DAY], ["view", "page_view", "view"], ["a", None, "c"], user="v")
    return pa.concat_tables([ours, theirs])


def test_each_user_counts_once_an_item_and_nothing_after_the_moment():
    begin = sources_of(two_users()).axis.log.view.ts.min()
    sources = sources_of(two_users(), until=int(begin + 3 * DAY * 60e6))
    assert of(sources, touches(sources)) == {"a": 2, "b": 1, "c": 0}
    # u touched a a day before, v two days before: 1/2 + 1/4.
    assert of(sources, touches(sources, half_life_days=1))["a"] == pytest.approx(3 / 4)


def test_looked_at_before_falls_by_a_fifth_an_item():
    sources = sources_of(path_of(list(range(5)), ["view"] * 5, ["a", "b", "a", None, "c"]))
    scores = Again(sources.axis.items).score(sources.axis.log, np.array([0, 0]), np.array([5, 2]))
    assert of(sources, scores[0]) == pytest.approx({"a": 0.8, "b": 0.64, "c": 1.0})
    assert of(sources, scores[1]) == pytest.approx({"a": 0.8, "b": 1.0, "c": 0.0})


def catalogue():
    titles = {"a": "red mug", "b": "red cup", "c": "blue cup", "d": "green hat", "new": "blue mug"}
    return pa.table({"item_id": list(titles), "title": list(titles.values())})


def test_content_is_a_cosine_and_knows_items_that_nobody_touched():
    table = path_of([0, 1, 2, 3], ["view"] * 4, ["a", "b", "c", "d"])
    sources = sources_of(table, catalogue())
    model = fit_content(sources)
    scores = of(sources, model.score(sources.axis.log, np.array([0]), np.array([1]))[0])
    # Words of two items or more and not of all: red (a, b) and cup (b, c), idf log 2 each. mug is of a alone.
    assert scores == pytest.approx({"a": 0.0, "b": math.sqrt(1 / 2), "c": 0.0, "d": 0.0, "new": 0.0})
    table = path_of([0, 1, 2, 3, 4], ["view"] * 5, ["a", "b", "c", "d", "e"])
    more = pa.table(
        {
            "item_id": ["a", "b", "c", "d", "e", "new"],
            "title": ["red mug", "red cup", "blue cup", "blue hat", "mug", "blue mug"],
        }
    )
    sources = sources_of(table, more)
    scores = of(sources, fit_content(sources).score(sources.axis.log, np.array([0]), np.array([1]))[0])
    # a is red and mug, new is blue and mug, all words alike: 1/2. The path's own item is no answer.
    assert scores["new"] == pytest.approx(1 / 2)
    assert scores["e"] == pytest.approx(math.sqrt(1 / 2))
    assert scores["a"] == 0


def test_due_by_hand():
    days = [0, 10, 20, 0, 30]
    table = pa.concat_tables(
        [
            path_of([DAY * d for d in days[:3]], ["purchase"] * 3, ["a", "a", "a"]),
            path_of([0, 30 * DAY], ["purchase", "view"], ["b", "a"], user="v"),
            path_of([0, 0], ["purchase", "purchase"], ["a", "b"], user="w"),
        ]
    )
    sources = sources_of(table)
    model = fit_due(sources)
    # One of a's two buyers came back, none of b's two: the shop's share is 1/4 and counts as ten buyers.
    assert of(sources, model.again) == pytest.approx({"a": (1 + 10 / 4) / 12, "b": (0 + 10 / 4) / 12})
    assert of(sources, model.usual / 86_400) == pytest.approx({"a": 10, "b": 10})
    log = sources.axis.log
    rows = {log.view.user_id[row].as_py(): row for row in range(3)}
    user = np.array([rows["u"], rows["v"]])
    ends = log.view.offsets[user + 1].astype(np.int64)
    now = int(log.view.ts.min()) + int(40 * DAY * 60e6)
    u, v = (of(sources, row) for row in model.score(log, user, ends, np.array([now, now])))
    # u bought a 20 days ago and does so every 10; v bought b 40 days ago.
    assert u == pytest.approx({"a": 3.5 / 12 * 2 * math.exp(-1), "b": 0})
    assert v == pytest.approx({"a": 0, "b": 2.5 / 12 * 4 * math.exp(-3)})
    assert not model.score(log, user, ends, log.view.ts[ends - 1] * 0)[0, 0] > 0.5


def test_bought_together_is_counted_by_order_and_by_session():
    table = pa.concat_tables(
        [
            path_of([0, 1, 2, 3 * DAY], ["purchase", "view", "purchase", "purchase"], ["a", "c", "b", "d"]),
            path_of([0, 1], ["purchase", "purchase"], ["a", "b"], user="v"),
        ]
    )
    sources = sources_of(table)
    baskets = sources.baskets
    texts = sources.axis.items.texts
    found = [sorted(texts[c] for c in baskets.columns[baskets.offsets[n] : baskets.offsets[n + 1]]) for n in range(3)]
    assert sorted(found) == [["a", "b"], ["a", "b"], ["d"]]
    scores = of(sources, fit_bought(sources).score(sources.axis.log, np.array([0]), np.array([1]))[0])
    assert scores["b"] == pytest.approx(1.0)  # 2 / sqrt(2 * 2)
    assert max(scores["c"], scores["d"]) < 0
    assert fit_bought(sources_of(path_of([0, 1], ["view"] * 2, ["a", "b"]))) is None


@pytest.fixture(scope="module")
def log():
    return make_log(random_table(11, users=40, events=60))


@pytest.fixture(scope="module")
def fitted(log):
    axis = axis_of(log)
    until = split_by_share(log.view).train_until
    return fit_parts(Sources(axis, until, random_model(log), {}), axis.touched(until)), axis, until


def test_every_part_is_fitted_where_there_is_something_to_learn(fitted):
    assert set(fitted[0].models) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_parts_come_back_as_they_were_saved(fitted, name, tmp_path):
    parts, axis, _ = fitted
    few = parts.only([name])
    few.save(tmp_path)
    again = Parts.load(tmp_path, getattr(parts.models["behaviour"], "pretrained", None))
    user, ends = np.arange(8), axis.log.view.offsets[1:9].astype(np.int64)
    one, other = (each.candidates(axis.log, user, ends) for each in (few, again))
    assert one.columns.tolist() == other.columns.tolist()
    np.testing.assert_array_equal(one.strength, other.strength)
    assert again.until == parts.until


def test_nothing_from_the_moment_on_is_learned(log, fitted):
    """The same parts of a log whose later events are others."""
    parts, _axis, until = fitted
    later = log.view.ts >= until
    table = random_table(11, users=40, events=60)
    ts = table["ts"].cast(pa.int64()).to_numpy()
    items = [
        None if item is None else "i3" if when >= until else item
        for item, when in zip(table["item_id"].to_pylist(), ts, strict=True)
    ]
    other_log = make_log(table.set_column(table.column_names.index("item_id"), "item_id", pa.array(items, pa.string())))
    assert later.any()
    assert other_log.codes("item") == log.codes("item")
    other_axis = axis_of(other_log)
    other = fit_parts(Sources(other_axis, until, parts.models["behaviour"].pretrained, {}), other_axis.touched(until))
    before = np.searchsorted(log.view.ts * 0, 0)
    user = np.arange(log.view.n_users)
    ends = log.view.offsets[:-1] + np.array(
        [int((log.view.ts[log.view.offsets[u] : log.view.offsets[u + 1]] < until).sum()) for u in user]
    )
    one, two = (each.candidates(log, user, ends) for each in (parts, other))
    assert before == 0
    assert one.columns.tolist() == two.columns.tolist()
    np.testing.assert_array_equal(one.strength, two.strength)


def test_candidates_do_not_see_what_comes_after_the_end(log, fitted):
    parts, axis, _ = fitted
    view = axis.log.view
    user = np.arange(view.n_users)
    middle = (view.offsets[:-1] + view.offsets[1:]) // 2
    whole = parts.candidates(axis.log, user, middle)
    from dataclasses import replace

    from cartpath.features import only

    inside = np.concatenate([np.arange(view.offsets[u], middle[u]) for u in user])
    cut = replace(axis.log, view=only(view, inside))
    part = parts.candidates(cut, user, cut.view.offsets[1:].astype(np.int64))
    assert whole.columns.tolist() == part.columns.tolist()
    np.testing.assert_allclose(whole.strength, part.strength, atol=1e-6)


def test_batches_say_the_same_as_everything_at_once(fitted, monkeypatch):
    parts, axis, _ = fitted
    user, ends = np.arange(30), axis.log.view.offsets[1:31].astype(np.int64)
    whole = parts.candidates(axis.log, user, ends)
    monkeypatch.setattr("cartpath.recommend.parts.fitted._CELLS", 7 * len(axis.items))
    found = parts.candidates(axis.log, user, ends)
    assert found.columns.tolist() == whole.columns.tolist()
    assert found.offsets.tolist() == whole.offsets.tolist()
    np.testing.assert_allclose(found.strength, whole.strength, atol=1e-5)


def test_an_item_of_the_last_half_hour_is_no_candidate():
    table = path_of([0, 1, 2], ["view"] * 3, ["a", "b", "c"])
    sources = sources_of(table)
    parts = fit_parts(sources, sources.axis.touched(EVER), ["again", "popular"])
    log, user, ends = sources.axis.log, np.array([0]), np.array([3])
    last = int(log.view.ts[2])
    names = lambda found: [sources.axis.items.texts[c] for c in found.columns]  # noqa: E731
    assert names(parts.candidates(log, user, ends)) == ["a", "b"]
    assert names(parts.candidates(log, user, ends, np.array([last + 29 * 60_000_000]))) == ["a", "b"]
    assert names(parts.candidates(log, user, ends, np.array([last + 30 * 60_000_000]))) == ["a", "b", "c"]


def test_columns_of_a_dictionary_that_grows():
    texts = ["a", "b"]
    codes = lambda name: texts  # noqa: E731
    from types import SimpleNamespace

    log = SimpleNamespace(codes=codes)
    index = ItemIndex(("b", "c"))
    assert index.columns_of(log).tolist() == [-1, 0, -1]
    texts += ["c", "x"]
    assert index.columns_of(log).tolist() == [-1, 0, 1, -1, -1]
    assert index.column("c") == 1
    assert index.column("x") is None


def test_due_needs_purchases():
    assert fit_due(sources_of(path_of([0, 1], ["view"] * 2, ["a", "b"]))) is None
    model = Due(ItemIndex(("a",)), np.ones(1, np.float32), np.ones(1, np.float32))
    log = log_from_table(path_of([0, 1], ["view"] * 2, ["a", "a"]))
    assert model.score(log, np.array([0]), np.array([2])).tolist() == [[0.0]]
