"""Cleaning and stitching as a shop has them: what an ingest does, what ``clean`` does, what is refused."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cartpath
from cartpath import config, store
from cartpath.ingest import ingest
from cartpath.ingest.derivation import clean, deriving
from cartpath.schema import CartpathError, microseconds_of
from cartpath.shop.everything import Everything, steps_of
from cartpath.store.links import EVENTS, noted
from cartpath.store.rebuild import rebuild
from cartpath.tasks import TimeSplit, check_unshaped

DAY = 86_400_000_000
START = microseconds_of("2024-01-01")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop", config.Settings(store=config.StoreSettings(4)))
    return tmp_path / "shop"


def events(folder: Path, name: str, rows: list[tuple[str, float, str, float | None]]) -> str:
    """A file of (user, day, event, price)."""
    user, day, event, price = zip(*rows, strict=True)
    ts = [START + round(d * DAY) for d in day]
    table = {
        "user_id": user,
        "ts": pa.array(ts, pa.timestamp("us", "UTC")),
        "event": event,
        "item_id": ["i"] * len(rows),
        "price": pa.array(price, pa.float64()),
    }
    pq.write_table(pa.table(table), folder / name)
    return str(folder / name)


FIRST = [("u", 0.0, "view", 10.0), ("u", 1.0, "view", 20.0), ("v", 2.0, "view", 30.0), ("v", 3.0, "view", None)]
LATER = [("w", 9.0, "view", 1000.0), ("w", 9.5, "view", None)]


def set_up(shop: Path, text: str) -> None:
    toml = shop / config.FILE_NAME
    toml.write_text(re.split(r"^\[(?:cleaning|identity)", toml.read_text(), maxsplit=1, flags=re.MULTILINE)[0] + text)


def prices(shop: Path) -> dict[str, list[float]]:
    with store.open_snapshot(shop) as snap:
        views = [snap.bucket(b) for b in range(snap.n_buckets)]
    return {path.user_id[0].as_py(): path.price.tolist() for view in views for path in view}


def test_nothing_is_changed_or_written_twice_where_nothing_is_asked(shop: Path, tmp_path: Path) -> None:
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    assert np.isnan(prices(shop)["v"][1])
    assert clean(shop)["removed"] == 0
    with store.open_snapshot(shop) as snap:
        assert (snap.generation, snap.derivation) == (1, None)
    assert not (shop / "store" / "derived").exists()


def test_a_rule_set_before_the_first_ingest_is_fitted_on_it_and_then_stays(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning.missing]\nprice = "median"\n')
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    assert prices(shop)["v"] == [30.0, 20.0]
    ingest(shop, [events(tmp_path, "b.parquet", LATER)])
    assert prices(shop)["w"] == [1000.0, 20.0]
    assert prices(shop)["v"] == [30.0, 20.0]
    told = clean(shop)
    assert (told["fitted_on"], told["counts"]["imputed_price"], told["shaped_until"]) == (6, 2, "always")
    assert prices(shop)["w"] == [1000.0, 25.0]


def test_a_rule_set_later_waits_for_clean(shop: Path, tmp_path: Path) -> None:
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    set_up(shop, '[cleaning.missing]\nprice = "mean"\n')
    with pytest.raises(CartpathError, match=r"changed since the paths were made\n.*cartpath clean"):
        ingest(shop, [events(tmp_path, "b.parquet", LATER)])
    assert np.isnan(prices(shop)["v"][1])
    clean(shop)
    assert prices(shop)["v"] == [30.0, 20.0]
    assert ingest(shop, [events(tmp_path, "b.parquet", LATER)]).stored == 2


def test_a_rule_turned_off_leaves_no_trace(shop: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    store.init(plain, config.Settings(store=config.StoreSettings(4)))
    set_up(shop, '[cleaning]\nnear_duplicates = "drop"\nnear_window = "2d"\n')
    for where in (plain, shop):
        ingest(where, [events(tmp_path, "a.parquet", FIRST)])
    with store.open_snapshot(shop) as snap:
        assert snap.totals.events == 2
        assert sorted(r for b in range(4) for r in snap.removed(b)["reason"].to_pylist()) == ["near_duplicate"] * 2
    set_up(shop, "")
    clean(shop)
    with store.open_snapshot(shop) as left, store.open_snapshot(plain) as right:
        assert left.totals == right.totals
        assert left.derivation is None
    np.testing.assert_equal(prices(shop), prices(plain))


def test_a_catalogue_that_comes_first_does_not_fix_statistics_of_nothing(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning.missing]\nprice = "median"\n')
    pq.write_table(pa.table({"item_id": ["i"], "title": ["A thing"]}), tmp_path / "items.parquet")
    ingest(shop, [], items=tmp_path / "items.parquet")
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    assert prices(shop)["v"] == [30.0, 20.0]
    assert clean(shop)["fitted_on"] == 4


def test_a_zone_of_a_file_needs_no_cleaning(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning]\nnear_duplicates = "drop"\n')
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    set_up(shop, '[cleaning]\nnear_duplicates = "drop"\n[cleaning.time_zones]\n"*.csv" = "Europe/Berlin"\n')
    assert ingest(shop, [events(tmp_path, "b.parquet", LATER)]).stored == 2


def test_clean_again_changes_nothing(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning.missing]\nprice = "random"\n')
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    before = prices(shop)
    assert clean(shop)["generation"] == 1
    assert prices(shop) == before


def test_a_rebuild_keeps_what_was_fitted_unless_the_rules_changed(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning.missing]\nprice = "median"\n')
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    ingest(shop, [events(tmp_path, "b.parquet", LATER)])
    rebuild(shop, 7, derived=deriving(shop, accept=True))
    assert prices(shop) == {"u": [10.0, 20.0], "v": [30.0, 20.0], "w": [1000.0, 20.0]}
    set_up(shop, '[cleaning.missing]\nprice = "mean"\n')
    rebuild(shop, 4, derived=deriving(shop, accept=True))
    assert prices(shop)["v"] == [30.0, 265.0]


@pytest.mark.parametrize(
    ("rule", "shaped"),
    [
        ('[cleaning.missing]\nprice = "median"\n', store.ALWAYS_SHAPED),
        ('[cleaning]\nuntil = "2024-01-03"\n[cleaning.missing]\nprice = "median"\n', START + 2 * DAY),
        ('[cleaning]\nrobots = "flag"\n', store.ALWAYS_SHAPED),
        ("[cleaning.missing]\nprice = 5\n", store.NEVER_SHAPED),
        ('[cleaning]\nnear_duplicates = "drop"\n', store.NEVER_SHAPED),
        ('[cleaning.outliers.price]\nmethod = "iqr"\n', store.ALWAYS_SHAPED),
    ],
)
def test_what_learns_from_other_events_says_up_to_when(shop: Path, tmp_path: Path, rule: str, shaped: int) -> None:
    set_up(shop, rule)
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    with store.open_snapshot(shop) as snap:
        assert snap.shaped_until == shaped


def test_an_experiment_refuses_paths_that_later_events_shaped() -> None:
    split = TimeSplit((START + DAY + 5, START + 2 * DAY, START + 3 * DAY))
    check_unshaped(store.NEVER_SHAPED, split)
    check_unshaped(START + DAY, split)
    with pytest.raises(CartpathError, match='until = "2024-01-02"'):
        check_unshaped(store.ALWAYS_SHAPED, split)


def test_events_after_until_change_nothing_before_it(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning]\nuntil = "2024-01-05"\n[cleaning.missing]\nprice = "mean"\n')
    ingest(shop, [events(tmp_path, "a.parquet", FIRST), events(tmp_path, "b.parquet", LATER)])
    assert prices(shop)["v"] == [30.0, 20.0]
    assert prices(shop)["w"] == [1000.0, 20.0]


def link(shop: Path, anonymous: str, user: str, day: float) -> None:
    ts = np.array([START + round(day * DAY)])
    with store.writer(shop) as writer:
        writer.put_links(noted(pa.array([anonymous]), pa.array([user]), ts, EVENTS))
        writer.commit(derived=deriving(shop))


def test_a_link_that_comes_late_moves_what_was_there_before(shop: Path, tmp_path: Path) -> None:
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    link(shop, "v", "u", 5)
    assert list(prices(shop)) == ["u"]
    assert prices(shop)["u"][:3] == [10.0, 20.0, 30.0]
    ingest(shop, [events(tmp_path, "b.parquet", [("v", 1.5, "view", 7.0)])])
    assert prices(shop)["u"][:4] == [10.0, 20.0, 7.0, 30.0]
    with store.open_snapshot(shop) as snap:
        assert snap.shaped_until == START + 5 * DAY + 1
        assert (snap.totals.users, snap.totals.events) == (1, 5)


def test_of_links_without_a_time_nobody_knows_what_they_shaped(shop: Path, tmp_path: Path) -> None:
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    (tmp_path / "ids.csv").write_text("anonymous_id,user_id\nv,u\n")
    ingest(shop, [], identities=tmp_path / "ids.csv")
    with store.open_snapshot(shop) as snap:
        assert (snap.totals.users, snap.shaped_until) == (1, store.ALWAYS_SHAPED)
    set_up(shop, "[identity]\nuntimed_known = true\n")
    clean(shop)
    with store.open_snapshot(shop) as snap:
        assert (snap.totals.users, snap.shaped_until) == (1, store.NEVER_SHAPED)


def test_links_that_part_paths_again_shaped_them_too(shop: Path, tmp_path: Path) -> None:
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    link(shop, "v", "u", 5)
    link(shop, "v", "somebody-else", 8)
    with store.open_snapshot(shop) as snap:
        assert (snap.totals.users, snap.shaped_until) == (2, START + 8 * DAY + 1)


def test_stitching_can_be_turned_off(shop: Path, tmp_path: Path) -> None:
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    before = prices(shop)
    link(shop, "v", "u", 5)
    set_up(shop, "[identity]\nstitch = false\n")
    clean(shop)
    np.testing.assert_equal(prices(shop), before)
    set_up(shop, '[identity]\nuntil = "2024-01-04"\n')
    clean(shop)
    np.testing.assert_equal(prices(shop), before)


def test_stitched_paths_are_cleaned_as_one(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning]\nnear_duplicates = "drop"\n')
    ingest(shop, [events(tmp_path, "a.parquet", [("u", 1.0, "view", 1.0), ("v", 1.0000001, "view", 1.0)])])
    with store.open_snapshot(shop) as snap:
        assert snap.totals.events == 2
    link(shop, "v", "u", 5)
    with store.open_snapshot(shop) as snap:
        assert (snap.totals.events, snap.totals.users) == (1, 1)


def test_a_date_before_everything_is_refused_rather_than_cleaning_nothing(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning]\nuntil = "1999-01-01"\n[cleaning.missing]\nprice = "median"\n')
    with pytest.raises(CartpathError, match="before every event"):
        ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    with store.open_snapshot(shop) as snap:
        assert snap.generation == 0


def test_numbers_say_what_was_taken_out_and_what_is_pending(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning]\nnear_duplicates = "drop"\nnear_window = "2d"\n')
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    opened = cartpath.open(shop)
    status = opened.status()
    assert (status.events, status.removed) == (2, 2)
    cleaned = next(f for f in opened.doctor().findings if f.check == "cleaned")
    assert (cleaned.n, cleaned.of, cleaned.level) == (2, 4, "note")
    assert cleaned.detail["counts"]["near_duplicate_dropped"] == 2
    assert "cleaning took out 2 of 4" in opened.report().read_text()
    assert opened.warnings() == []
    set_up(shop, "")
    assert "cartpath clean" in cartpath.open(shop).warnings()[0]


def test_a_run_takes_changed_rules(shop: Path, tmp_path: Path) -> None:
    source = events(tmp_path, "a.parquet", FIRST)
    opened = cartpath.open(shop)
    told = Everything([source], "generic")
    step = steps_of(opened, told, lambda _: nullcontext())[0]
    step.run()
    before = step.inputs()
    set_up(shop, '[cleaning.missing]\nprice = "median"\n')
    assert step.inputs() != before
    step.run()
    assert prices(shop)["v"] == [30.0, 20.0]


def test_a_setting_that_a_later_version_brings_is_no_change(shop: Path, tmp_path: Path) -> None:
    set_up(shop, '[cleaning]\nnear_duplicates = "drop"\n')
    ingest(shop, [events(tmp_path, "a.parquet", FIRST)])
    manifest = shop / "store" / "manifest.json"
    data = json.loads(manifest.read_text())
    del data["derivation"]["record"]["settings"]["identity"]["max_ids"]
    manifest.write_text(json.dumps(data))
    assert cartpath.open(shop).warnings() == []
