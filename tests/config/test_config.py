"""Settings: what is read, what is refused, and that every one is documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cartpath import config, store
from cartpath.config import (
    CleaningSettings,
    MissingSettings,
    OutlierSettings,
    OutliersSettings,
    SessionSettings,
    Settings,
    ShopSettings,
    StoreSettings,
)
from cartpath.schema import CartpathError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def load(folder: Path, text: str) -> Settings:
    (folder / config.FILE_NAME).write_text(text, encoding="utf-8")
    return config.load(folder)


def test_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Settings() == Settings(StoreSettings(64), SessionSettings("30m"))
    assert Settings().sessions.gap_seconds == 1800


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    mine = Settings(StoreSettings(7), SessionSettings("1h30m"))
    assert load(tmp_path, mine.to_toml()) == mine
    assert mine.sessions.gap_seconds == 5400


def test_a_time_zone_that_is_written_is_read_back(tmp_path: Path) -> None:
    mine = Settings(shop=ShopSettings("America/Los_Angeles"))
    assert load(tmp_path, mine.to_toml()) == mine
    assert mine.shop.zone.key == "America/Los_Angeles"


def test_cleaning_that_is_written_is_read_back(tmp_path: Path) -> None:
    missing = MissingSettings("median", "constant:1", "all")
    rules = OutliersSettings(price=OutlierSettings(), dwell=OutlierSettings("iqr", 2, "clip", "linear", "all"))
    zones = {"eu/*.csv": "Europe/Berlin", 'a "b".csv': "UTC"}
    mine = Settings(
        cleaning=CleaningSettings(missing, rules, zones, "drop", "2s", "flag", "1h30m", "2016-09-01", seed=7)
    )
    assert load(tmp_path, mine.to_toml()) == mine
    assert CleaningSettings(**mine.cleaning.to_dict()) == mine.cleaning
    assert mine.cleaning.active
    assert (mine.cleaning.near_window_us, mine.cleaning.clock_skew_us) == (2_000_000, 5_400_000_000)


@pytest.mark.parametrize(
    "text",
    [
        "", "near_window = '2s'", "until = 2016-09-01", "seed = 3", "[cleaning.missing]\nby = 'all'",
        "[cleaning.time_zones]\n'*.csv' = 'Europe/Berlin'", "[cleaning.outliers]",
    ],
)  # fmt: skip
def test_settings_that_change_no_value_leave_cleaning_off(tmp_path: Path, text: str) -> None:
    assert not load(tmp_path, f"[cleaning]\n{text}").cleaning.active


@pytest.mark.parametrize(
    "text",
    [
        "near_duplicates = 'drop'", "robots = 'flag'", "clock_skew = '1h'", "[cleaning.missing]\nprice = 0",
        "[cleaning.outliers.price]", "[cleaning.outliers.dwell]\nlimit = 3",
    ],
)  # fmt: skip
def test_a_rule_is_on_once_it_is_written(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, f"[cleaning]\n{text}").cleaning.active


def test_a_date_may_be_written_with_quotes_or_without(tmp_path: Path) -> None:
    for text in ("'2016-09-01'", "2016-09-01", "2016-09-01T00:00:00", "2016-09-01T02:00:00+02:00"):
        assert load(tmp_path, f"[cleaning]\nuntil = {text}").cleaning.until_ts == 1_472_688_000_000_000
    assert load(tmp_path, "").cleaning.until_ts is None


def test_a_part_may_be_left_out(tmp_path: Path) -> None:
    assert load(tmp_path, "[sessions]\ngap = '5m'") == Settings(sessions=SessionSettings("5m"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[store", "not valid TOML"),
        ("store = 3", "store must be a table"),
        ("[stores]", r"unknown table \[stores\]"),
        ("[store]\nbucket = 3", r"unknown setting bucket in \[store\]"),
        ("[store]\nbuckets = 0", "from 1 to 4096"),
        ("[store]\nbuckets = 4097", "from 1 to 4096"),
        ("[store]\nbuckets = '8'", "from 1 to 4096"),
        ("[store]\nbuckets = 8.0", "from 1 to 4096"),
        ("[store]\nbuckets = true", "from 1 to 4096"),
        ("[sessions]\ngap = 30", "not a duration"),
        ("[sessions]\ngap = '30'", "not a duration"),
        ("[sessions]\ngap = '0m'", "must be positive"),
        ("[sessions]\ngap = ''", "not a duration"),
        ("[shop]\ntime_zone = 'Mars/Olympus'", "no time zone 'Mars/Olympus'"),
        ("[shop]\ntime_zone = ''", "no time zone ''"),
        ("[shop]\ntime_zone = '../etc/passwd'", "no time zone"),
        ("[shop]\ntime_zone = 'Europe'", "no time zone 'Europe'"),
        ("[shop]\ntime_zone = 2", "no time zone 2"),
        ("[cleaning]\nprice = 'mean'", r"unknown setting price in \[cleaning\]"),
        ("[cleaning]\nmissing = 'mean'", r"\[cleaning.missing\] must be a table"),
        ("[cleaning.missing]\npage = 'mean'", r"unknown setting page in \[cleaning.missing\]"),
        ("[cleaning.missing]\nprice = 'mode'", "price cannot be 'mode'"),
        ("[cleaning.missing]\nprice = 'constant:x'", "a number from 0 on"),
        ("[cleaning.missing]\nprice = -1", "a number from 0 on"),
        ("[cleaning.missing]\nquantity = 1.5", "a whole number"),
        ("[cleaning.missing]\nprice = true", "price cannot be True"),
        ("[cleaning.missing]\nby = 'brand'", "by cannot be 'brand'"),
        ("[cleaning.outliers]\npage = {}", r"unknown setting page in \[cleaning.outliers\]"),
        ("[cleaning.outliers]\nprice = 3", r"\[cleaning.outliers.price\] must be a table"),
        ("[cleaning.outliers.price]\nmethod = 'mad'", "method cannot be 'mad'"),
        ("[cleaning.outliers.price]\naction = 'drop'", "action cannot be 'drop'"),
        ("[cleaning.outliers.price]\nlimit = 0", "limit must be a number above 0"),
        ("[cleaning.outliers.price]\nlimit = '3'", "limit must be a number above 0"),
        ("[cleaning.outliers.price]\nlimt = 3", "unknown setting limt"),
        ("[cleaning.time_zones]\n'*.csv' = 'Mars/Olympus'", "no time zone 'Mars/Olympus'"),
        ("[cleaning]\ntime_zones = 'UTC'", r"\[cleaning.time_zones\] must be a table"),
        ("[cleaning]\nnear_duplicates = 'flag'", "near_duplicates cannot be 'flag'"),
        ("[cleaning]\nnear_window = 1", "not a duration"),
        ("[cleaning]\nrobots = true", "robots cannot be True"),
        ("[cleaning]\nclock_skew = '1'", "not a duration"),
        ("[cleaning]\nuntil = 'May'", "not a date"),
        ("[cleaning]\nuntil = 2016", "until must be a date"),
        ("[cleaning]\nseed = -1", "a whole number from 0 on"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CartpathError, match=says):
        load(tmp_path, text)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / config.FILE_NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CartpathError, match="not valid TOML"):
        config.load(tmp_path)


def test_a_folder_without_settings_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="is not a Cartpath workspace") as error:
        config.load(tmp_path)
    assert "cartpath init" in error.value.hint


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text("user,time\n", encoding="utf-8")
    for read in (config.load, store.open_snapshot, store.leftovers):
        with pytest.raises(CartpathError, match="is a file, not the folder of a Cartpath workspace") as error:
            read(file)
        assert "cartpath ingest SHOP FILE" in error.value.hint


def test_every_setting_is_documented_and_the_example_is_the_default(tmp_path: Path) -> None:
    text = DOCS.read_text(encoding="utf-8")
    for table in fields(Settings):
        assert f"[{table.name}]" in text
        for setting in fields(table.default_factory):
            assert f"`{setting.name}`" in text
    example = text.split("```toml\n")[1].split("```")[0]
    assert load(tmp_path, example) == Settings()
