"""Every view keeps its answers: computed once, the same when they are read, and never stale."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from cartpath import config, engine, store
from cartpath.config import SegmentSettings, Settings, ShopSettings, StoreSettings
from cartpath.paths import survival
from cartpath.shop import Shop
from tests.paths.twin import Row, table_of

pytest.importorskip("lifelines")

DAY = 86400
NAMED = {"buyers": "did purchase", "listed": "file(lists/some.csv)", "early": "cohort(2016-08-01,2016-08-04)"}
START = 1_470_009_600  # 2016-08-01T00:00:00Z
ROWS = [
    Row(user, START + (user + 5 * k) * DAY // 2 + 1000 * k, event, k, order=100 * user + k)
    for user in range(40)
    for k, event in enumerate(("view", "cart", "purchase", "view", "purchase")[: 2 + user % 4])
]

Ask = Callable[..., Any]
VIEWS: dict[str, Ask] = {
    "funnel": lambda shop, **named: shop.funnel("view,purchase", trend="day", **named),
    "flow": lambda shop, **named: shop.flow(**named),
    "flow of hours": lambda shop, **named: shop.flow(node="hour", across_sessions=True, **named),
    "step view": lambda shop, **named: shop.step_view(start="view", **named),
    "variants": lambda shop, **named: shop.variants(across_sessions=True, **named),
    "drivers": lambda shop, **named: shop.drivers(
        "purchase", within="1 steps", min_support=1, min_conversions=1, **named
    ),
    "attribution": lambda shop, **named: shop.attribution("event", **named),
    "retention": lambda shop, **named: shop.retention(cohort="day", by="event", top=2, **named),
    "lifecycle": lambda shop, **named: shop.lifecycle(period="day", **named),
    "stickiness": lambda shop, **named: shop.stickiness(period="week", **named),
    "repurchase": lambda shop, **named: shop.repurchase(**named),
    "time to purchase": lambda shop, **named: shop.time_to_purchase(by="event", **named),
}
COMPARED: dict[str, dict[str, Any]] = {
    **{view: {} for view in ("status", "flow", "step-view", "variants", "retention", "lifecycle", "repurchase")},
    "funnel": {"steps": "view,purchase"},
    "attribution": {"of": "event"},
    "time-to-purchase": {},
    "drivers": {"within": "1 steps", "min_support": 1, "min_conversions": 1},
}
EVERY: dict[str, Ask] = {
    **VIEWS,
    "segments": lambda shop, **named: shop.segments(),
    **{
        f"compare {view}": lambda shop, view=view, asked=asked, **named: shop.compare(
            view, "listed", "!listed", **asked, **named
        )
        for view, asked in COMPARED.items()
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shop"
    store.init(made, Settings(store=StoreSettings(buckets=2), segments=SegmentSettings(NAMED)))
    add(made, ROWS, "1")
    (made / "lists").mkdir()
    (made / "lists" / "some.csv").write_text("".join(f"u{user}\n" for user in range(25)))
    return made


def add(folder: Path, rows: list[Row], name: str) -> None:
    with store.writer(folder) as writer:
        writer.add(table_of(rows))
        writer.commit(sources=[{"file": name, "hash": name, "adapter": "test", "read": len(rows)}], quarantine={})


def write(folder: Path, named: dict[str, str] = NAMED, zone: str = "UTC") -> None:
    settings = Settings(store=StoreSettings(buckets=2), segments=SegmentSettings(named), shop=ShopSettings(zone))
    (folder / config.FILE_NAME).write_text(settings.to_toml(), encoding="utf-8")


def told(analysis: Any) -> dict[str, Any]:
    return {
        "dict": json.loads(json.dumps(analysis.to_dict())),
        "frame": analysis.frame.to_json(orient="split"),
        "figure": json.loads(analysis.figure.to_json()),
    }


class Scans:
    """How often something was scanned."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.n, self._run = 0, engine.run
        patch.setattr(engine, "run", self)

    def __call__(self, *args: Any, **named: Any) -> Any:
        self.n += 1
        return self._run(*args, **named)

    def of(self, ask: Ask, folder: Path, **named: Any) -> int:
        before = self.n
        ask(Shop(folder), **named)
        return self.n - before


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> Scans:
    return Scans(monkeypatch)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", EVERY)
def test_what_is_read_is_what_was_computed(name: str, folder: Path, scans: Scans) -> None:
    first = told(EVERY[name](Shop(folder)))
    asked = scans.n
    assert asked
    assert told(EVERY[name](Shop(folder))) == first
    assert scans.n == asked
    add(folder, [Row(77, START + 9 * DAY, "view")], "2")
    assert told(EVERY[name](Shop(folder))) != first
    assert scans.n > asked


@pytest.mark.parametrize("name", VIEWS)
def test_a_segment_is_what_it_says_now(name: str, folder: Path, scans: Scans) -> None:
    ask = VIEWS[name]
    assert scans.of(ask, folder, segment="buyers")
    assert not scans.of(ask, folder, segment="buyers")
    write(folder, {**NAMED, "buyers": "did cart"})
    assert scans.of(ask, folder, segment="buyers")
    assert scans.of(ask, folder, segment="listed")
    (folder / "lists" / "some.csv").write_text("u1\nu2\nu3\n")
    assert scans.of(ask, folder, segment="listed")


@pytest.mark.parametrize("name", [name for name in EVERY if name not in VIEWS])
def test_a_list_of_users_may_change(name: str, folder: Path, scans: Scans) -> None:
    ask = EVERY[name]
    first = told(ask(Shop(folder)))
    (folder / "lists" / "some.csv").write_text("".join(f"u{user}\n" for user in range(3, 20)))
    assert told(ask(Shop(folder))) != first


def test_a_segment_that_the_overview_names_within_another(folder: Path) -> None:
    write(folder, {**NAMED, "both": "buyers & listed"})
    first = Shop(folder).segments(["both"]).result.rows
    write(folder, {**NAMED, "both": "buyers & listed", "buyers": "did nothing"})
    assert first[0]["users"]
    assert not Shop(folder).segments(["both"]).result.rows[0]["users"]


def test_a_comparison_of_named_segments_is_that_of_what_they_say(folder: Path, scans: Scans) -> None:
    def ask(shop: Shop) -> Any:
        return shop.compare("status", "buyers", "!buyers")

    assert scans.of(ask, folder)
    assert not scans.of(ask, folder)
    write(folder, {**NAMED, "buyers": "did cart"})
    assert scans.of(ask, folder)


@pytest.mark.parametrize("name", ["repurchase", "compare repurchase"])
def test_an_extra_that_was_installed_since(name: str, folder: Path, scans: Scans) -> None:
    def missing(_: str) -> str:
        raise PackageNotFoundError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survival, "version", missing)
        assert scans.of(EVERY[name], folder)
        assert not scans.of(EVERY[name], folder)
    assert scans.of(EVERY[name], folder)


@pytest.mark.parametrize("name", EVERY)
def test_another_time_zone_is_another_question(name: str, folder: Path, scans: Scans) -> None:
    ask = EVERY[name]
    first = told(ask(Shop(folder), **_period(name)))
    write(folder, zone="America/Los_Angeles")
    before = scans.n
    second = told(ask(Shop(folder), **_period(name)))
    assert scans.n > before
    assert second["dict"]["time_zone"] == "America/Los_Angeles"
    assert second["dict"] != first["dict"]
    write(folder)
    before = scans.n
    assert told(ask(Shop(folder), **_period(name))) == first
    assert scans.n == before


def _period(name: str) -> dict[str, str]:
    return {} if name == "segments" else {"since": "2016-08-01", "until": "2016-08-05", "segment": "early"}
