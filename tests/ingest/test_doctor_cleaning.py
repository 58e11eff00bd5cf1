"""What ``doctor`` says the rules of cleaning would do: counts by hand, on or off, without changing anything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cartpath import config, store
from cartpath.config import CleaningSettings
from cartpath.ingest.cleaning import apply, fit
from cartpath.ingest.doctor.cleaning import proposed
from cartpath.ingest.doctor.diagnosis import diagnose
from cartpath.ingest.doctor.finding import Finding
from cartpath.schema import Columns, event_schema

START = datetime(2024, 1, 1, tzinfo=UTC)
CHECKS = (
    "cleaning_clock_skew", "cleaning_missing_price", "cleaning_missing_quantity", "cleaning_near_duplicates",
    "cleaning_outliers_dwell", "cleaning_outliers_price", "cleaning_outliers_quantity", "cleaning_robots",
)  # fmt: skip


def event(second: float, name: str = "view", user: str = "u", **more: Any) -> dict[str, Any]:
    when = START + timedelta(seconds=second)
    received = more.pop("received", when + timedelta(seconds=2))
    own = {"user_id": user, "ts": when, "event": name, "item_id": "a", "price": 10.0, "page": f"/{second}"}
    return {**own, Columns.received: received, **more}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Twenty looks at 10.00 and: one at 1000, three without a price, two double clicks, a slow clock, an open tab."""
    events = [event(10.0 * i + 7 * i * i % 11) for i in range(20)]
    events += [event(220, price=1000.0), event(230, price=None), event(240, price=None)]
    events += [event(250, price=None, item_id=None)]  # names no item: no price is missing
    events += [event(260, page="/p"), event(260.4, page="/p"), event(260.9, page="/p")]
    events += [event(260.9 + 1500, page="/q")]
    events += [event(0, "purchase", "v", quantity=q, order_id=f"o{q}", page=f"/o{q}") for q in (1, 2, 3)]
    events += [event(100, "purchase", "v", quantity=None, order_id="o"), event(110, user="v", price=None)]
    events += [event(5, user="slow", received=START + timedelta(hours=3))]
    stamp = pa.timestamp("us", tz="UTC")
    types = {field.name: field.type for field in event_schema()} | {Columns.received: stamp}
    names = list(dict.fromkeys(name for one in events for name in one))
    store.init(tmp_path / "shop")
    with store.writer(tmp_path / "shop") as writer:
        writer.add(pa.table({name: pa.array([one.get(name) for one in events], types[name]) for name in names}))
        writer.commit()
    return tmp_path / "shop"


def findings(shop: Path) -> dict[str, Finding]:
    return {f.check: f for f in diagnose(shop).findings if f.check.startswith("cleaning_")}


def test_each_rule_says_what_it_would_do(shop: Path) -> None:
    found = findings(shop)
    assert tuple(sorted(found)) == CHECKS
    counted = {name.removeprefix("cleaning_"): (f.n, f.of) for name, f in found.items()}
    assert counted == {
        "missing_price": (3, 33),
        "missing_quantity": (1, 4),
        "outliers_price": (1, 30),
        "outliers_quantity": (0, 3),
        "outliers_dwell": (1, 31),
        "near_duplicates": (2, 34),
        "robots": (0, 3),
        "clock_skew": (1, 3),
    }
    assert all(f.level == ("note" if f.n else "ok") for f in found.values())
    assert all(f.detail["on"] is False for f in found.values())
    price = found["cleaning_missing_price"]
    assert price.detail == {"method": "median", "of_all": 10.0, "items_with_their_own": 1, "on": False}
    assert "It is off: nothing is changed until it is written in [cleaning.missing]" in price.meaning
    assert found["cleaning_clock_skew"].detail["typical_delay_seconds"] == pytest.approx(2, rel=1e-3)
    json.dumps([f.to_dict() for f in found.values()], allow_nan=False)


def test_configured_rules_are_counted_as_configured_and_nothing_is_changed(shop: Path) -> None:
    before = {path: path.read_bytes() for path in (shop / "store").rglob("*") if path.is_file()}
    with (shop / config.FILE_NAME).open("a", encoding="utf-8") as file:
        file.write(
            "[cleaning]\nnear_duplicates = 'drop'\nnear_window = '1m'\nclock_skew = '4h'\n"
            "[cleaning.missing]\nprice = 7\n[cleaning.outliers.price]\nlimit = 100\naction = 'clip'\n"
        )
    found = findings(shop)
    assert found["cleaning_near_duplicates"].detail == {"window": "1m", "on": True}
    assert found["cleaning_clock_skew"].n == 0
    assert found["cleaning_missing_price"].detail["of_all"] == 7.0
    assert (found["cleaning_outliers_price"].n, found["cleaning_outliers_price"].detail["limit"]) == (0, 100.0)
    assert "moves them to the bound" in found["cleaning_outliers_price"].meaning
    off = ("missing_quantity", "outliers_quantity", "outliers_dwell", "robots")
    assert {name for name, f in found.items() if not f.detail["on"]} == {f"cleaning_{rule}" for rule in off}
    after = {path: path.read_bytes() for path in (shop / "store").rglob("*") if path.is_file()}
    assert after == before


def test_until_limits_what_bounds_are_of_and_not_what_is_counted(shop: Path) -> None:
    with (shop / config.FILE_NAME).open("a", encoding="utf-8") as file:
        file.write("[cleaning]\nuntil = '2024-01-01T00:01:00'\n")
    found = findings(shop)
    assert (found["cleaning_outliers_price"].n, found["cleaning_outliers_price"].of) == (1, 30)
    assert found["cleaning_missing_price"].of == 33


def test_what_it_says_is_what_is_done(shop: Path) -> None:
    rules = proposed(CleaningSettings())
    with store.open_snapshot(shop) as snapshot:
        runs = [snapshot.run(bucket) for bucket in range(snapshot.n_buckets)]
        events, gap = snapshot.codes("event"), snapshot.gap_seconds
    plan = fit(runs, rules, events, gap)
    counts: dict[str, int] = {}
    for run in runs:
        for name, n in apply(run, plan, gap, events).counts.items():
            counts[name] = counts.get(name, 0) + n
    found = findings(shop)
    pairs = {
        "imputed_price": "missing_price", "imputed_quantity": "missing_quantity",
        "outlier_price_flagged": "outliers_price", "outlier_dwell_flagged": "outliers_dwell",
        "skewed_sessions": "clock_skew",
    }  # fmt: skip
    assert {done: counts[done] for done in pairs} == {done: found[f"cleaning_{said}"].n for done, said in pairs.items()}
