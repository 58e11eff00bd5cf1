"""Slates: of live paths, of nobody, of items that came later; popular and similar items; whole files of slates."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath import store, training
from cartpath.features import join, read_log, stretch
from cartpath.models import current_version
from cartpath.privacy import forget
from cartpath.recommend import Placed, Ranker, Slate, recommend, recommend_all
from cartpath.recommend.kept import KEPT
from cartpath.schema import CartpathError
from tests.recommend.test_recommend import tastes_table
from tests.training.test_training import make_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = make_shop(tmp_path_factory.mktemp("ranker") / "s", tastes_table())
    with store.writer(folder) as writer:
        items = [*(f"i{n}" for n in range(40)), "cold"]
        titles = [*(f"kind{n // 10} thing{n % 3}" for n in range(40)), "kind1 thing2"]
        writer.put_items(pa.table({"item_id": items, "title": titles}))
        writer.commit(sources=[], quarantine={})
    training.pretrain(folder, epochs=1, train_until="2024-01-15")
    return folder


@pytest.fixture(scope="module")
def ranker(shop):
    return Ranker.load(shop)


@pytest.fixture(scope="module")
def log(shop):
    with store.open_snapshot(shop) as snapshot:
        return read_log(snapshot)


def all_ends(log):
    return np.arange(log.view.n_users), log.view.offsets[1:].astype(np.int64)


def test_slates_are_sorted_distinct_and_their_parts_add_up(ranker, log):
    found = ranker.slates(log, *all_ends(log), 7)
    assert len(found) == log.view.n_users
    for slate in found:
        assert isinstance(slate, Slate)
        assert not slate.fallback
        assert len({one.item_id for one in slate.items}) == len(slate.items) == 7
        scores = [one.score for one in slate.items]
        assert scores[0] == 1.0
        assert scores == sorted(scores, reverse=True)
        assert slate.candidates >= 7
        for one in slate.items:
            assert isinstance(one, Placed)
            assert sum(one.parts.values()) == pytest.approx(1, abs=1e-3)
            assert set(one.parts) <= set(ranker.parts.models)
            assert one.propensity == 1.0
            assert one.why


def test_a_live_path_alone_gets_what_it_gets_among_all(ranker, log):
    """The path of one user, with dictionaries that have grown, as a live state gives it."""
    whole = ranker.slates(log, *all_ends(log), 5)
    texts = {name: [*log.codes(name), "later"] for name in ("item", "event", "page", "query", "channel", "device")}
    codes = lambda name: texts.get(name) or log.codes(name)  # noqa: E731
    for user in (0, 3, 11):
        live = replace(log, view=stretch(log.view, user, user + 1), codes=codes)
        alone = ranker.slates(live, np.zeros(1, np.int64), live.view.offsets[1:].astype(np.int64), 5)[0]
        assert [one.item_id for one in alone.items] == [one.item_id for one in whole[user].items]
        assert [one.score for one in alone.items] == pytest.approx([one.score for one in whole[user].items], abs=1e-4)


def test_an_item_that_came_later_is_passed_over(ranker, log):
    """It is history that says nothing, and no candidate."""
    texts = [*log.codes("item"), "brand new"]
    codes = lambda name: texts if name == "item" else log.codes(name)  # noqa: E731
    view = stretch(log.view, 0, 1)
    item = view.item.copy()
    item[-1] = len(texts) - 1
    live = replace(log, view=replace(view, item=item), codes=codes)
    found = ranker.slates(live, np.zeros(1, np.int64), live.view.offsets[1:].astype(np.int64), 40)[0]
    assert "brand new" not in {one.item_id for one in found.items}
    assert len(found.items) > 5
    texts.append("newer still")
    assert ranker.slates(live, np.zeros(1, np.int64), live.view.offsets[1:].astype(np.int64), 40)[0] == found


def test_nobody_knows_them_popular_items_and_a_fallback(ranker, log):
    nobody = replace(join([]), offsets=np.zeros(3, np.int64), user_id=pa.array(["x", "y"]))
    found = ranker.slates(replace(log, view=nobody), np.arange(2), np.zeros(2, np.int64), 6)
    assert [slate.fallback for slate in found] == [True, True]
    assert len(found[0].items) == 6
    assert {one.why for one in found[0].items} <= {"popular", "popular now"}
    # A known user whose path may not be looked at is nobody too.
    first = ranker.slates(log, np.zeros(1, np.int64), log.view.offsets[:1].astype(np.int64), 6)[0]
    assert first == found[0]
    assert ranker.slates(log, np.zeros(0, np.int64), np.zeros(0, np.int64), 6) == []


def test_popular_and_similar(ranker):
    popular = ranker.popular(5)
    assert popular.fallback
    assert len(popular.items) == 5
    assert popular.items[0].score == 1.0
    similar = ranker.similar("i3", 4)
    assert not similar.fallback
    assert "i3" not in {one.item_id for one in similar.items}
    assert similar.items[0].why.endswith("kind0 thing0")
    for call in (lambda: ranker.similar("unheard of", 4), lambda: ranker.popular(0)):
        with pytest.raises(CartpathError):
            call()


def test_cold_items_of_the_catalogue_may_be_shown(ranker):
    column = ranker.parts.items.column("cold")
    assert column is not None
    assert ranker.parts.shown[column]


def test_parts_are_kept_for_a_generation_and_a_blend(shop, ranker):
    first = current_version(shop, KEPT, "")
    again = Ranker.load(shop)
    assert current_version(shop, KEPT, "") == first
    assert (again.policy, again.model) == (ranker.policy, ranker.model)
    assert again.popular(3) == ranker.popular(3)
    (first / "parts.json").write_text("{")
    assert Ranker.load(shop).popular(3) == ranker.popular(3)
    assert current_version(shop, KEPT, "") != first


def test_as_of_a_moment_nothing_later_counts(shop, log):
    now = int(np.sort(log.view.ts)[len(log.view.ts) // 2])
    earlier = Ranker.load(shop, now=now)
    assert earlier.parts.until == now
    touched = {log.codes("item")[code] for code in log.view.item[log.view.ts < now]}
    assert {one.item_id for one in earlier.popular(40).items} <= touched
    assert earlier.policy != Ranker.load(shop).policy


def test_reasons_name_an_item_of_the_path(ranker, log):
    slates = ranker.slates(log, *all_ends(log), 5)
    titles = {f"kind{n // 10} thing{n % 3}" for n in range(40)}
    named = [one.why for slate in slates for one in slate.items if any(title in one.why for title in titles)]
    assert named
    ids = log.codes("item")
    for user, slate in enumerate(slates[:50]):
        path = {ids[code] for code in log.view.item[log.view.offsets[user] : log.view.offsets[user + 1]]}
        mine = {f"kind{int(item[1:]) // 10} thing{int(item[1:]) % 3}" for item in path}
        for one in slate.items:
            for title in titles - mine:
                assert not one.why.endswith(title)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_file_of_slates_says_what_one_user_is_told(shop, tmp_path, ending):
    out = tmp_path / f"slates.{ending}"
    told = []
    said = recommend_all(shop, out, k=3, progress=lambda message, share: told.append(share))
    assert (said["users"], said["rows"], said["users_unknown"]) == (250, 750, 0)
    assert told[-1] == 1.0
    if ending == "jsonl":
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        rows = [(line["user_id"], one["item_id"], one["score"]) for line in lines for one in line["items"]]
        assert set(lines[0]) == {"user_id", "fallback", "items"}
    else:
        from pyarrow import csv

        table = pq.read_table(out) if ending == "parquet" else csv.read_csv(out)
        assert table.column_names == ["user_id", "rank", "item_id", "title", "score", "why"]
        assert table["rank"].to_pylist() == [1, 2, 3] * 250
        rows = list(zip(*(table[name].to_pylist() for name in ("user_id", "item_id", "score")), strict=True))
    for user in ("u3", "u77"):
        mine = [(item, score) for whose, item, score in rows if whose == user]
        one = [(row["item_id"], row["score"]) for row in recommend(shop, user, k=3)]
        assert [item for item, _ in mine] == [item for item, _ in one]
        assert [score for _, score in mine] == pytest.approx([score for _, score in one], abs=1e-4)


def test_users_of_a_file_and_what_cannot_be_written(shop, tmp_path):
    wanted = tmp_path / "users.txt"
    wanted.write_text("user_id\nu3\nu5\nnobody\n")
    said = recommend_all(shop, tmp_path / "few.jsonl", users=wanted, k=2)
    assert (said["users"], said["rows"], said["users_unknown"]) == (2, 4, 1)
    users = {json.loads(line)["user_id"] for line in (tmp_path / "few.jsonl").read_text().splitlines()}
    assert users == {"u3", "u5"}
    for out in ("slates.xlsx", "no/such/folder.csv"):
        with pytest.raises(CartpathError):
            recommend_all(shop, tmp_path / out)
    with pytest.raises(CartpathError, match="no file of users"):
        recommend_all(shop, tmp_path / "a.csv", users=tmp_path / "absent.txt")
    assert not list(tmp_path.glob("*.tmp"))


def test_what_the_shop_declares_is_kept_to(shop, ranker, log):
    """Two of four items out, and one brand-less cap: on slates, on what is popular, on what is similar."""
    path = shop / "cartpath.toml"
    before = path.read_text()
    path.write_text(before + '\n[recommend]\nexclude = ["title=kind0 thing0", "title=kind1 thing1"]\nseen = "drop"\n')
    try:
        strict = Ranker.load(shop)
    finally:
        path.write_text(before)
    out = {f"i{n}" for n in range(40) if (n // 10, n % 3) in ((0, 0), (1, 1))}
    assert strict.policy != ranker.policy
    ids, view = log.codes("item"), log.view
    for user, slate in enumerate(strict.slates(log, *all_ends(log), 10)):
        touched = {ids[code] for code in view.item[view.offsets[user] : view.offsets[user + 1]]}
        assert not {one.item_id for one in slate.items} & (out | touched)
        assert len(slate.items) == 10
    assert not {one.item_id for one in strict.popular(20).items} & out
    assert not {one.item_id for one in strict.similar("i3", 20).items} & out
    assert {one.item_id for one in ranker.popular(20).items} & out


def test_who_is_forgotten_is_in_no_part(tmp_path):
    shop = make_shop(tmp_path / "s", tastes_table(60))
    training.pretrain(shop, epochs=1)
    before = Ranker.load(shop)
    kept = shop / "models" / KEPT
    assert list(kept.glob("v-*"))
    assert forget(shop, "u1")["artefacts"][f"models/{KEPT}"] == -1
    assert not kept.exists()
    after = Ranker.load(shop)
    counts = [ranker.parts.models["popular"].weights.sum() for ranker in (before, after)]
    with store.open_snapshot(shop) as snapshot:
        view = read_log(snapshot).view
    assert counts[1] == sum(len({*view.item[view.offsets[u] : view.offsets[u + 1]]}) for u in range(view.n_users))
    assert counts[1] < counts[0]
