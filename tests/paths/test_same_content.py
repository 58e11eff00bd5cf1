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
from cartpath.shop import Shop

START = 1_704_326_400_000_000
CHANNELS = ("Direct", "Email", "Organic", "Paid", "Referral", "Social")
PAGES = tuple(f"/p{i}" for i in range(9))


def log() -> pa.Table:
    """No two events at one time, and many values that are as frequent as others."""
    draw = random.Random(5)
    rows = []
    for user in range(60):
        for session in range(draw.randint(1, 3)):
            at = (user * 7 + session * 3) * 86_400_000_000 // 9 + user
            channel = CHANNELS[(user + session) % 6]
            for step in range(draw.randint(1, 5)):
                event = draw.choice(("view", "view", "add_to_cart", "purchase"))
                order = f"o{user}-{session}-{step}" if event == "purchase" else None
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
def shops(tmp_path_factory: pytest.TempPathFactory) -> list[Shop]:
    table = log()
    shuffled = table.take(random.Random(1).sample(range(len(table)), len(table)))
    half = len(table) // 2
    return [
        made(tmp_path_factory.mktemp("asis"), [table], 64),
        made(tmp_path_factory.mktemp("shuffled"), [shuffled], 4),
        made(tmp_path_factory.mktemp("twice"), [table.slice(half), table.slice(0, half)], 1),
    ]


QUESTIONS: dict[str, Callable[[Shop], Any]] = {
    "funnel": lambda s: s.funnel("view,purchase", by="channel", top=2, trend="week"),
    "funnel by page": lambda s: s.funnel("view,purchase", by="page@last", top=3, count="entries"),
    "flow": lambda s: s.flow(node="page", most_nodes=4),
    "step view": lambda s: s.step_view(node="page", top=2),
    "variants": lambda s: s.variants(node="channel", top=2, collapse=True),
    "variants of pages": lambda s: s.variants(node="page", top=3),
    "attribution": lambda s: s.attribution(top=2),
    "attribution of all": lambda s: s.attribution(),
    "attribution of events": lambda s: s.attribution(of="page", top=3, models="linear,markov_1,markov_2,time_decay"),
    "attribution by rate": lambda s: s.attribution(game="rate", models="shapley"),
    "retention": lambda s: s.retention(by="channel", top=2, cohort="week"),
    "lifecycle": lambda s: s.lifecycle(period="week"),
    "stickiness": lambda s: s.stickiness(),
    "repurchase": lambda s: s.repurchase(),
    "time to purchase": lambda s: s.time_to_purchase(by="channel", top=2),
    "drivers": lambda s: s.drivers("purchase", of="event,channel,page", min_support=5, min_conversions=2),
    "compare": lambda s: s.compare("variants", "channel=Email", "channel=Paid"),
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


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_do_not_depend_on_how_the_events_were_read(shops: list[Shop], question: str) -> None:
    first, *others = [QUESTIONS[question](shop).to_dict() for shop in shops]
    for other in others:
        differing = [key for key in first if not close(first[key], other.get(key)) and key != "generation"]
        assert not differing, {key: (first[key], other[key]) for key in differing}
