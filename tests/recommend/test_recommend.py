import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath import store, training
from cartpath.models import current_version
from cartpath.recommend import evaluate_recommender, fit_recommender, recommend
from cartpath.schema import CartpathError
from cartpath.training.card import read_card
from tests.features.logs import path_of, times
from tests.training.test_training import make_shop


def tastes_table(users=250, seed=0):
    """Each user keeps to one of four kinds of ten items and never touches an item twice."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        kind, minute = int(rng.integers(0, 4)), float(rng.integers(0, 20 * 1440))
        for item in rng.permutation(10)[: int(rng.integers(3, 9))]:
            rows.append((f"u{user}", minute, f"i{kind * 10 + int(item)}"))
            minute += float(rng.integers(1, 1440))
    columns = list(zip(*rows, strict=True))
    n = len(rows)
    return pa.table({"user_id": columns[0], "ts": times(columns[1]), "event": ["view"] * n, "item_id": columns[2]})


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = make_shop(tmp_path_factory.mktemp("shop") / "s", tastes_table())
    with store.writer(folder) as writer:
        writer.put_items(pa.table({"item_id": [f"i{n}" for n in range(39)], "title": [f"Item {n}" for n in range(39)]}))
        writer.commit(sources=[], quarantine={})
    training.pretrain(folder, epochs=2, train_until="2024-01-15")
    return folder


@pytest.fixture(scope="module")
def judged(shop):
    fit_recommender(shop)
    return evaluate_recommender(shop)


def figure(judged, model, task="next_item"):
    return next(
        r["value"]
        for r in judged["leaderboard"]
        if (r["task"], r["model"], r["metric"]) == (task, model, "recall_at_20")
    )


def test_ahead_of_popularity(judged):
    assert figure(judged, "blend", "next_item_known") > figure(judged, "popular", "next_item_known") + 0.1
    assert figure(judged, "blend") > figure(judged, "popular")
    against = next(c for c in judged["comparisons"] if c["against"] == "popular")
    assert against["recall_at_20"]["low"] > 0


def test_where_nobody_returns_to_an_item_it_is_left_out(judged):
    assert judged["exclude_seen"]
    assert judged["excluded"] == "items the user touched before"


def test_the_figures_are_among_the_workspaces(shop, judged):
    assert [row for row in training.metrics(shop) if row["task"].startswith("next_item")] == judged["leaderboard"]


def test_a_list_is_sorted_distinct_and_explained(shop):
    found = recommend(shop, "u3", k=15)
    assert len(found) == 15
    assert len({row["item_id"] for row in found}) == 15
    scores = [row["score"] for row in found]
    assert scores[0] == 1.0
    assert scores == sorted(scores, reverse=True)
    for row in found:
        assert set(row) == {"item_id", "title", "score", "why"}
        assert row["why"]
        assert row["title"] == (None if row["item_id"] == "i39" else f"Item {row['item_id'][1:]}")
    assert found.to_dict() == {"user_id": "u3", "known": True, "items": list(found)}


def test_a_user_gets_items_of_their_kind(shop):
    with store.open_snapshot(shop) as snapshot:
        views = [snapshot.bucket(bucket) for bucket in range(snapshot.n_buckets)]
        items = snapshot.codes("item")
        for view in views[:10]:
            for path in view:
                touched = {items[code] for code in path.item}
                kind = {int(item[1:]) // 10 for item in touched}
                top = recommend(shop, path.user_id[0].as_py(), k=1)[0]["item_id"]
                assert top not in touched
                assert int(top[1:]) // 10 in kind
                break


def test_a_user_nobody_knows_gets_what_is_popular(shop):
    found = recommend(shop, "nobody", k=40)
    assert not found.known
    assert len(found) == 40
    assert {row["why"] for row in found} <= {"popular", "popular now"}


def test_the_blend_follows_a_new_pretraining(tmp_path):
    shop = make_shop(tmp_path / "s", tastes_table(60))
    training.pretrain(shop, epochs=1)
    recommend(shop, "u1", k=3)
    first = read_card(current_version(shop, "recommender", ""))
    training.pretrain(shop, epochs=2)
    recommend(shop, "u1", k=3)
    card = read_card(current_version(shop, "recommender", ""))
    assert card["pretrained"] == read_card(current_version(shop, "behaviour", ""))["made"]
    assert card["cuts"] == first["cuts"]


def test_what_cannot_be_recommended_is_told(tmp_path):
    shop = make_shop(tmp_path / "s", path_of([0, 1, 2, 3], ["page_view"] * 4))
    with pytest.raises(CartpathError, match=r"cartpath pretrain|no event has an item"):
        recommend(shop, "u")
    training.pretrain(shop, epochs=1)
    with pytest.raises(CartpathError, match="no event has an item"):
        recommend(shop, "u")
    with pytest.raises(CartpathError, match="no event has an item"):
        evaluate_recommender(shop)
    with pytest.raises(CartpathError, match="1 or more"):
        recommend(shop, "u", k=0)
    with pytest.raises(CartpathError, match="no slice"):
        evaluate_recommender(shop, slice="train")


@pytest.mark.parametrize("n_items", [1, 2])
def test_few_items_and_one_user(tmp_path, n_items):
    shop = make_shop(tmp_path / "s", path_of(list(range(20)), ["view"] * 20, [f"i{n % n_items}" for n in range(20)]))
    training.pretrain(shop, epochs=1)
    assert 0 < len(recommend(shop, "u")) <= n_items
    assert evaluate_recommender(shop)["n"] == 1
