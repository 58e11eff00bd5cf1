"""Re-ranking: by hand, beside a plain twin on random shops, and what always holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.config import RecommendSettings
from cartpath.features import Log, log_from_table
from cartpath.recommend.rules import Choice, CompiledRules, History, Listed, left_out, rerank
from cartpath.schema import CartpathError
from tests.recommend.rules_twin import DAY, Shop, Twin, events_table, random_shop, rules_of

US = 1_000_000
# Powers of two, so that equal scores are exactly equal whichever factor comes first.
BOOSTS = [{"where": "price<3,seller=s1", "factor": 2}, {"where": "category_1=a0", "factor": 0.25}]


def shown(
    shop: Shop, rules: RecommendSettings, candidates: list[tuple[str, float]], k: int = 5, now: int = 50 * DAY,
    user: str | None = None, before: int = 50 * DAY,
) -> list[tuple[str, Choice]]:  # fmt: skip
    """Return the ids that are shown with their choices; of nobody by default."""
    log = shop.log
    ids = log.codes("item")
    listed = Listed(np.array([ids.index(item) for item, _ in candidates]), np.array([s for _, s in candidates]))
    found = rerank(listed, CompiledRules.of(rules, log), history_of(log, user, before), k, now * US)
    return [(ids[choice.item], choice) for choice in found]


def history_of(log: Log, user: str | None, before: int) -> History:
    users = log.view.user_id.to_pylist()
    if user not in users:
        return History()
    row = users.index(user)
    begin, end = int(log.view.offsets[row]), int(log.view.offsets[row + 1])
    return History.of(log, row, begin + int(np.searchsorted(log.view.ts[begin:end], before * US)))


def words(found: list[tuple[str, Choice]]) -> dict[str, tuple[str, ...]]:
    return {item: choice.rules for item, choice in found}


def small_shop(events: list[Any] | None = None, **about: dict[str, Any]) -> Shop:
    items: dict[str, dict[str, Any]] = {"a": {"brand": "Acme"}, "b": {"brand": "Acme"}, "c": {"brand": "Bolt"}, "d": {}}
    items = {item: {"category": None, "brand": None} | values | about.get(item, {}) for item, values in items.items()}
    return Shop(items, [("z", 0, "view", item) for item in items] + (events or []))


FOUR = [("a", 1.0), ("b", 0.9), ("c", 0.8), ("d", 0.1)]


def test_a_factor_moves_by_what_it_is() -> None:
    rules = rules_of(boost=[{"where": "brand=Bolt", "factor": 1.2, "name": "spring"}])
    found = shown(small_shop(), rules, FOUR)
    # 0.8 * 1.2 = 0.96, between 1 and 0.9.
    assert [item for item, _ in found] == ["a", "c", "b", "d"]
    assert [choice.score for _, choice in found] == pytest.approx([1.0, 0.96, 0.9, 0.1])
    assert [choice.row for _, choice in found] == [0, 2, 1, 3]
    assert words(found) == {"a": (), "c": ("boosted x1.2: spring",), "b": (), "d": ()}


def test_a_factor_moves_up_where_scores_are_below_zero() -> None:
    rules = rules_of(boost=[{"where": "brand=Bolt", "factor": 3}])
    found = shown(small_shop(), rules, [("a", -1.0), ("b", -1.5), ("c", -2.0)])
    # exp(-1) * 3 is above 1, exp(0).
    assert [item for item, _ in found] == ["c", "a", "b"]
    assert words(found)["c"] == ("boosted x3: brand is Bolt",)


def test_a_cap_moves_the_others_up_and_says_so() -> None:
    found = shown(small_shop(), rules_of(caps={"brand": 1}), FOUR)
    assert [item for item, _ in found] == ["a", "c", "d"]
    assert words(found) == {"a": (), "c": ("moved up: at most 1 per brand",), "d": ("moved up: at most 1 per brand",)}


def test_variety_by_hand() -> None:
    rules = rules_of(diversity=0.4, diversity_by="brand")
    found = shown(small_shop(), rules, FOUR)
    # After a, b is worth 6/10 * 9/10 - 4/10 = 14/100, c 6/10 * 8/10 = 48/100, d 6/100: so a, c, b, d.
    assert Fraction(6, 10) * Fraction(9, 10) - Fraction(4, 10) == Fraction(14, 100)
    assert [item for item, _ in found] == ["a", "c", "b", "d"]
    assert words(found) == {"a": (), "c": ("moved up: for variety",), "b": (), "d": ()}
    assert [choice.score for _, choice in found] == [1.0, 0.8, 0.9, 0.1]


def test_likeness_of_categories_by_hand() -> None:
    shop = small_shop(
        a={"category": "x > y"}, b={"category": "x > y > z"}, c={"category": "x > q"}, d={"category": "w"}
    )
    rules = rules_of(diversity=0.5, diversity_by="category")
    found = shown(shop, rules, [("a", 1.0), ("b", 0.9), ("c", 0.8), ("d", 0.55)])
    # After a: b 0.9 - 2/3, c 0.8 - 1/2, d 0.55 - 0 (all halved): d. Then b 7/30, c 9/30: c. Then b.
    assert [item for item, _ in found] == ["a", "d", "c", "b"]


def test_vectors_count_as_words_do() -> None:
    log = small_shop().log
    rules = CompiledRules.of(rules_of(diversity=0.5, diversity_by="text"), log)
    vectors = np.array([[1, 0], [2, 0], [0, 3], [-1, 0]], np.float32)
    listed = Listed(np.arange(4), np.array([1.0, 0.9, 0.3, 0.2]), vectors)
    # After the first: 0.9 - 1, 0.3 - 0, 0.2 - 0 (opposites are not less than unlike).
    assert [choice.row for choice in rerank(listed, rules, History(), 4, now=0)] == [0, 2, 3, 1]


def test_words_of_titles_make_items_alike() -> None:
    when = pa.array(range(4), pa.timestamp("s", tz="UTC"))
    events = pa.table({"user_id": ["u"] * 4, "ts": when, "event": ["view"] * 4, "item_id": list("abcd")})
    titles = ["red running shoe", "red running shoe", "steel tea kettle", "tea kettle"]
    log = log_from_table(events, pa.table({"item_id": list("abcd"), "title": titles}))
    rules = CompiledRules.of(rules_of(diversity=0.5, diversity_by="text"), log)
    listed = Listed(np.arange(4), np.array([1.0, 0.9, 0.5, 0.4]))
    assert [choice.row for choice in rerank(listed, rules, History(), 2, now=0)] == [0, 2]


def test_seen_and_bought_are_told_apart_and_counted() -> None:
    events = [("u", DAY, "view", "a"), ("u", DAY, "view", "b"), ("u", 2 * DAY, "purchase", "b"),
              ("u", 2 * DAY, "impression", "c")]  # fmt: skip
    shop = small_shop(events)
    seen = shown(shop, rules_of(seen="demote"), FOUR, user="u")
    assert [item for item, _ in seen] == ["b", "c", "a", "d"]
    assert words(seen)["a"] == ("lowered x0.5: seen before",)
    bought = shown(shop, rules_of(bought="drop"), FOUR, user="u")
    assert [item for item, _ in bought] == ["a", "c", "d"]
    log = shop.log
    listed = Listed(np.array([log.codes("item").index(item) for item in "abcd"]), np.array([4.0, 3.0, 2.0, -np.inf]))
    rules = CompiledRules.of(rules_of(seen="drop", bought="drop", exclude="brand=Bolt"), log)
    counted = left_out(listed, rules, history_of(log, "u", 50 * DAY), 50 * DAY * US)
    assert counted == {"no score": 1, "excluded: brand=Bolt": 1, "seen before": 1, "bought before": 1}


def test_seen_counts_within_its_time_alone() -> None:
    shop = small_shop([("u", 10 * DAY, "view", "a")])
    rules = rules_of(seen="drop", seen_within="5d")
    assert [item for item, _ in shown(shop, rules, FOUR, now=15 * DAY - 1, user="u")] == ["b", "c", "d"]
    assert [item for item, _ in shown(shop, rules, FOUR, now=15 * DAY, user="u")] == ["a", "b", "c", "d"]


def test_the_first_reason_is_the_one_that_counts() -> None:
    shop = small_shop(a={"attributes": {"stock": 0}})
    log = shop.log
    rules = CompiledRules.of(rules_of(exclude=["brand=Acme"], out_of_stock="stock=0"), log)
    assert left_out(Listed(np.array([0]), np.array([1.0])), rules, History(), 0) == {"excluded: brand=Acme": 1}


def test_an_item_that_came_after_the_rules_has_none() -> None:
    rules = CompiledRules.of(
        rules_of(exclude="brand=(none)", caps={"brand": 1}, out_of_stock="brand!=Acme"), small_shop().log
    )
    found = rerank(Listed(np.array([99, 98]), np.array([2.0, 1.0])), rules, History(), 5, now=0)
    assert [(choice.item, choice.rules) for choice in found] == [(99, ()), (98, ())]


def test_nothing_to_show() -> None:
    rules = CompiledRules.of(rules_of(exclude="brand=Acme"), small_shop().log)
    assert rerank(Listed(np.array([0, 1]), np.array([2.0, 1.0])), rules, History(), 5, now=0) == []
    assert rerank(Listed(np.zeros(0, np.int64), np.zeros(0)), rules, History(), 5, now=0) == []
    assert rerank(Listed(np.array([2]), np.array([1.0])), rules, History(), 0, now=0) == []


RULES = st.fixed_dictionaries(
    {
        "exclude": st.sampled_from([[], ["brand=b1"]]),
        "out_of_stock": st.sampled_from([[], ["stock<=0"]]),
        "when_out": st.sampled_from(["drop", "demote"]),
        "seen": st.sampled_from(["keep", "drop", "demote"]),
        "seen_within": st.sampled_from(["", "10d"]),
        "bought": st.sampled_from(["keep", "drop", "demote", "repurchase"]),
        "due": st.sampled_from([0.5, 1.0]),
        "diversity": st.sampled_from([0.0, 0.3, 0.9]),
        "caps": st.sampled_from([{}, {"brand": 1}, {"brand": 2, "seller": 1}]),
        "boost": st.sampled_from([[], BOOSTS, BOOSTS[:1]]),
    }
)


@given(seed=st.integers(0, 2**32 - 1), rules=RULES, k=st.integers(1, 12), before=st.integers(0, 45))
@settings(max_examples=100, deadline=None)
def test_as_the_plain_twin(seed: int, rules: dict[str, Any], k: int, before: int) -> None:
    shop, found = random_shop(seed), rules_of(**rules)
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.integers(1, 8, 9) / 8)[::-1].tolist()
    candidates = list(zip(rng.permutation(list(shop.items)).tolist(), scores, strict=False))
    now = max(before, 41) * DAY + 1
    ours = shown(shop, found, candidates, k, now, "u1", before * DAY)
    theirs = Twin(shop, found, "u1", before * DAY, now).rerank(candidates, k)
    assert [item for item, _ in ours] == [item for item, _ in theirs]
    assert [choice.score for _, choice in ours] == pytest.approx([score for _, score in theirs])


@given(seed=st.integers(0, 2**32 - 1), due=st.sampled_from([0.5, 1.0, 1.5]), before=st.integers(5, 41))
@settings(max_examples=60, deadline=None)
def test_repurchase_as_the_plain_twin(seed: int, due: float, before: int) -> None:
    shop = random_shop(seed, n_items=5, n_events=25)
    events = [(user, second, "purchase" if item else name, item) for user, second, name, item in shop.events]
    shop = Shop(
        shop.items, [event for event in events if event[0] != "z"] + [("z", 0, "view", f"i{n}") for n in range(5)]
    )
    rules = rules_of(bought="repurchase", due=due)
    candidates = [(f"i{n}", 1 - n / 10) for n in range(5)]
    ours = shown(shop, rules, candidates, 5, 41 * DAY, "u1", before * DAY)
    theirs = Twin(shop, rules, "u1", before * DAY, 41 * DAY).rerank(candidates, 5)
    assert [item for item, _ in ours] == [item for item, _ in theirs]


@pytest.mark.parametrize(
    ("mine", "now", "says"),
    [
        # Others buy milk every 7, 7 and 10 days: 8 in the mean.
        ((20,), 28, "due again: usually after 8 days"),
        ((20,), 27, None),
        # Two purchases of one's own count for less than that, three for more.
        ((17, 20), 27, None),
        ((17, 20), 28, "due again: usually after 8 days"),
        ((16, 18, 20), 22, "due again: usually after 2 days"),
        ((16, 18, 20), 21, None),
    ],
)
def test_what_is_due_by_hand(mine: tuple[int, ...], now: int, says: str | None) -> None:
    others = [("v", day * DAY, "purchase", "a") for day in (0, 7, 14)] + [
        ("w", d * DAY, "purchase", "a") for d in (1, 11)
    ]
    shop = small_shop([*others, *(("u", day * DAY, "purchase", "a") for day in mine)])
    log = shop.log
    # As of before the user's own purchases, so that they do not change what is usual.
    rules = CompiledRules.of(rules_of(bought="repurchase"), log, 16 * DAY * US)
    listed = Listed(np.array([log.codes("item").index("a")]), np.array([1.0]))
    found = rerank(listed, rules, history_of(log, "u", 50 * DAY), 1, now * DAY * US)
    assert [choice.rules for choice in found] == ([] if says is None else [(says,)])


def test_what_two_purchases_say_where_nothing_is_usual() -> None:
    shop = small_shop([("u", day * DAY, "purchase", "a") for day in (10, 15)])
    rules = rules_of(bought="repurchase")
    assert [item for item, _ in shown(shop, rules, FOUR[:1], now=20 * DAY, user="u")] == ["a"]
    assert shown(shop, rules, FOUR[:1], now=19 * DAY, user="u") == []


@given(seed=st.integers(0, 2**32 - 1), rules=RULES)
@settings(max_examples=30, deadline=None)
def test_what_always_holds_also_with_draws(seed: int, rules: dict[str, Any]) -> None:
    shop = random_shop(seed, 30)
    log, draws = shop.log, {"within": "35d", "share": 0.4}
    compiled = CompiledRules.of(rules_of(**rules, new_items=draws), log)
    compiled = replace(compiled, born=np.where(np.arange(31) % 2 == 0, 30 * DAY * US, 0))
    rng = np.random.default_rng(seed)
    listed = Listed(rng.permutation(30), np.sort(rng.random(30))[::-1])
    history = history_of(log, "u1", 50 * DAY)
    found = rerank(listed, compiled, history, 8, 50 * DAY * US, rng)
    items = [shop.items[log.codes("item")[choice.item]] for choice in found]
    assert len({choice.item for choice in found}) == len(found)
    for name, most in rules["caps"].items():
        values = [one[name] if name == "brand" else one["attributes"].get(name) for one in items]
        assert max(Counter(value for value in values if value is not None).values(), default=0) <= most
    if rules["exclude"]:
        assert all(one["brand"] != "b1" for one in items)
    if rules["out_of_stock"] and rules["when_out"] == "drop":
        assert all(one["attributes"].get("stock", 1) > 0 for one in items)
    assert all(0 < choice.propensity <= 1 for choice in found)
    plain = rerank(listed, compiled, history, 8, 50 * DAY * US)
    assert len(plain) == len(found)
    assert all(choice.propensity == 1 for choice in plain)


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_without_rules_nothing_moves(seed: int, k: int) -> None:
    shop = random_shop(seed)
    rng = np.random.default_rng(seed)
    listed = Listed(rng.permutation(12), -np.sort(-rng.normal(size=12)))
    log = shop.log
    found = rerank(listed, CompiledRules.of(rules_of(), log), history_of(log, "u0", 99 * DAY), k, 0, rng)
    assert [choice.item for choice in found] == listed.items[:k].tolist()
    assert all(choice.rules == () and choice.propensity == 1 for choice in found)


@given(seed=st.integers(0, 2**32 - 1), rules=RULES)
@settings(max_examples=20, deadline=None)
def test_what_comes_later_changes_nothing(seed: int, rules: dict[str, Any]) -> None:
    shop = random_shop(seed)
    early = Shop(shop.items, [event for event in shop.events if event[1] < 20 * DAY or event[0] == "z"])
    found = rules_of(**rules, new_items={"within": "5d", "share": 0.3})
    results = []
    for log in (shop.log, early.log):
        ids = log.codes("item")
        compiled = CompiledRules.of(found, log, 20 * DAY * US)
        listed = Listed(np.array([ids.index(f"i{n}") for n in range(12)]), np.linspace(1, 0.5, 12))
        history = history_of(log, "u1", 20 * DAY)
        chosen = rerank(listed, compiled, history, 6, 20 * DAY * US, np.random.default_rng(seed))
        results.append([(ids[choice.item], *choice[2:]) for choice in chosen])
    assert results[0] == results[1]


def test_a_log_without_times_is_refused_what_needs_them() -> None:
    log = log_from_table(events_table([("u", 0, "view", "a")]), timed=False)
    needing: list[dict[str, Any]] = [{"bought": "repurchase"}, {"seen": "drop", "seen_within": "3d"}, {"new_items": {}}]
    for rules in needing:
        with pytest.raises(CartpathError, match="needs the times of events"):
            CompiledRules.of(rules_of(**rules), log)


def test_equal_settings_have_equal_versions() -> None:
    log = small_shop().log
    first, again, other = (CompiledRules.of(rules_of(caps={"brand": n}), log).version for n in (2, 2, 3))
    assert first == again != other
    assert CompiledRules.of(rules_of(), log).version == ""
