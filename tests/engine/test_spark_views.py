"""Every path view, with each of its ways to count, gives on Spark what it gives on threads."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cartpath
from cartpath import store
from cartpath.config import SegmentSettings, Settings, StoreSettings
from cartpath.paths.comparison.registry import names
from cartpath.shop import Shop
from cartpath.simulate import simulate
from tests.engine.same import put

pytestmark = pytest.mark.spark

STEPS = "view,add_to_cart,purchase"
SEGMENTS = {
    "buyers": "did purchase",
    "mobile": "did *[device=mobile]",
    "stuck": "stopped(view,add_to_cart,purchase; within=7d)",
    "half": "sample(50%; seed=1)",
    "mixed": "(buyers | stuck) - cohort(2024-01-20,) & !file(some.csv)",
}

Asked = Callable[[Shop], Any]

#: What is asked of a shop, by name; the first word is the view.
QUESTIONS: dict[str, Asked] = {
    "status": lambda s: s.status(),
    "funnel loose": lambda s: s.funnel(STEPS, within="7d"),
    "funnel strict": lambda s: s.funnel(STEPS, order="strict", count="sessions"),
    "funnel any": lambda s: s.funnel(STEPS, order="any", within="session"),
    "funnel by": lambda s: s.funnel(STEPS, by="device"),
    "funnel by number": lambda s: s.funnel(STEPS, by="price@view", exclude="remove_from_cart"),
    "funnel hold": lambda s: s.funnel(STEPS, hold="item_id"),
    "funnel trend": lambda s: s.funnel(STEPS, trend="week"),
    "funnel entries": lambda s: s.funnel(STEPS, count="entries", within="1d"),
    "funnel where": lambda s: s.funnel("view[price>20],purchase", where="device=mobile", since="2024-01-10"),
    "flow": lambda s: s.flow(),
    "flow node": lambda s: s.flow(node="item_id", most_nodes=20, across_sessions=True, top_edges=30),
    "step_view": lambda s: s.step_view(),
    "step_view end": lambda s: s.step_view(end="purchase", node="item_id", top=3, collapse=True),
    "variants": lambda s: s.variants(),
    "variants node": lambda s: s.variants(node="category_1", collapse=True, max_length=4, across_sessions=True),
    "attribution": lambda s: s.attribution(),
    "attribution events": lambda s: s.attribution("event", lookback=None, reset=False, game="rate"),
    "retention": lambda s: s.retention(),
    "retention by": lambda s: s.retention("view", "purchase", cohort="day", mode="unbounded", by="device"),
    "lifecycle": lambda s: s.lifecycle(),
    "stickiness": lambda s: s.stickiness(time_zone="Asia/Tokyo"),
    "repurchase": lambda s: s.repurchase(),
    "repurchase same": lambda s: s.repurchase(same="item_id"),
    "time_to_purchase": lambda s: s.time_to_purchase(by="device"),
    "drivers": lambda s: s.drivers("purchase", min_support=5, min_conversions=2),
    "drivers window": lambda s: s.drivers("purchase", within="1h", follow="7d", count="sessions", min_support=5),
    "segments": lambda s: s.segments(),
    **{f"flow --segment {name}": lambda s, name=name: s.flow(segment=name) for name in SEGMENTS},
    **{f"compare {view}": lambda s, view=view: compared(s, view) for view in names()},
}


def compared(shop: Shop, view: str) -> Any:
    """A comparison of two segments on a view, with what it cannot do without."""
    needed = {"funnel": {"steps": STEPS}, "drivers": {"goal": "purchase"}, "step-view": {}}.get(view, {})
    return shop.compare(view, "mobile", "half - mobile", min_users=2, **needed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated shop in four buckets with segments and a list of users."""
    made = tmp_path_factory.mktemp("views")
    simulate(made / "log", users=300, days=30, seed=5)
    store.init(made / "shop", Settings(StoreSettings(buckets=4), segments=SegmentSettings(SEGMENTS)))
    put(
        made / "shop", "threads", [made / "log" / "events.parquet"], "cartpath",
        items=made / "log" / "items.parquet", users=made / "log" / "users.parquet",
    )  # fmt: skip
    with store.open_snapshot(made / "shop") as snap:
        some = [snap.bucket(bucket).user_id[0].as_py() for bucket in range(4)]
    (made / "shop" / "some.csv").write_text("\n".join(["user_id", *some]))
    return made / "shop"


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_view_gives_the_same(question: str, folder: Path, spark: str) -> None:
    ask = QUESTIONS[question]
    on_threads = ask(cartpath.open(folder, engine="threads")).to_dict()
    on_spark = ask(cartpath.open(folder, engine=spark)).to_dict()
    assert json.dumps(on_spark, default=str) == json.dumps(on_threads, default=str)
    assert on_threads.get("events", 1) > 0


@pytest.mark.parametrize("command", sorted({question.split()[0].replace("_", "-") for question in QUESTIONS}))
def test_every_path_command_takes_an_engine(command: str) -> None:
    from typer.main import get_command

    from cartpath.cli import app

    options = {name for param in get_command(app).commands[command].params for name in param.opts}
    assert "--engine" in options


def test_no_view_is_left_out() -> None:
    from cartpath.shop.views import PathViews

    methods = {name for name, _ in inspect.getmembers(PathViews, inspect.isfunction) if not name.startswith("_")}
    # Daily volumes are asked for in test_spark.py; members are written by the scan that segments use.
    assert methods - {question.split()[0] for question in QUESTIONS} == {"daily", "write_segment"}
