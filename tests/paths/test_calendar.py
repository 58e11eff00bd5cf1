"""Local days, weeks and months, held to the standard library's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths.calendar import PERIODS, calendar
from cartpath.schema import CartpathError, microseconds_of

#: Both hemispheres, half hours, clocks put forward at midnight (Sao Paulo) and back to it (Havana).
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "America/Sao_Paulo", "America/Havana",
         "Australia/Lord_Howe")  # fmt: skip
moments = st.integers(microseconds_of("2012-01-01"), microseconds_of("2019-12-31"))


def local_day(ts: int, zone: str) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts)).astimezone(ZoneInfo(zone)).date()


def period_of(day: date, unit: str) -> str:
    if unit == "week":
        day -= timedelta(days=day.weekday())
    return day.isoformat()[: 7 if unit == "month" else 10]


@given(first=moments, length=st.integers(0, 500), data=st.data())
def test_each_moment_lies_in_its_local_period(first: int, length: int, data: st.DataObject) -> None:
    zone, unit = data.draw(st.sampled_from(ZONES)), data.draw(st.sampled_from(PERIODS))
    last = first + length * 86_400_000_000
    periods = calendar(unit, zone, first, last)
    ts = np.array([first, last, *data.draw(st.lists(st.integers(first, last), max_size=20))])
    labels = periods.labels
    assert [labels[i] for i in periods.place(ts)] == [period_of(local_day(t, zone), unit) for t in ts.tolist()]
    assert (labels[0], labels[-1]) == tuple(period_of(local_day(t, zone), unit) for t in (first, last))
    assert len(periods.edges) == len(periods) + 1
    assert (np.diff(periods.edges) > 0).all()


def test_summer_time_by_hand() -> None:
    days = calendar("day", "America/Los_Angeles", microseconds_of("2016-11-05T12:00"), microseconds_of("2016-11-08"))
    assert days.labels == ["2016-11-05", "2016-11-06", "2016-11-07"]
    assert (np.diff(days.edges) // 3_600_000_000).tolist() == [24, 25, 24]
    assert days.edges[0] == microseconds_of("2016-11-05T07:00")
    assert days.edges[2] == microseconds_of("2016-11-07T08:00")


def test_a_week_begins_on_monday_and_a_month_on_its_first() -> None:
    ts = microseconds_of("2017-01-01")  # a Sunday
    assert calendar("week", "UTC", ts, ts).labels == ["2016-12-26"]
    assert calendar("month", "UTC", ts, ts).labels == ["2017-01"]
    assert calendar("month", "America/Los_Angeles", ts, ts).labels == ["2016-12"]


def test_a_day_that_never_was_holds_nothing() -> None:
    # Samoa went from Thursday to Saturday.
    days = calendar("day", "Pacific/Apia", microseconds_of("2011-12-29T12:00"), microseconds_of("2011-12-31"))
    assert (np.diff(days.edges) // 3_600_000_000).tolist() == [24, 0, 24]
    assert days.labels[days.place(days.edges[1:2])[0]] == "2011-12-31"


def test_which_periods_are_wholly_within() -> None:
    days = calendar("day", "UTC", 0, 3 * 86_400_000_000)
    assert days.whole(0, 3 * 86_400_000_000).tolist() == [True, True, True, False]
    assert days.whole(1, 3 * 86_400_000_000 - 1).tolist() == [False, True, False, False]


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(CartpathError, match="no period 'year'"):
        calendar("year", "UTC", 0, 0)
    with pytest.raises(CartpathError, match="no time zone 'Mars'"):
        calendar("day", "Mars", 0, 0)
