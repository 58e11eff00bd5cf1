"""Places drawn for new items: every chance beside an enumeration of all that can happen, and beside draws."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest

from cartpath.config import NewItemsSettings
from cartpath.recommend.rules import Choice, CompiledRules, History, Listed, generator, rerank
from cartpath.recommend.rules.choosing import joining
from cartpath.recommend.rules.columns import ItemColumns
from cartpath.recommend.rules.exposure import mix
from cartpath.recommend.rules.newness import births, is_new
from cartpath.schema import CartpathError
from tests.recommend.rules_twin import DAY, Shop, rules_of

US = 1_000_000


def everything(listed: list[int], pool: list[int], share: Fraction) -> dict[tuple[int, int], Fraction]:
    """Return the chance of each item at each place, over all coins and all orders of the pool."""
    found: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    orders = list(permutations(pool))
    for coins in product((True, False), repeat=len(listed)):
        chance = Fraction(1)
        for coin in coins:
            chance *= share if coin else 1 - share
        for order in orders:
            new, old = list(order), list(listed)
            for place, coin in enumerate(coins):
                item = new.pop(0) if coin and new else old.pop(0)
                found[item, place] += chance / len(orders)
    return found


@pytest.mark.parametrize(("k", "pool"), [(1, 1), (4, 0), (4, 1), (4, 2), (4, 4), (5, 3)])
def test_chances_are_those_of_all_that_can_happen(k: int, pool: int) -> None:
    listed, new = list(range(k)), list(range(10, 10 + pool))
    exact = everything(listed, new, Fraction(3, 10))
    seen = set()
    for seed in range(200):
        found = mix(np.array(listed), np.array(new, np.int64), 0.3, np.random.default_rng(seed))
        for place, (item, chance) in enumerate(zip(found.rows.tolist(), found.propensity.tolist(), strict=True)):
            assert chance == pytest.approx(float(exact[item, place]))
            assert bool(found.drawn[place]) == (item >= 10)
            seen.add((item, place))
    assert len(seen) > len(exact) / 2


def test_items_are_shown_as_often_as_their_chance() -> None:
    draws = 4000
    counts: dict[tuple[int, int], int] = defaultdict(int)
    chances: dict[tuple[int, int], float] = {}
    for seed in range(draws):
        found = mix(np.arange(4), np.array([8, 9]), 0.25, generator(0, f"request {seed}"))
        for place, item in enumerate(found.rows.tolist()):
            counts[item, place] += 1
            chances[item, place] = float(found.propensity[place])
    for key, chance in chances.items():
        # Four standard errors of a share.
        assert abs(counts[key] / draws - chance) < 4 * (chance * (1 - chance) / draws) ** 0.5 + 1e-9, key


def test_the_share_is_that_of_places() -> None:
    found = [mix(np.arange(20), np.arange(50, 70), 0.1, generator(1, str(n))).drawn for n in range(1000)]
    # 20,000 places: three standard errors are 0.0064.
    assert abs(np.mean(found) - 0.1) < 0.0064


def test_the_pool_keeps_the_caps_whoever_is_drawn() -> None:
    caps = np.array([[0, 5], [1, 5], [0, 6], [1, 6], [0, 7], [-1, 7], [2, 7]], np.int32)
    most = np.array([2, 2])
    # 0 and 1 are listed. 2 fits (brand 0 twice), 3 too (brand 1 twice, 6 twice), 4 would be the third of brand 0,
    # 5 has no brand, 6 is the second 7.
    assert joining(np.array([2, 3, 4, 5, 6]), np.array([0, 1]), 9, caps, most).tolist() == [2, 3, 5, 6]
    assert joining(np.array([2, 3, 4, 5, 6]), np.array([0, 1]), 2, caps, most).tolist() == [2, 3]


def of_three() -> Shop:
    about = {"brand": None, "category": None}
    events = [("z", 0, "view", "old"), ("z", 20 * DAY, "view", "young"), ("z", 3 * DAY, "view", "early")]
    return Shop({"old": about, "early": about, "young": about}, events)


def test_new_is_what_had_no_event_for_a_while_and_then_one() -> None:
    log, settings = of_three().log, NewItemsSettings(within="7d")
    ids = log.codes("item")
    born = births(log, ItemColumns(log), settings, 30 * DAY * US)
    new = dict(zip(ids, is_new(born[:-1], 26 * DAY * US, settings).tolist(), strict=True))
    assert new == {"old": False, "early": False, "young": True}
    assert not is_new(born, 27 * DAY * US, settings).any()
    # A week must have passed without "early": on its first days it may just as well have been there before the log.
    born = births(log, ItemColumns(log), settings, 5 * DAY * US)
    assert not is_new(born, 5 * DAY * US, settings)[ids.index("early")]
    # "early" came three days after the log began: within two days it is known to be new.
    short = NewItemsSettings(within="2d")
    born = births(log, ItemColumns(log), short, 30 * DAY * US)
    assert bool(is_new(born, 4 * DAY * US, short)[ids.index("early")])


def test_what_has_no_event_yet_is_new_unless_the_log_is_a_sample() -> None:
    from dataclasses import replace

    log, settings = of_three().log, NewItemsSettings(within="7d")
    at = log.codes("item").index("young")
    for share, new in ((1.0, True), (0.5, False)):
        born = births(replace(log, share=share), ItemColumns(log), settings, 10 * DAY * US)
        assert bool(is_new(born, 10 * DAY * US, settings)[at]) is new
        assert not is_new(born, 10 * DAY * US, settings)[-1]


def test_new_by_a_date_of_the_catalogue() -> None:
    shop = of_three()
    dates = {"old": "1970-01-05", "early": "1970-01-20T12:00:00", "young": None}
    items = {item: about | {"attributes": {"published": dates[item]}} for item, about in shop.items.items()}
    log, settings = Shop(items, shop.events).log, NewItemsSettings(within="7d", since="published")
    born = births(log, ItemColumns(log), settings, 0)
    new = dict(zip(log.codes("item"), is_new(born[:-1], 25 * DAY * US, settings).tolist(), strict=True))
    assert new == {"old": False, "early": True, "young": False}
    items["old"] = items["old"] | {"attributes": {"published": "soon"}}
    log = Shop(items, shop.events).log
    with pytest.raises(CartpathError, match=r"\[recommend.new_items\] since = 'published': not a date: 'soon'"):
        births(log, ItemColumns(log), settings, 0)


def test_a_drawn_item_says_so_and_its_chance() -> None:
    log = of_three().log
    rules = CompiledRules.of(rules_of(new_items={"within": "7d", "share": 0.5}), log)
    ids = log.codes("item")
    listed = Listed(np.array([ids.index(name) for name in ("old", "early", "young")]), np.array([3.0, 2.0, 1.0]))
    found = {tuple(choice.item for choice in one): one for one in shows(rules, listed)}
    old, early, young = listed.items.tolist()
    # One new item: shown first, second, or not at all.
    assert set(found) == {(young, old), (old, young), (old, early)}
    assert [choice.propensity for choice in found[young, old]] == [1 / 2, 1 / 2]
    assert [choice.propensity for choice in found[old, young]] == [1 / 2, 1 / 4]
    assert [choice.propensity for choice in found[old, early]] == [1 / 2, 1 / 4]
    assert found[old, young][1].rules == ("new: 50% of places are drawn for new items",)
    assert found[old, early][1].rules == ()


def shows(rules: CompiledRules, listed: Listed) -> list[list[Choice]]:
    return [rerank(listed, rules, History(), 2, 25 * DAY * US, generator(0, str(n))) for n in range(40)]


def test_the_same_request_gets_the_same_draws() -> None:
    first, again, other = (mix(np.arange(20), np.arange(30, 50), 0.5, generator(3, name)) for name in ("a", "a", "b"))
    assert first.rows.tolist() == again.rows.tolist() != other.rows.tolist()
