import numpy as np
import pytest

pytest.importorskip("scipy")

import pyarrow as pa

from cartpath.recommend.fit import hits
from cartpath.recommend.recommender import best, seen_items
from cartpath.recommend.signals import cooccurrence, popularity, recent_items
from cartpath.tasks import next_item_rows
from tests.features.logs import make_log, path_of, random_table, split_by_share

DAY = 1440.0


def two_users():
    ours = path_of([0, 1, 2 * DAY], ["view"] * 3, ["a", "b", "a"])
    theirs = path_of([DAY, DAY + 1, 3 * DAY], ["view", "page_view", "view"], ["a", None, "c"], user="v")
    return make_log(pa.concat_tables([ours, theirs]))


def of(log, counts):
    return dict(zip(log.codes("item"), np.asarray(counts).tolist(), strict=True))


def test_each_user_counts_once_an_item_and_nothing_after_the_moment():
    log = two_users()
    at = int(log.view.ts.min() + 3 * DAY * 60e6)
    assert of(log, popularity(log, at)) == {"a": 2, "b": 1, "c": 0}


def test_half_life_halves_by_the_latest_touch():
    log = two_users()
    at = int(log.view.ts.min() + 3 * DAY * 60e6)
    # u touched a a day before, v two days before: 1/2 + 1/4.
    assert of(log, popularity(log, at, half_life_days=1))["a"] == pytest.approx(3 / 4)


def test_pairs_by_hand():
    log = make_log(path_of([0, 1, 2, 3], ["view"] * 4, ["a", "b", "b", "c"]))
    codes = {name: code for code, name in enumerate(log.codes("item"))}
    found = cooccurrence(log, 2**62).toarray()
    a, b, c = (codes[name] for name in "abc")
    # Forwards a-b 1, b-c 1, a-c 1/2; backwards half of it. Columns add to a 3/4, b 3/2, c 3/2.
    raw = np.zeros((3, 3))
    raw[a, b], raw[a, c], raw[b, c] = 1, 1 / 2, 1
    raw[b, a], raw[c, a], raw[c, b] = 1 / 2, 1 / 4, 1 / 2
    scaled = raw / np.sqrt(np.maximum(raw.sum(axis=0), 1))
    np.testing.assert_allclose(found, scaled / scaled.sum(axis=1, keepdims=True))


def test_items_of_other_users_and_later_ones_make_no_pair():
    log = two_users()
    assert cooccurrence(log, int(log.view.ts.min()) + 1).sum() == 0
    codes = {name: code for code, name in enumerate(log.codes("item"))}
    assert cooccurrence(log, 2**62).toarray()[codes["b"], codes["c"]] == 0


def test_recent_items_fall_by_a_fifth():
    log = make_log(path_of(list(range(5)), ["view"] * 5, ["a", "b", "a", None, "c"]))
    found = recent_items(log, np.array([0, 0]), np.array([5, 2])).toarray()
    assert of(log, found[0]) == pytest.approx({"a": 0.8, "b": 0.64, "c": 1.0})
    assert of(log, found[1]) == pytest.approx({"a": 0.8, "b": 1.0, "c": 0.0})


def test_seen_items():
    log = two_users()
    rows = seen_items(log, np.array([0, 1]), log.view.offsets[:-1] + np.array([2, 0]), 3)
    codes = {name: code for code, name in enumerate(log.codes("item"))}
    first = log.view.user_id.to_pylist().index("u")
    expected = {codes["a"], codes["b"]} if first == 0 else {codes["a"]}
    assert set(np.flatnonzero(rows[0])) == expected
    assert not rows[1].any()


@pytest.mark.parametrize("seed", range(5))
def test_hits_agree_with_a_loop(seed):
    log = make_log(random_table(seed, users=12))
    rows = next_item_rows(log, *split_by_share(log.view).bounds("test"))
    rng = np.random.default_rng(seed)
    lists = np.array([rng.permutation(9)[:4] for _ in range(len(rows))]).reshape(-1, 4)
    lists[0, 3] = -1
    expected = [[item in rows.of(n).tolist() for item in lists[n]] for n in range(len(rows))]
    assert hits(lists, rows).tolist() == expected


def test_fewer_candidates_than_places():
    scores = np.array([[-np.inf, 2.0, 1.0], [-np.inf] * 3])
    assert best(scores, 4).tolist() == [[1, 2, -1, -1], [-1] * 4]
