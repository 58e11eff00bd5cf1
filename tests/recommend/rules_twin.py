"""Re-ranking in plain Python, one item at a time, and random shops for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath.config import RecommendSettings
from cartpath.features import Log, log_from_table

DAY = 86_400
Event = tuple[str, int, str, str | None]  # user, second, event, item


@dataclass(frozen=True)
class Shop:
    """Items by id, and events in any order."""

    items: dict[str, dict[str, Any]]
    events: Sequence[Event]

    @property
    def log(self) -> Log:
        names = ("brand", "category", "price")
        table = pa.table(
            {
                "item_id": list(self.items),
                **{name: [one.get(name) for one in self.items.values()] for name in names},
                "attributes": [json.dumps(one.get("attributes", {})) for one in self.items.values()],
            }
        )
        return log_from_table(events_table(self.events), table)


def rules_of(**given: Any) -> RecommendSettings:
    """Settings as TOML has them: lists and tables."""
    return RecommendSettings(**given)


def events_table(events: Sequence[Event]) -> pa.Table:
    users, seconds, names, items = zip(*events, strict=True)
    when = pa.array(seconds, pa.timestamp("s", tz="UTC"))
    return pa.table({"user_id": users, "ts": when, "event": names, "item_id": pa.array(items, pa.string())})


def random_shop(seed: int, n_items: int = 12, n_events: int = 60) -> Shop:
    rng = np.random.default_rng(seed)
    items: dict[str, dict[str, Any]] = {}
    for number in range(n_items):
        levels = [f"{level}{rng.integers(0, 2)}" for level in "abc"[: int(rng.integers(0, 4))]]
        attributes = {"stock": int(rng.integers(0, 3)), "seller": f"s{rng.integers(0, 3)}"}
        items[f"i{number}"] = {
            "brand": f"b{rng.integers(0, 3)}" if rng.random() < 0.8 else None,
            "category": " > ".join(levels) or None,
            "price": float(rng.integers(1, 5)) if rng.random() < 0.8 else None,
            "attributes": {name: value for name, value in attributes.items() if rng.random() < 0.8} | {"all": 1},
        }
    # Everything has an event, so that everything has a code; what is known of stock and sellers is never nothing.
    items["i0"] |= {"brand": "b0", "category": "a0 > b0", "attributes": {"stock": 0, "seller": "s0", "all": 1}}
    events: list[Event] = [("z", 0, "view", item) for item in items]
    for _ in range(n_events):
        name = str(rng.choice(["view", "impression", "add_to_cart", "purchase", "page_view"]))
        item = None if name == "page_view" else f"i{rng.integers(0, n_items)}"
        events.append((f"u{rng.integers(0, 3)}", int(rng.integers(1, 40)) * DAY, name, item))
    return Shop(items, events)


class Twin:
    """What the rules say of one user, at one moment, item by item."""

    def __init__(self, shop: Shop, settings: RecommendSettings, user: str, before: int, now: int) -> None:
        self.shop, self.settings, self.now = shop, settings, now
        own = sorted(set(shop.events), key=lambda event: event[1])
        self.own = [event for event in own if event[0] == user and event[1] < before and event[3]]
        self.all = own

    def moments(self, item: str, user: str | None = None) -> list[int]:
        events = self.own if user is None else [event for event in self.all if event[0] == user]
        return sorted({second for _, second, name, one in events if name == "purchase" and one == item})

    def allowed(self, item: str) -> bool:
        about, settings = self.shop.items[item], self.settings
        if settings.exclude and about["brand"] == "b1":
            return False
        if settings.out_of_stock and settings.when_out == "drop" and self.out(item):
            return False
        if settings.seen == "drop" and self.seen(item):
            return False
        bought = self.moments(item)
        if bought and settings.bought == "drop":
            return False
        return not (bought and settings.bought == "repurchase" and not self.due(item))

    def out(self, item: str) -> bool:
        return bool(self.shop.items[item]["attributes"].get("stock", 1) <= 0)

    def seen(self, item: str) -> bool:
        touches = [second for _, second, name, one in self.own if one == item and name != "impression"]
        within = 10 * DAY if self.settings.seen_within else 10**9
        return bool(touches) and not self.moments(item) and self.now - touches[-1] < within

    def due(self, item: str) -> bool:
        moments, usual = self.moments(item), self.usual(item)
        own = (moments[-1] - moments[0]) / (len(moments) - 1) if len(moments) > 1 else None
        wait = own if len(moments) >= 3 or usual is None else usual
        return wait is not None and self.now - moments[-1] >= self.settings.due * wait

    def usual(self, item: str) -> float | None:
        same = [item]
        category = self.shop.items[item]["category"]
        alike = [one for one, about in self.shop.items.items() if about["category"] == category and category]
        for things in (same, alike):
            gaps = []
            for user in {event[0] for event in self.all}:
                moments = sorted({moment for thing in things for moment in self.moments(thing, user)})
                gaps += [later - sooner for sooner, later in pairwise(moments)]
            if len(gaps) >= 3:
                return sum(gaps) / len(gaps)
        return None

    def score(self, item: str, score: float) -> float:
        about, settings = self.shop.items[item], self.settings
        for boost in settings.boost:
            if boost.where == ("price<3,seller=s1",):
                cheap = about["price"] is not None and about["price"] < 3
                holds = cheap and about["attributes"].get("seller") == "s1"
            else:
                holds = (about["category"] or "").startswith("a0")
            score *= boost.factor if holds else 1
        lowered = [settings.when_out == "demote" and bool(settings.out_of_stock) and self.out(item)]
        lowered += [settings.seen == "demote" and self.seen(item)]
        lowered += [settings.bought == "demote" and bool(self.moments(item))]
        return float(score * settings.demote ** sum(lowered))

    def likeness(self, one: str, other: str) -> float:
        first, second = ((self.shop.items[item]["category"] or "").split(" > ") for item in (one, other))
        first, second = ([level for level in levels if level] for levels in (first, second))
        same = sum(first[: n + 1] == second[: n + 1] for n in range(min(len(first), len(second))))
        category = same / max(len(first), len(second)) if first or second else 0.0
        brands = [self.shop.items[item]["brand"] for item in (one, other)]
        return (category + (brands[0] is not None and brands[0] == brands[1])) / 2

    def capped(self, item: str, chosen: list[str]) -> bool:
        def value(of: str, name: str) -> Any:
            about = self.shop.items[of]
            return about[name] if name == "brand" else about["attributes"].get(name)

        return any(
            value(item, name) is not None and sum(value(one, name) == value(item, name) for one in chosen) >= most
            for name, most in self.settings.caps.items()
        )

    def rerank(self, candidates: list[tuple[str, float]], k: int) -> list[tuple[str, float]]:
        scored = [(item, self.score(item, score)) for item, score in candidates if self.allowed(item)]
        left = sorted(scored, key=lambda pair: -pair[1])
        top, weight = max((score for _, score in left), default=0.0), self.settings.diversity
        chosen: list[tuple[str, float]] = []
        while left and len(chosen) < k:
            names = [item for item, _ in chosen]
            best, place = -1e9, None
            for at, (item, score) in enumerate(left):
                alike = max((self.likeness(item, name) for name in names), default=0.0)
                worth = (1 - weight) * score / top - weight * alike
                # Sums in another order differ a little: equals are those that differ by less.
                if not self.capped(item, names) and worth > best + 1e-9:
                    best, place = worth, at
            if place is None:
                break
            chosen.append(left.pop(place))
        return chosen
