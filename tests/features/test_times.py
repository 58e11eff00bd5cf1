"""Gaps on a standard scale, circles of time, buckets, dwell: by hand, and without a look ahead."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.config import CleaningSettings
from cartpath.features import GapScale, dwell, fit_gap_scale, gap_scale, gaps, time_features
from cartpath.features.times import UNITS
from cartpath.ingest.cleaning import apply, fit
from cartpath.schema import CartpathError
from cartpath.store import PathView, view_from_table
from cartpath.store.codes import Codes
from cartpath.store.memory import run_from_table

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
SCALE = GapScale(2.0, 0.5, 10)


def table(seconds: list[float], user: str = "u", **more: Any) -> pa.Table:
    when = pa.array([START + timedelta(seconds=s) for s in seconds], pa.timestamp("us", tz="UTC"))
    return pa.table({"user_id": [user] * len(seconds), "ts": when, "event": ["view"] * len(seconds), **more})


def view(seconds: list[float], user: str = "u", **more: Any) -> PathView:
    return view_from_table(table(seconds, user, **more))[0]


def columns(path: PathView, **options: Any) -> dict[str, list[float]]:
    found = time_features(path, SCALE, **options)
    assert found.values.shape == (path.n_events, len(found.names))
    return {name: found.values[:, i].tolist() for i, name in enumerate(found.names)}


def test_by_hand() -> None:
    found = columns(view([0, 6 * 3600, 6 * 3600 + 19]))
    assert list(found) == list(UNITS)
    assert math.isnan(found["gap"][0])
    assert found["gap"][1:] == pytest.approx([(math.log(21601) - 2) / 0.5, (math.log(20) - 2) / 0.5], rel=1e-6)
    assert found["hour_sin"][:2] == pytest.approx([0, 1], abs=1e-6)
    assert found["hour_cos"][:2] == pytest.approx([1, 0], abs=1e-6)
    assert found["weekday_sin"][1] == pytest.approx(math.sin(2 * math.pi * 0.25 / 7), rel=1e-6)
    assert found["weekday_cos"][0] == pytest.approx(1)
    assert found["hour_bucket"] == [0, 1, 1]
    assert found["weekday"] == [0, 0, 0]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Europe/Berlin"])
def test_hours_and_weekdays_are_those_of_the_zone(zone: str) -> None:
    hours = [0.0, 5.5, 23.0, 31.9, 90 * 24 + 1.0, 200 * 24 + 21.5]  # before and after clocks change
    found = columns(view([h * 3600 for h in hours]), zone=zone, bucket_hours=1)
    local = [(START + timedelta(hours=h)).astimezone(ZoneInfo(zone)) for h in hours]
    assert found["hour_bucket"] == [when.hour for when in local]
    assert found["weekday"] == [when.weekday() for when in local]
    turns = [(when.hour * 60 + when.minute) / 1440 for when in local]
    assert found["hour_sin"] == pytest.approx([math.sin(2 * math.pi * t) for t in turns], abs=1e-5)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.integers(1, 20))
def test_what_comes_later_changes_nothing(seconds: list[int], cut: int) -> None:
    ordered = sorted(set(seconds))
    whole, early = (time_features(view(s), SCALE).values for s in (ordered, ordered[:cut]))
    np.testing.assert_array_equal(whole[: len(early)], early)


@given(st.lists(st.lists(st.integers(0, 10**5), min_size=1, max_size=9), min_size=1, max_size=4))
def test_the_scale_is_the_same_however_users_are_spread(users: list[list[int]]) -> None:
    logs = [table(list(map(float, sorted(set(s)))), f"u{i}") for i, s in enumerate(users)]
    values = [math.log1p(d) for s in users for d in np.diff(sorted(set(s)))]
    whole = view_from_table(pa.concat_tables(logs))[0]
    if not values:
        with pytest.raises(CartpathError, match="no user has two events"):
            fit_gap_scale([whole])
        return
    scale = fit_gap_scale([whole])
    assert gap_scale([gaps(view_from_table(log)[0]) for log in logs[::-1]]) == scale
    assert scale.fitted_on == len(values)
    assert scale.mean == pytest.approx(np.mean(values), rel=2**-12)
    assert scale.deviation == pytest.approx(np.std(values) or 1.0, rel=0.01, abs=0.01)
    assert GapScale(**scale.to_dict()) == scale


def test_the_scale_is_fitted_before_a_moment_alone() -> None:
    early, late = view([0, 10, 30]), view([0, 10, 30, 86_400, 86_401])
    assert fit_gap_scale([late], "2024-01-02") == fit_gap_scale([early]) != fit_gap_scale([late])


@pytest.mark.parametrize("hours", [0, 5, 48])
def test_buckets_divide_the_day(hours: int) -> None:
    with pytest.raises(CartpathError, match="does not divide the day"):
        time_features(view([0]), SCALE, bucket_hours=hours)


def test_a_zone_that_is_none() -> None:
    with pytest.raises(CartpathError, match="no time zone"):
        time_features(view([0]), SCALE, zone="Mars/Olympus")


def test_dwell_is_the_time_to_the_next_event_of_the_session() -> None:
    sessions = pa.array(["a", "b", "a", "b", "a"])
    found = dwell(view([0, 1, 10, 4000, 5000], session_id=sessions))
    np.testing.assert_array_equal(found, [10, 3999, 4990, np.nan, np.nan])


@pytest.mark.parametrize(("action", "middle"), [("flag", 1500.0), ("blank", math.nan), ("clip", None)])
def test_dwell_honours_the_rule_of_outliers(action: str, middle: float | None) -> None:
    # Twelve pauses of 10 seconds, then 25 minutes: the MAD is 0, so the spread is the mean deviation, log(150) / 13.
    seconds = [10.0 * i for i in range(13)] + [120 + 1500.0]
    codes = Codes()
    run = run_from_table(table(seconds), 1800, codes)
    settings = CleaningSettings(outliers={"dwell": {"action": action}})  # type: ignore[arg-type]
    plan = fit([run], settings, ["view"], 1800)
    done = apply(run, plan, 1800, ["view"])
    assert done.counts[f"outlier_dwell_{ {'flag': 'flagged', 'blank': 'blanked', 'clip': 'clipped'}[action] }"] == 1
    found = dwell(done.run.view(), plan)
    expected = 10 * math.exp(4 * 1.2533 * math.log(150) / 13) if middle is None else middle
    np.testing.assert_allclose(found, [10.0] * 12 + [expected, np.nan], rtol=2**-11)
    np.testing.assert_array_equal(dwell(done.run.view()), [10.0] * 12 + [1500.0, np.nan])
