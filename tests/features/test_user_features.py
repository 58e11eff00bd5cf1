"""Features of users: by hand, against a twin in plain Python, without a look ahead, the same on a live path."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cartpath.config import CleaningSettings
from cartpath.features import (
    PROFILE_COLUMNS,
    Log,
    UserFeatures,
    feature_columns,
    fit_reference,
    log_from_table,
    user_features,
)
from cartpath.ingest.cleaning import Plan
from cartpath.ingest.cleaning.bounds import Bounds
from cartpath.schema import CartpathError
from cartpath.store import Codes, PathView, view_from_table
from cartpath.store.codes import Dictionary
from tests.features.profile_twin import Row, items_table, log_of_rows, logs, moment, row, table_of, twin

HOUR, DAY = 3600, 86_400
ZONE = "Europe/Berlin"
CUT = st.sampled_from([HOUR, 12 * HOUR, 3 * DAY, 4 * DAY - HOUR, 10 * DAY, 30 * DAY])


def by_user(found: UserFeatures) -> dict[str, dict[str, float]]:
    ids = found.user_id.to_pylist()
    return {user: dict(zip(found.names, found.values[i].tolist(), strict=True)) for i, user in enumerate(ids)}


def one(rows: list[Row], at: int, zone: str = "UTC") -> dict[str, float]:
    found = by_user(user_features(log_of_rows(rows), moment(at), zone))
    assert list(found) == ["a"]
    return found["a"]


def test_a_visit_by_hand() -> None:
    # Thursday 28 March 2024, UTC: two visits, at 10:00 and, a day later, at 14:00.
    rows = [
        Row("a", 10 * HOUR, "impression", "i0"),
        Row("a", 10 * HOUR, "impression", "i1"),
        Row("a", 10 * HOUR + 60, "click", "i0"),
        Row("a", 10 * HOUR + 60, "view", "i0"),
        Row("a", 10 * HOUR + 180, "add_to_cart", "i0"),
        Row("a", 38 * HOUR, "view", "i2", session=1, query="rug"),
    ]
    found = one(rows, 48 * HOUR)
    assert (found["visits"], found["active_days"], found["events"]) == (2, 2, 6)
    assert (found["n_impression"], found["n_click"], found["n_view"], found["n_add_to_cart"]) == (2, 1, 2, 1)
    assert (found["click_through"], found["views_per_impression"]) == (1 / 2, 2 / 2)
    assert (found["dwell_total"], found["dwell_mean"], found["dwell_median"]) == (180, 90, 90)
    assert (found["tenure"], found["days_since_visit"]) == (38 / 24, 10 / 24)
    assert found["search_share"] == 1 / 6
    assert (found["cart_conversion"], found["cart_abandonment"]) == (0, 1)
    assert math.isnan(found["days_since_purchase"])
    assert (found["orders"], found["spend"]) == (0, 0)
    assert math.isnan(found["spend_per_order"])
    assert found["viewed_category_entropy"] == pytest.approx(math.log(2))
    assert (found["share_morning"], found["share_afternoon"], found["share_weekend"]) == (1 / 2, 1 / 2, 0)
    assert found["hour_mean"] == pytest.approx(12)
    assert found["hour_concentration"] == pytest.approx(math.cos(math.pi / 6))
    assert (found["gap_mean"], found["gap_last_to_mean"], found["overdue"]) == (28 / 24, 1, 10 / 28)
    assert (found["events_1d"], found["events_7d"], found["events_day_change"]) == (1, 6, 1 - 5)
    assert found["events_day_log_ratio"] == pytest.approx(math.log(2 / 6))


def test_an_orders_value_counts_once() -> None:
    rows = [
        Row("a", 0, "add_to_cart", "i0"),
        Row("a", 60, "purchase", "i0", price=10.0, quantity=2, order=1, value=45.0),
        Row("a", 60, "purchase", "i1", price=24.0, order=1, value=45.0),
        Row("a", 5 * DAY, "purchase", "i0", session=1, price=9.0, order=2),
        Row("a", 6 * DAY, "purchase", "i2", session=2, price=3.0, quantity=2),
        Row("a", 10 * DAY, "purchase", "i2", session=3, order=3),
    ]
    found = one(rows, 15 * DAY)
    assert found["orders"] == 4
    assert (found["spend"], found["spend_per_order"], found["spend_max"]) == (45 + 9 + 6, 60 / 3, 45)
    assert math.isnan(found["spend_last"])  # its amount is not known
    assert found["orders_per_30_days"] == 30 * 4 / 15
    assert found["repeat_order_share"] == 3 / 4
    assert (found["bought_items"], found["item_repurchase_rate"]) == (3, 2 / 3)
    assert (found["carted_items"], found["cart_conversion"], found["cart_abandonment"]) == (1, 1, 0)
    # i0 lists at 10, i1 at 30: of three lines with both prices, 24 and 9 are below.
    assert found["share_below_list"] == 2 / 3
    # i0 was seen at 10 and 9, in the middle 9.5; i1 and i2 at one price each.
    assert found["share_below_usual"] == 1 / 4
    # Lamps list at 10, 30 and 100; rugs have only what was paid for i2.
    assert found["price_to_category"] == pytest.approx((10 / 30 + 24 / 30 + 9 / 30 + 3 / 3) / 4)
    assert found["price_paid"] == (10 + 24 + 9 + 3) / 4
    entropy = -(3 / 5 * math.log(3 / 5) + 2 / 5 * math.log(2 / 5))
    assert found["bought_category_entropy"] == pytest.approx(entropy)


def test_a_purchase_before_the_cart_and_two_lines_of_one_order_are_no_conversion_and_no_repurchase() -> None:
    lines = [Row("a", 0, "purchase", "i0", price=price, order=1) for price in (9.0, 8.0)]
    carts = [Row("a", HOUR, "add_to_cart", item, session=1) for item in ("i0", "i0", "i1", None)]
    found = one([*lines, *carts, Row("a", HOUR, "purchase", "i1", session=1, order=2)], DAY)
    assert (found["orders"], found["bought_items"], found["item_repurchase_rate"]) == (2, 2, 0)
    # Of i0 and i1 in the cart only i1 was bought after it, at the same time but later in the path.
    assert (found["carted_items"], found["cart_conversion"], found["cart_abandonment"]) == (2, 1 / 2, 0)


def test_one_order_does_not_become_hundreds_a_month() -> None:
    assert one([Row("a", 0, "purchase", order=1)], HOUR)["orders_per_30_days"] == 30


def test_days_are_those_of_the_shops_clock() -> None:
    # 31 March 2024 has 23 hours in Berlin: a day before its end is a day before on the clock, 23 hours ago.
    rows = [Row("a", 3 * DAY - HOUR - 1, "view"), Row("a", 3 * DAY - HOUR, "view"), Row("a", 3 * DAY, "view")]
    found = one(rows, 4 * DAY - 2 * HOUR, ZONE)
    assert (found["events_1d"], found["events_day_change"], found["active_days"]) == (2, 2 - 1, 2)


def test_rarer_visits_have_a_rising_gap() -> None:
    seconds = (0, math.e**5 - 1, math.e**5 + math.e**7 - 2, math.e**5 + math.e**7 + math.e**9 - 3)
    rows = [Row("a", round(s), "view", session=i) for i, s in enumerate(seconds)]
    assert one(rows, DAY)["gap_trend"] == pytest.approx(2, abs=1e-2)


def test_hours_that_cancel_have_no_mean() -> None:
    found = one([Row("a", 6 * HOUR, "view"), Row("a", 18 * HOUR, "view", session=1)], DAY)
    assert math.isnan(found["hour_mean"])
    assert found["hour_concentration"] == pytest.approx(0, abs=1e-12)


@given(logs, CUT, st.sampled_from(["UTC", ZONE, "America/St_Johns"]))
@example([Row("a", 0, "purchase", "i0", hit=1), Row("a", 0, "purchase", "i1", hit=1)], HOUR, ZONE)
def test_the_twin_agrees(rows: list[Row], at: int, zone: str) -> None:
    found, expected = by_user(user_features(log_of_rows(rows), moment(at), zone)), twin(rows, at, zone)
    assert set(found) == set(expected)
    for user, columns in expected.items():
        assert set(found[user]) == set(columns)
        for name, value in columns.items():
            if name == "hour_mean":  # on a circle, and next to nothing where hours all but cancel
                turns = (found[user][name] - value) / 24
                near = math.isnan(value) or abs(turns - round(turns)) < 1e-6
                assert near or columns["hour_concentration"] < 1e-6, name
            else:
                assert found[user][name] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), name


later = st.lists(row, max_size=15)


@given(logs, later, later, CUT, st.randoms())
def test_what_happens_later_changes_not_a_bit(
    rows: list[Row], first: list[Row], second: list[Row], at: int, random: object
) -> None:
    past = [row for row in rows if row.at < at]
    found = []
    for future in (first, second):
        # In front: codes of events and items are then given by what comes later, and the first is at the moment.
        new = [replace(row, at=at + row.at, session=row.session + i % 5) for i, row in enumerate(future)]
        found.append(user_features(log_of_rows([*new, *past]), moment(at), ZONE))
    assert found[0].user_id.to_pylist() == found[1].user_id.to_pylist()
    np.testing.assert_array_equal(found[0].values, found[1].values)


@given(logs, CUT)
def test_a_live_path_has_its_row_of_the_table(rows: list[Row], at: int) -> None:
    log = log_of_rows(rows)
    reference = fit_reference(log, moment(at))
    whole = user_features(log, moment(at), ZONE, reference)
    for place, user in enumerate(whole.user_id.to_pylist()):
        row = log.view.user_id.to_pylist().index(user)
        paths = [log.view.user(row), live(log, [r for r in rows if r.user == user and r.at < at])]
        for path in paths:
            alone = user_features(replace(log, view=path), moment(at), ZONE, reference)
            np.testing.assert_array_equal(alone.values, whole.values[place : place + 1])


def live(log: Log, rows: list[Row]) -> PathView:
    """The path of one user's events alone, with the dictionaries of the table."""
    names = ("event", "item", "query")
    codes = Codes({name: Dictionary([pa.array(log.codes(name), pa.string())]) for name in names})
    return view_from_table(table_of(rows), codes=codes)[0]


def test_an_item_that_came_after_the_reference_is_like_none() -> None:
    before, after = Row("a", 0, "view", "i0"), Row("a", 60, "purchase", "i1", price=10.0)
    reference = fit_reference(log_of_rows([before]), moment(DAY))
    found = by_user(user_features(log_of_rows([before, after]), moment(DAY), reference=reference))["a"]
    assert (found["items"], found["categories"]) == (2, 1)
    assert math.isnan(found["share_below_list"])


def test_users_without_an_earlier_event_have_no_row() -> None:
    log = log_of_rows([Row("a", 0, "view"), Row("b", HOUR, "view")])
    assert user_features(log, moment(HOUR)).user_id.to_pylist() == ["a"]
    empty = user_features(log, moment(0))
    assert (len(empty), empty.values.shape[1], empty.frame.shape) == (0, len(PROFILE_COLUMNS), (0, 102))


def test_an_empty_log() -> None:
    assert len(user_features(log_of_rows([]), moment(0))) == 0


def test_columns_say_what_they_are() -> None:
    names = [column.name for column in PROFILE_COLUMNS]
    assert len(set(names)) == len(names)
    for column in PROFILE_COLUMNS:
        assert column.unit
        assert column.about.endswith(".")
    log = log_of_rows([Row("a", 0, "view")])
    found = user_features(log, moment(DAY))
    assert found.names == names
    whole = [place for place, column in enumerate(PROFILE_COLUMNS) if column.whole]
    assert np.isfinite(found.values[:, whole]).all()
    assert found.table.names == names
    assert found.table.values.dtype == np.float32
    assert not found.table.categorical


def test_attributes_of_users() -> None:
    users = pa.table(
        {
            "user_id": ["b", "a", "b"],
            "age": [31, None, 99],
            "gender": pa.array(["f", "m", None]).dictionary_encode(),
            "member": [True, False, None],
            "interests": [["tea", "jam"], None, ["tea"]],
            "visits": [7, 8, 9],
            "joined": pa.array([0, 1, 2], pa.timestamp("us")),
        }
    )
    log = log_of_rows([Row("a", 0, "view"), Row("b", 0, "view"), Row("c", 0, "view")])
    reference = fit_reference(log, moment(DAY), users)
    assert reference.people.left_out == ("joined",)
    found = user_features(log, moment(DAY), reference=reference)
    own = ["user_age", "user_gender", "user_member", "user_interests=tea", "user_interests=jam", "user_visits"]
    assert found.names == [*(column.name for column in PROFILE_COLUMNS), *own]
    assert [column.name for column in feature_columns(reference.people)] == found.names
    assert found.categorical == ["user_gender"]
    rows = {row["user_id"]: [row[name] for name in own] for row in found.arrow().to_pylist()}
    assert rows == {
        "a": [None, "m", 0.0, None, None, 8.0],
        "b": [31.0, "f", 1.0, 1.0, 1.0, 7.0],  # the first row of an id
        "c": [None] * 6,
    }


def test_dwell_honours_the_cleaning_plan() -> None:
    rows = [Row("a", 0, "view"), Row("a", 10, "view"), Row("a", 1510, "view")]
    log = log_of_rows(rows)
    bounds = {"dwell": Bounds("log", math.log(1), math.log(100), {}, 0.0, 0.0)}
    settings = CleaningSettings(outliers={"dwell": {"action": "clip"}})  # type: ignore[arg-type]
    reference = fit_reference(log, moment(DAY), plan=Plan(settings, 3, None, {}, bounds, None))
    found = by_user(user_features(log, moment(DAY), reference=reference))["a"]
    assert found["dwell_total"] == pytest.approx(110)


def test_paths_that_later_events_shaped_are_refused() -> None:
    log = replace(log_from_table(table_of([Row("a", 0, "view")]), items_table()), shaped_until=moment(HOUR))
    with pytest.raises(CartpathError, match="known from later events"):
        user_features(log, moment(HOUR) - 1)
    assert len(user_features(log, moment(HOUR))) == 1


def test_a_zone_that_is_none() -> None:
    with pytest.raises(CartpathError, match="no time zone"):
        one([Row("a", 0, "view")], DAY, "Mars/Olympus")
