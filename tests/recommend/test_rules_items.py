"""What rules know of items and users: columns, conditions, history, usual gaps; by hand and beside plain loops."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.features import Log, log_from_table
from cartpath.recommend.rules import CompiledRules, History
from cartpath.recommend.rules.columns import ItemColumns, levels_of
from cartpath.recommend.rules.due import usual_gaps
from cartpath.recommend.rules.matching import matched
from cartpath.schema import CartpathError
from tests.recommend.rules_twin import DAY, Shop, events_table, random_shop, rules_of

US = 1_000_000
ITEMS = pa.table(
    {
        "item_id": ["a", "b", "c", "d", "unseen"],
        "brand": ["Acme", "Bolt", None, "Acme & Co", "Acme"],
        "category": ["Home > Apparel > Shoes", "Apparel", "Home", None, None],
        "price": [10.0, 49.5, None, 50.0, 1.0],
        "stock": [0, 3, None, 7, 0],
        "attributes": [
            '{"colour": ["red", "blue"], "seller": {"name": "S1"}, "age": 18, "sale": true}',
            '{"colour": "green", "age": "18+", "margin": 0.05}',
            "no JSON",
            None,
            '{"colour": "violet"}',
        ],
    }
)


def log_of_items(items: pa.Table = ITEMS) -> Log:
    return log_from_table(events_table([("u", n, "view", item) for n, item in enumerate("abcd")]), items)


def about(text: str, log: Log | None = None) -> str:
    log = log or log_of_items()
    found, _ = matched(ItemColumns(log), "here", [text])
    assert found.shape == (1, 5)
    assert not found[0, -1]
    return "".join(log.codes("item")[code] for code in np.flatnonzero(found[0]))


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("brand=Acme", "a"),
        ("brand!=Acme", "bcd"),
        ("brand=Acme|Bolt", "ab"),
        ("brand=(none)", "c"),
        ("brand!=(none)|Bolt", "ad"),
        ("brand~acme", "ad"),
        ("category=Apparel", "ab"),
        ("category=Home", "ac"),
        ("category=Home > Apparel", "a"),
        ("category_1=Home", "ac"),
        ("category_2=Home > Apparel", "a"),
        ("price<50", "ab"),
        ("price>=49.5,price<=50", "bd"),
        ("price=50.0", "d"),
        ("stock<=0", "a"),
        ("stock=0|3", "ab"),
        ("stock=(none)", "c"),
        ("item_id=b|d", "bd"),
        ("colour=red", "a"),
        ("attributes.colour!=red", "bcd"),
        ("attributes.seller.name=S1", "a"),
        ("age>=18", "a"),
        ("age~18", "ab"),
        ("sale=true", "a"),
        ("margin<0.1", "b"),
        ("brand=Acme,stock>0", ""),
    ],
)
def test_which_items_are_meant(text: str, items: str) -> None:
    assert about(text) == items


def test_a_value_that_no_item_has_is_a_warning() -> None:
    log = log_of_items()
    rules = CompiledRules.of(rules_of(exclude="brand=Acmee|Bolt", boost=[{"where": "colour=pink"}]), log)
    assert rules.warnings == (
        "[recommend] exclude: no item has brand 'Acmee'",
        "[[recommend.boost]] number 1, where: no item has colour 'pink'",
    )


@pytest.mark.parametrize(
    ("rules", "says", "hint"),
    [
        ({"exclude": "brnd=x"}, r"\[recommend\] exclude: the catalogue has no column or attribute 'brnd'", "'brand'"),
        ({"out_of_stock": "stok=0"}, r"\[recommend\] out_of_stock: the catalogue has no", "'stock'"),
        ({"caps": {"props.seller": 1}}, r"\[recommend.caps\] props.seller: the catalogue", "'attributes.seller'"),
        ({"boost": [{"where": "brand>3"}]}, "number 1, where: brand is text, not a number", "compare it with"),
        ({"diversity": 0.1, "diversity_by": ["maker"]}, r"\[recommend\] diversity_by: the catalogue", "there are"),
        ({"new_items": {"since": "made"}}, r"\[recommend.new_items\] since = 'made': the catalogue", "there are"),
    ],
)
def test_what_the_catalogue_does_not_have_is_refused(rules: dict[str, object], says: str, hint: str) -> None:
    with pytest.raises(CartpathError, match=says) as error:
        CompiledRules.of(rules_of(**rules), log_of_items())
    assert hint in error.value.hint


def test_a_shop_without_a_catalogue() -> None:
    log = log_from_table(events_table([("u", 0, "view", "a")]))
    assert CompiledRules.of(rules_of(exclude="item_id=a"), log).excluded.tolist() == [0, -1]
    rules = CompiledRules.of(rules_of(exclude=["brand=a", "price<5"], caps={"brand": 2}), log)
    assert rules.excluded.tolist() == [-1, -1]
    assert rules.warnings == (
        "[recommend] exclude: no item has brand 'a'",
        "[recommend] exclude: no item has a price",
        "[recommend.caps] brand: no item has one",
    )


def test_levels_are_equal_where_the_path_down_to_them_is() -> None:
    log = log_of_items(pa.table({"item_id": ["a", "b", "c", "d"], "category": ["x > y > z", "x>y", "q > y", None]}))
    levels = levels_of(ItemColumns(log).find("category"), 4)
    assert levels.shape == (5, 3)
    a, b, c, d, none = levels
    assert a[:2].tolist() == b[:2].tolist()
    assert (b[2], c[2]) == (-1, -1)
    assert not set(c[:2]) & set(a)
    assert (d == -1).all()
    assert (none == -1).all()


@given(seed=st.integers(0, 2**32 - 1), before=st.integers(0, 45))
@settings(max_examples=30, deadline=None)
def test_history_beside_a_loop(seed: int, before: int) -> None:
    shop = random_shop(seed)
    log = shop.log
    ids, view = log.codes("item"), log.view
    for row, user in enumerate(view.user_id.to_pylist()):
        begin = int(view.offsets[row])
        end = begin + int((view.ts[begin : int(view.offsets[row + 1])] < before * DAY * US).sum())
        found = History.of(log, row, end)
        own = sorted({event for event in shop.events if event[0] == user and event[1] < before * DAY})
        for touched, names in ((found.seen, {"view", "add_to_cart", "purchase"}), (found.bought, {"purchase"})):
            when: dict[str, list[int]] = {}
            for _, second, name, item in sorted(own, key=lambda event: event[1]):
                if item and name in names:
                    when.setdefault(item, []).append(second * US)
            rows = zip(touched.item, touched.times, touched.first, touched.last, strict=True)
            told = {ids[item]: (int(times), int(first), int(last)) for item, times, first, last in rows}
            assert told == {item: (len(set(one)), min(one), max(one)) for item, one in when.items()}
            assert (np.diff(touched.item) > 0).all()


def test_rows_of_what_was_never_touched() -> None:
    assert History().seen.rows(np.array([3, 5])).tolist() == [-1, -1]
    log = log_of_items()
    seen = History.of(log, 0, 2).seen
    assert seen.rows(np.array([1, 3, 0, 99])).tolist() == [1, -1, 0, -1]


def purchases(user: str, item: str, *days: int) -> list[tuple[str, int, str, str | None]]:
    return [(user, day * DAY, "purchase", item) for day in days]


def gaps_shop() -> Shop:
    events = [
        *purchases("u", "milk", 0, 7, 14), *purchases("v", "milk", 3, 12),
        *purchases("u", "oats", 1, 31), *purchases("v", "tea", 2), ("v", 0, "view", "pot"),
    ]  # fmt: skip
    items = {
        name: {"category": None if name == "pot" else "food", "brand": None} for name in ("milk", "oats", "tea", "pot")
    }
    return Shop(items, events)


def test_usual_gaps_by_hand() -> None:
    log = gaps_shop().log
    ids = log.codes("item")
    found = usual_gaps(log, ItemColumns(log), 2**62)
    # Milk: 7, 7 and 9 days. Oats have one gap, so their category: u at 0, 1, 7, 14, 31, v at 2, 3, 12: 41 days in six.
    assert found[ids.index("milk")] == pytest.approx(23 / 3 * DAY)
    for item in ("oats", "tea"):
        assert found[ids.index(item)] == pytest.approx((31 + 10) / 6 * DAY)
    assert np.isnan(found[ids.index("pot")])
    assert np.isnan(found[-1])


def test_usual_gaps_know_nothing_of_later() -> None:
    log = gaps_shop().log
    found = usual_gaps(log, ItemColumns(log), 12 * DAY * US)
    # Before day 12: u at 0, 1, 7 and v at 2, 3 are three gaps of the category, none of an item enough.
    assert found[log.codes("item").index("milk")] == pytest.approx((7 + 1) / 3 * DAY)
