"""The same events give the same answers however they were read: in another order, in two ingests, in other buckets."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cartpath
from cartpath import config, store
from cartpath.ingest.run import ingest
from cartpath.paths import same_paths
from cartpath.paths.comparison.registry import names
from cartpath.shop import Shop

START = 1_704_326_400_000_000
CHANNELS = ("Direct", "Email", "Organic", "Paid", "Referral", "Social")
PAGES = tuple(f"/p{i}" for i in range(9))


def log() -> pa.Table:
    """No two events at one time, many values that are as frequent as others, orders of several users."""
    draw = random.Random(5)
    rows = []
    for user in range(60):
        for session in range(draw.randint(1, 3)):
            at = (user * 7 + session * 3) * 86_400_000_000 // 9 + user
            channel = CHANNELS[(user + session) % 6]
            for step in range(draw.randint(1, 5)):
                event = draw.choice(("view", "view", "add_to_cart", "purchase"))
                order = f"o{user // 2}-{session}-{step}" if event == "purchase" else None
                page = draw.choice(PAGES)
                rows.append(
                    (f"u{user}", START + at + step * 61_000_000, event, f"i{user % 4}", 5.0, order, page, channel)
                )
    names = ("user_id", "ts", "event", "item_id", "price", "order_id", "page", "channel")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return pa.table({**columns, "ts": pa.array(columns["ts"], pa.timestamp("us", tz="UTC"))})


def made(folder: Path, parts: list[pa.Table], buckets: int) -> Shop:
    store.init(folder / "shop", config.Settings(store=config.StoreSettings(buckets=buckets)))
    for number, part in enumerate(parts):
        pq.write_table(part, folder / f"{number}.parquet")
        ingest(folder / "shop", [str(folder / f"{number}.parquet")], adapter="generic")
    return cartpath.open(folder / "shop")


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shop]:
    table = log()
    shuffled = table.take(random.Random(1).sample(range(len(table)), len(table)))
    half = len(table) // 2
    twice = [table.slice(half), table.slice(0, half)]
    ways = {
        "64 buckets": ([table], 64),
        "4 buckets": ([table], 4),
        "1 bucket": ([table], 1),
        "shuffled": ([shuffled], 4),
        "two ingests": (twice, 4),
    }
    return {name: made(tmp_path_factory.mktemp("way"), *way) for name, way in ways.items()}


GROUPS = ("channel=Email", "channel=Paid")
#: Each view that can be compared, with options that leave something to choose.
COMPARED: dict[str, dict[str, Any]] = {
    "status": {"of": {}},
    "funnel": {"of": {"steps": ["view", "purchase"]}},
    "flow": {"of": {"node": "page", "across_sessions": True, "min_users": 2}},
    "step-view": {"of": {"node": "page", "steps": 3, "min_users": 2}},
    "variants": {"of": {"node": "page", "top": 5, "min_users": 1}},
    "attribution": {"of": {"of": "page"}, "groups": ("did purchase", "channel=Paid")},
    "retention": {"of": {"cohort": "week"}},
    "lifecycle": {"of": {"period": "week"}},
    "repurchase": {"of": {}},
    "time-to-purchase": {"of": {}},
    "drivers": {
        "of": {"within": "path", "of": "event,channel", "min_support": 2, "min_conversions": 2, "min_users": 1},
        "groups": ("sample(50%; seed=1)", "!sample(50%; seed=1)"),
    },
}

#: Each view, most with fewer places than there are equally frequent values for them.
QUESTIONS: dict[str, Callable[[Shop], Any]] = {
    "status": lambda s: s.status(),
    "daily": lambda s: s.daily(),
    "funnel": lambda s: s.funnel("view,purchase", by="channel", top=2, trend="week"),
    "funnel by page": lambda s: s.funnel("view,purchase", by="page@last", top=3, count="entries", trend="month"),
    "funnel in any order": lambda s: s.funnel("view,purchase", order="any", hold="item_id", by="page", top=4),
    "flow": lambda s: s.flow(node="page", most_nodes=4),
    "flow of users": lambda s: s.flow(node="channel", across_sessions=True),
    "step view": lambda s: s.step_view(node="page", top=2),
    "step view to the end": lambda s: s.step_view(node="page", end="purchase", top=2),
    "variants": lambda s: s.variants(node="channel", top=2, collapse=True),
    "variants of pages": lambda s: s.variants(node="page", top=3),
    "variants of users": lambda s: s.variants(node="page", top=5, max_length=2, across_sessions=True, unit="event"),
    "attribution": lambda s: s.attribution(top=2),
    "attribution of all": lambda s: s.attribution(),
    "attribution of events": lambda s: s.attribution(of="page", top=3, models="linear,markov_1,markov_2,time_decay"),
    "attribution by rate": lambda s: s.attribution(game="rate", models="shapley"),
    "attribution by drawn rate": lambda s: s.attribution(of="page", top=20, game="rate", models="shapley,markov_1"),
    "retention": lambda s: s.retention(by="channel", top=2, cohort="week"),
    "lifecycle": lambda s: s.lifecycle(period="week"),
    "stickiness": lambda s: s.stickiness(),
    "repurchase": lambda s: s.repurchase(),
    "time to purchase": lambda s: s.time_to_purchase(by="channel", top=2),
    "drivers": lambda s: s.drivers("purchase", of="event,channel,page", min_support=5, min_conversions=2),
    "segments": lambda s: s.segments(["did view - did purchase", "sample(50%; seed=1)", "channel=Email"]),
    **{
        f"compare {view}": lambda s, view=view, asked=asked: s.compare(
            view, *asked.get("groups", GROUPS), **asked["of"]
        )
        for view, asked in COMPARED.items()
    },
}


def close(a: Any, b: Any) -> bool:
    """Whether two answers are equal, but for the generation and the last bits of sums."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(key == "generation" or close(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == pytest.approx(b, rel=1e-9, abs=1e-9, nan_ok=True)
    return bool(a == b)


def test_every_view_that_can_be_compared_is_asked() -> None:
    assert tuple(COMPARED) == names()


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_do_not_depend_on_how_the_events_were_read(shops: dict[str, Shop], question: str) -> None:
    found = {way: QUESTIONS[question](shop).to_dict() for way, shop in shops.items()}
    first = found.pop("64 buckets")
    assert first.get("measures") != [], "a comparison of nothing tells nothing"
    for way, other in found.items():
        differing = [key for key in first if not close(first[key], other.get(key)) and key != "generation"]
        assert not differing, (way, {key: (first[key], other.get(key)) for key in differing})
        assert first.keys() == other.keys()


@pytest.mark.parametrize("most", [0, 10_000])
def test_the_last_variant_does_not_depend_on_it_where_names_are_not_read(
    shops: dict[str, Shop], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setenv("CARTPATH_CACHE", "off")
    monkeypatch.setattr(same_paths, "MOST_NAMED", most)
    found = [shop.variants(node="page", top=3).to_dict() for shop in shops.values()]
    assert all(close(found[0], other) for other in found[1:])


def test_equally_frequent_values_come_by_name(shops: dict[str, Shop]) -> None:
    every = shops["4 buckets"].variants(node="page", top=10_000).result.variants
    shown = shops["4 buckets"].variants(node="page", top=20).result.variants
    assert shown == tuple(sorted(every, key=lambda v: (-v.n, len(v.path), v.path))[:20])
    assert shown[-1].n == every[20].n
    assert len(shown[-1].path) == len(every[20].path)
    groups = shops["4 buckets"].funnel("view", by="channel", top=10, count="sessions").to_dict()["by"]["groups"]
    assert groups == sorted(groups, key=lambda row: (-row["n"][0], row["value"]))
    paths = shops["4 buckets"].attribution().to_dict()["paths"]
    assert paths == sorted(paths, key=lambda p: (-p["conversions"], -p["revenue"], len(p["path"]), p["path"]))
