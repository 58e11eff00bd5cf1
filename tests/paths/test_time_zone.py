"""One time zone: every date and clock time of a view is that of the shop, held to zoneinfo."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cartpath import config, store
from cartpath.cli import app
from cartpath.config import Settings, ShopSettings, StoreSettings
from cartpath.paths import Counting
from cartpath.paths.clock import local_clock, shown
from cartpath.schema import CartpathError, iso, microseconds_of
from cartpath.shop import Shop
from tests.paths.twin import Row, table_of

LA = "America/Los_Angeles"
ZONES = (
    "UTC",
    LA,
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Havana",
    "Pacific/Apia",
    "Asia/Tokyo",
)
HOUR = 3600
#: Around 6 November 2016, when the clocks of Los Angeles are put back at 9:00 UTC.
START = int(datetime(2016, 11, 4, tzinfo=UTC).timestamp())
ROWS = [Row(n % 5, START + n * HOUR // 2 + 60, "view" if n % 3 else "purchase", n, order=n + 1) for n in range(240)]

moments = st.integers(0, 2_000_000_000)


@given(zone=st.sampled_from(ZONES), seconds=st.lists(moments, min_size=1, max_size=20))
def test_the_clock_is_that_of_zoneinfo(zone: str, seconds: list[int]) -> None:
    ts = np.array(seconds, np.int64) * 1_000_000 + 999_999
    local = local_clock(zone, int(ts.min()), int(ts.max())).local(ts) // 1_000_000
    for second, found in zip(seconds, local.tolist(), strict=True):
        expected = datetime.fromtimestamp(second, ZoneInfo(zone)).replace(tzinfo=UTC)
        assert datetime.fromtimestamp(found, UTC) == expected


@given(zone=st.sampled_from(ZONES), day=st.dates(date(1971, 1, 1), date(2036, 1, 1)))
def test_a_date_is_its_first_moment(zone: str, day: date) -> None:
    found = Counting.of(since=day.isoformat(), time_zone=zone).since // 1_000_000
    # A day that the zone leaves out begins with the one after.
    skipped = zone == "Pacific/Apia" and day == date(2011, 12, 30)
    assert datetime.fromtimestamp(found, ZoneInfo(zone)).date() == day + timedelta(days=skipped)
    assert datetime.fromtimestamp(found - 1, ZoneInfo(zone)).date() < day
    assert Counting.of(since=day, time_zone=zone).since == found * 1_000_000


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2016-08-01", "2016-08-01T07:00:00Z"),
        ("2016-12-01", "2016-12-01T08:00:00Z"),
        ("2016-08-01T12:30", "2016-08-01T19:30:00Z"),
        ("2016-08-01T12:30Z", "2016-08-01T12:30:00Z"),
        ("2016-08-01T12:30+02:00", "2016-08-01T10:30:00Z"),
        ("2016-11-06T01:30", "2016-11-06T08:30:00Z"),  # comes twice: the first
        ("2016-03-13T02:30", "2016-03-13T10:30:00Z"),  # is left out
    ],
)
def test_what_is_written_without_an_offset_is_local(text: str, utc: str) -> None:
    found = Counting.of(since=text, time_zone=LA)
    assert found.to_dict()["since"] == utc == iso(found.since)
    assert found.to_dict()["time_zone"] == LA


def test_words_say_the_zone_and_utc_is_as_before() -> None:
    words = Counting.of(since="2016-08-01", until="2016-09-01", time_zone=LA).words
    assert words.startswith(f"events from 2016-08-01T00:00 until before 2016-09-01T00:00 ({LA}")
    assert Counting.of(since="2016-08-01").words == "all events from 2016-08-01T00:00:00Z on (UTC)"
    assert shown(microseconds_of("2016-11-06T09:30"), LA) == "2016-11-06T01:30-08:00"
    with pytest.raises(CartpathError, match="no time zone 'Mars'"):
        Counting.of(time_zone="Mars")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("zone") / "shop"
    store.init(folder, Settings(store=StoreSettings(buckets=2), shop=ShopSettings(LA)))
    with store.writer(folder) as writer:
        writer.add(table_of(ROWS))
        writer.commit(sources=[{"file": "a", "hash": "1", "adapter": "test", "read": len(ROWS)}], quarantine={})
    return Shop(folder)


def local(row: Row) -> datetime:
    return datetime.fromtimestamp(int(row.ts) // 1_000_000, ZoneInfo(LA))


def events(shop: Shop, **options: Any) -> int:
    return int(shop.flow(**options).to_dict()["events"])


def test_hours_and_weekdays_are_those_of_the_clock(shop: Shop) -> None:
    assert events(shop, where="hour<12") == sum(local(row).hour < 12 for row in ROWS)
    assert events(shop, where="hour=09|1") == sum(local(row).hour in (1, 9) for row in ROWS)
    assert events(shop, where="weekday=Sunday") == sum(local(row).weekday() == 6 for row in ROWS)
    assert events(shop, where="hour<12", time_zone="UTC") == sum(local(r).astimezone(UTC).hour < 12 for r in ROWS)
    visits = {row["event"]: row["n"] for row in shop.flow(node="hour").result.nodes}
    assert set(visits) <= {f"{hour:02d}" for hour in range(24)} | {"(start)", "(end)"}
    assert shop.flow(segment="cohort(2016-11-04,2016-11-05)", since="2016-11-06").to_dict()["since"][11:13] == "07"


def test_days_of_25_hours(shop: Shop) -> None:
    days = shop.daily().to_dict()
    assert days["time_zone"] == LA
    expected = Counter(local(row).date().isoformat() for row in ROWS)
    assert {row["day"]: row["events"] for row in days["days"]} == expected
    assert expected["2016-11-06"] == 50


@pytest.mark.parametrize("grain", ["day", "week", "month"])
def test_the_trend_is_by_local_periods(shop: Shop, grain: str) -> None:
    found = shop.funnel("view", count="sessions", trend=grain).to_dict()["trend"]["periods"]
    name = {"day": str, "week": lambda d: str(d - timedelta(days=d.weekday())), "month": lambda d: f"{d:%Y-%m}"}
    began = Counter(name[grain](local(row).date()) for row in ROWS if row.event == "view")
    assert {row["period"]: row["n"][0] for row in found} == began


def test_segments_read_dates_in_the_zone(shop: Shop) -> None:
    texts = ["did purchase since 2016-11-06 until 2016-11-07", "hour<3", "cohort(2016-11-03,2016-11-04)"]
    rows = {row["name"]: row["users"] for row in shop.segments(texts).result.rows}
    day = date(2016, 11, 6)
    assert rows[texts[0]] == len({r.user for r in ROWS if r.event == "purchase" and local(r).date() == day})
    assert rows[texts[1]] == len({r.user for r in ROWS if local(r).hour < 3})
    begun = {user: min(local(r) for r in ROWS if r.user == user) for user in range(5)}
    assert rows[texts[2]] == sum(at.date() == date(2016, 11, 3) for at in begun.values())


def test_init_writes_the_zone(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["init", str(tmp_path / "shop"), "--time-zone", LA])
    assert result.exit_code == 0, result.output
    assert config.load(tmp_path / "shop").shop.time_zone == LA
    result = CliRunner().invoke(app, ["init", str(tmp_path / "other"), "--time-zone", "Mars"])
    assert result.exit_code != 0


def test_a_month_has_one_name_in_every_view(shop: Shop) -> None:
    trend = shop.funnel("view", trend="month").to_dict()["trend"]["periods"]
    cohorts = shop.retention(cohort="month").to_dict()["cohorts"]
    periods = shop.lifecycle(period="month").to_dict()["periods"]
    sticky = shop.stickiness(period="month").to_dict()["periods"]
    names = [row["cohort"] for row in cohorts]
    assert names == sorted({f"{local(row):%Y-%m}" for row in ROWS})
    assert [row["period"] for row in periods] == [row["period"] for row in sticky] == names
    assert {row["period"] for row in trend} <= set(names)
