"""Retention, lifecycle and stickiness: equal to the twins, and to what is worked out by hand."""

from __future__ import annotations

import pickle
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import engine
from cartpath.figures import lifecycle_figure, retention_figure, stickiness_figure
from cartpath.paths import lifecycle, repurchase, retention, stickiness, time_to_purchase
from cartpath.paths.counting import BEGINNING, FOREVER, Counting, wilson
from cartpath.schema import CartpathError
from tests.paths.stores import NAMES, ask
from tests.paths.twin import Row
from tests.paths.twin_retention import (
    BASE,
    HOUR,
    ZONES,
    Period,
    buying,
    days_twin,
    dense_log,
    first_day,
    labels,
    lifecycle_twin,
    logs,
    micros,
    number,
    orders_twin,
    over,
    periods,
    retention_twin,
    watched,
    whole,
)

DAY = 24 * HOUR
units = st.sampled_from(("day", "week", "month"))
zones = st.sampled_from(ZONES)
events = st.sampled_from(("*", "purchase", "view"))


def counting(period: Period) -> Counting:
    return Counting("users", micros(period[0], BEGINNING), micros(period[1], FOREVER))


def label(day: date, unit: str) -> str:
    return day.isoformat()[: 7 if unit == "month" else 10]


@given(rows=logs.filter(bool), period=periods, start=events, back=events, unit=units, zone=zones, data=st.data())
def test_retention_equals_the_twin(
    rows: list[Row], period: Period, start: str, back: str, unit: str, zone: str, data: st.DataObject
) -> None:
    mode = data.draw(st.sampled_from(("classic", "unbounded")))
    check_retention(rows, period, start, back, unit, zone, mode, data.draw(st.integers(1, 3)))


@pytest.mark.parametrize("mode", ["classic", "unbounded"])
@pytest.mark.parametrize("unit", ["day", "week", "month"])
def test_retention_of_dense_logs_equals_the_twin(unit: str, mode: str) -> None:
    for seed in range(4):
        check_retention(dense_log(seed), (None, None), "*", "*", unit, "UTC", mode, 2)
        cut = (BASE + 2 * DAY, BASE + 30 * DAY)
        check_retention(dense_log(seed), cut, "cart", "purchase", unit, "America/Los_Angeles", mode, 3)


def check_retention(
    rows: list[Row], period: Period, start: str, back: str, unit: str, zone: str, mode: str, buckets: int
) -> None:
    options: dict[str, Any] = {"start": start, "back": back, "cohort": unit, "mode": mode, "zone": zone}
    found = ask(retention, rows, buckets, counting=counting(period), periods=4, **options)
    twin = retention_twin(rows, period, start, back, unit, zone, mode, 4)
    end = watched(rows, period, zone)[1]
    days = labels(rows, period, unit, zone)
    cells = {(row["cohort"], cell["k"]): (cell, row["users"]) for row in found.cohorts() for cell in row["cells"]}
    for (cohort, k), (n, users) in twin.items():
        place = days.index(cohort) + k
        if place >= len(days):
            assert (label(cohort, unit), k) not in cells
            continue
        cell, size = cells[label(cohort, unit), k]
        known = over(days[place], end, unit, zone)
        assert (cell["n"], size, cell["complete"]) == (n, users, known)
        assert cell["rate"] == (n / users if known else None)
        assert (cell["low"], cell["high"]) == (wilson(n, users) if known else (None, None))
    assert found.users == sum(users for (_, k), (_, users) in twin.items() if k == 0)
    for total in found.totals():
        over_cells = [
            twin[c, total["k"]]
            for c in {c for c, _ in twin}
            if days.index(c) + total["k"] < len(days) and over(days[days.index(c) + total["k"]], end, unit, zone)
        ]
        assert total["n"] == sum(n for n, _ in over_cells)
        assert total["users"] == sum(users for _, users in over_cells)


@given(rows=logs.filter(bool), period=periods, unit=units)
def test_groups_sum_to_the_whole(rows: list[Row], period: Period, unit: str) -> None:
    found = ask(retention, rows, 2, counting=counting(period), cohort=unit, by="event", top=2)
    for k, total in enumerate(found.totals()):
        parts = [found.totals(i)[k] for i in range(len(found.groups.names))]
        assert sum(part["n"] for part in parts) == total["n"]
        assert sum(part["users"] for part in parts) == total["users"]
    for c, row in enumerate(found.cohorts()):
        assert sum(found.cohorts(i)[c]["users"] for i in range(len(found.groups.names))) == row["users"]


@given(rows=buying.filter(bool), period=periods, zone=zones)
def test_revenue_is_that_of_the_cohorts_orders(rows: list[Row], period: Period, zone: str) -> None:
    found = ask(retention, rows, 2, counting=counting(period), cohort="day", zone=zone, periods=200)
    # Every order comes after its buyer's first event, so the last cells have all of them.
    total = sum(row["cells"][-1]["revenue"] for row in found.cohorts() if row["cells"])
    assert total == pytest.approx(sum(worth for orders in orders_twin(rows, period).values() for _, worth in orders))


def test_an_order_of_two_users_counts_once() -> None:
    rows = [Row(user, BASE + user * HOUR, "purchase", order=5, value=8.0) for user in (1, 2)]
    assert ask(retention, rows, 2, cohort="day").cohorts()[0]["cells"][0]["revenue"] == 8.0


def test_orders_before_the_start_are_not_of_it() -> None:
    rows = [Row(1, BASE, "purchase", order=5, value=8.0), Row(1, BASE + HOUR, "view")]
    rows += [Row(1, BASE + 2 * HOUR, "purchase", order=6, value=3.0), Row(2, BASE, "purchase", order=7, value=9.0)]
    assert ask(retention, rows, start="view").cohorts()[0]["cells"][0]["revenue"] == 3.0


@given(rows=logs.filter(bool), period=periods, event=events, unit=units, zone=zones)
def test_the_lifecycle_equals_the_twin(rows: list[Row], period: Period, event: str, unit: str, zone: str) -> None:
    check_lifecycle(rows, period, event, unit, zone)


def check_lifecycle(rows: list[Row], period: Period, event: str, unit: str, zone: str) -> None:
    found = ask(lifecycle, rows, 3, counting=counting(period), event=event, period=unit, zone=zone)
    names = ("active", "new", "retained", "resurrected", "dormant")
    got = [tuple(row[name] for name in names) for row in found.rows]
    assert got == (lifecycle_twin(rows, period, event, unit, zone) if found.basis.events else [])
    assert [row["complete"] for row in found.rows] == [
        whole(day, rows, period, unit, zone) for day in labels(rows, period, unit, zone)[: len(got)]
    ]


@given(rows=logs, unit=units)
def test_who_is_active_is_accounted_for(rows: list[Row], unit: str) -> None:
    before = 0
    for row in ask(lifecycle, rows, period=unit).rows:
        assert row["active"] == row["new"] + row["retained"] + row["resurrected"]
        assert row["active"] == before - row["dormant"] + row["new"] + row["resurrected"]
        before = row["active"]


@given(rows=logs.filter(bool), period=periods, event=events, zone=zones, unit=st.sampled_from(("week", "month")))
def test_stickiness_equals_the_twin(rows: list[Row], period: Period, event: str, zone: str, unit: str) -> None:
    check_stickiness(rows, period, event, zone, unit)


@pytest.mark.parametrize("seed", range(6))
def test_lifecycle_and_stickiness_of_dense_logs_equal_the_twin(seed: int) -> None:
    for event in ("*", "purchase"):
        check_stickiness(dense_log(seed), (None, None), event, "Europe/Berlin", "week")
        check_lifecycle(dense_log(seed), (None, None), event, "day", "America/Los_Angeles")
        check_lifecycle(dense_log(seed), (None, BASE + 34 * DAY), event, "week", "UTC")


def check_stickiness(rows: list[Row], period: Period, event: str, zone: str, unit: str) -> None:
    found = ask(stickiness, rows, 2, counting=counting(period), event=event, zone=zone, period=unit)
    users = days_twin(rows, period, event, zone)
    days = labels(rows, period, "day", zone)
    complete = {day: whole(day, rows, period, "day", zone) for day in days}
    for day, row in zip(days, found.rows, strict=False):
        for name, length in (("dau", 1), ("wau", 7), ("mau", 28)):
            window = {day - timedelta(days=k) for k in range(length)}
            n = sum(bool(active & window) for active in users.values())
            known = name == "dau" or all(complete.get(d, False) for d in window)
            assert row[name] == (n if known else None), (name, day)
    counts: dict[int, int] = {}
    for active in users.values():
        for one in {first_day(day, unit) for day in active}:
            if whole(one, rows, period, unit, zone):
                n = sum(first_day(day, unit) == one for day in active)
                counts[n] = counts.get(n, 0) + 1
    assert {row["days"]: row["n"] for row in found.distribution if row["n"]} == counts


@pytest.mark.parametrize("gap", [1, 6, 7, 8, 9, 11, 27, 28, 29, 30, 32])
def test_a_window_ends_after_its_last_day(gap: int) -> None:
    rows = [Row(1, BASE + day * DAY + HOUR, "view") for day in (40, 40 + gap)]
    rows += [Row(2, BASE + day * DAY + 2 * HOUR, "view") for day in range(80)]
    users = days_twin(rows, (None, None), "*", "UTC")
    # With 11 and 32 days a window ends the day before the last, which `until` says is whole.
    found = ask(stickiness, rows, counting=counting((None, BASE + 80 * DAY)))
    assert len(found.rows) == 80
    for row in found.rows[30:]:
        day = date.fromisoformat(row["day"])
        for name, length in (("wau", 7), ("mau", 28)):
            window = {day - timedelta(days=k) for k in range(length)}
            assert row[name] == sum(bool(active & window) for active in users.values())


def test_retention_by_hand() -> None:
    # Weeks from Monday 31 October 2016 (UTC). Three start in the first, one in the second; two of the three return.
    monday = BASE + 4 * DAY
    rows = [Row(user, monday, "view") for user in (1, 2, 3)]
    rows += [Row(1, monday + 8 * DAY, "cart"), Row(2, monday + 15 * DAY, "cart"), Row(4, monday + 9 * DAY, "view")]
    rows += [Row(4, monday + 25 * DAY, "view")]
    found = ask(retention, rows)
    first = found.cohorts()[0]
    assert (first["cohort"], first["users"]) == ("2016-10-31", 3)
    assert [cell["n"] for cell in first["cells"]] == [0, 1, 1, 0]
    assert first["cells"][1]["rate"] == 1 / 3
    assert [cell["complete"] for cell in first["cells"]] == [True, True, True, False]
    assert first["cells"][3]["rate"] is None
    assert [total["rate"] for total in found.totals()] == [0.0, 1 / 4, 1 / 3, None]
    unbounded = ask(retention, rows, mode="unbounded")
    assert [cell["n"] for cell in unbounded.cohorts()[0]["cells"]] == [2, 2, 1, 0]


def test_the_lines_of_one_order_are_no_return() -> None:
    lines = [Row(1, BASE, "purchase", hit=1, order=5)] * 3
    found = ask(retention, [*lines, Row(2, BASE + DAY, "view")], cohort="day", start="purchase", back="purchase")
    assert found.cohorts()[0]["cells"][0]["n"] == 0


def test_a_period_that_the_user_says_is_whole_is_complete() -> None:
    rows = [Row(1, BASE + HOUR, "view"), Row(1, BASE + DAY + HOUR, "view")]
    assert [row["complete"] for row in ask(lifecycle, rows, period="day").rows] == [False, False]
    said = Counting.of(since="2016-10-27", until="2016-10-29")
    assert [row["complete"] for row in ask(lifecycle, rows, period="day", counting=said).rows] == [True, True]
    too_much = Counting.of(until="2030-01-01")
    assert len(ask(lifecycle, rows, period="day", counting=too_much).rows) == 2


def test_a_plain_date_that_cuts_a_local_day_is_named() -> None:
    rows = [Row(1, BASE + k * DAY, "view") for k in range(5)]
    said = Counting.of(since="2016-10-28", until="2016-10-30")
    warnings = ask(lifecycle, rows, period="day", counting=said, zone="America/Los_Angeles").warnings
    assert any("17:00 in America/Los_Angeles" in text and "--since 2016-10-27T00:00-07:00" in text for text in warnings)


@pytest.mark.parametrize("view", [retention, lifecycle, stickiness])
def test_nothing_to_count(view: Any) -> None:
    rows = [Row(1, BASE, "view"), Row(1, BASE + DAY, "view")]
    empty = ask(view, [])
    never = ask(view, rows, counting=Counting.of(since="2020-01-01"))
    for found in (empty, never):
        assert found.to_dict()["users"] == 0
        assert len(found.frame.columns) > 3
        assert "no event counts" in str(found.to_dict()["warnings"])
    draw = {
        retention: lambda r: retention_figure(r.frame, r.total_frame),
        lifecycle: lambda r: lifecycle_figure(r.frame),
        stickiness: lambda r: stickiness_figure(r.frame, r.distribution_frame),
    }[view]
    assert "nothing to draw" in str(draw(empty).to_json())
    assert "nothing to draw" in str(draw(never).to_json())


@pytest.mark.parametrize("view", [retention, lifecycle, stickiness])
def test_one_user_with_ten_events_at_one_moment(view: Any) -> None:
    found = ask(view, [Row(1, BASE, name) for name in ("view", "cart") * 5])
    assert found.to_dict()["ties"] == {"events": 9, "users": 1}


def test_a_long_path_is_one_pass() -> None:
    rows = [Row(1, BASE + 60 * k, "view") for k in range(100_000)]
    assert ask(lifecycle, rows, period="day").rows[-1]["retained"] == 1
    assert ask(retention, rows, cohort="day").cohorts()[0]["cells"][30]["n"] == 1


@pytest.mark.parametrize("view", [retention, lifecycle, stickiness, repurchase, time_to_purchase])
def test_scans_and_what_they_find_can_be_sent(view: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def far(snap: Any, scan: Any, merge: Any) -> Any:
        parts = [pickle.loads(pickle.dumps(scan))(snap.bucket(b)) for b in range(snap.n_buckets)]
        return merge(pickle.loads(pickle.dumps(parts)))

    rows = [Row(u, BASE + (u + 2 * k) * DAY, NAMES[k % 3], order=u * 10 + k) for u in range(5) for k in range(7)]
    options = {"by": "event"} if view in (retention, time_to_purchase) else {}
    here = ask(view, rows, 3, counting=Counting.of(where="weekday!=Sunday"), **options).to_dict()
    monkeypatch.setattr(engine, "run", far)
    assert ask(view, rows, 3, counting=Counting.of(where="weekday!=Sunday"), **options).to_dict() == here


def test_columns_that_are_left_out_are_named() -> None:
    rows = [Row(1, BASE + k * DAY, "view") for k in range(9)]
    found = ask(retention, rows, cohort="day", periods=3)
    assert "up to 3 days after the start, of 8 in the log" in str(found.warnings)
    assert (found.to_dict()["periods"], found.to_dict()["periods_in_log"]) == (3, 8)


def test_an_event_that_was_never_seen_is_named() -> None:
    found = ask(retention, [Row(1, BASE, "view")], start="purchse")
    assert "did you mean 'purchase'" in str(found.warnings)
    assert found.users == 0
    assert "Nobody started" in str(retention_figure(found.frame, found.total_frame).to_json())


@pytest.mark.parametrize(
    ("view", "options", "says"),
    [
        (retention, {"mode": "rolling"}, "no mode 'rolling'"),
        (retention, {"cohort": "year"}, "no period 'year'"),
        (retention, {"by": "chanel"}, "did you mean 'channel'"),
        (retention, {"by": "event@last"}, "known only later"),
        (retention, {"periods": 0}, "from 1"),
        (retention, {"counting": Counting.of("sessions")}, "cannot count 'sessions'"),
        (lifecycle, {"zone": "Mars"}, "no time zone 'Mars'"),
        (stickiness, {"period": "day"}, "take week or month"),
    ],
)
def test_what_cannot_be_asked(view: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(CartpathError, match=says):
        ask(view, [Row(1, BASE, "view")], **options)


def test_a_figure_of_each() -> None:
    rows = [Row(user, BASE + (user + 5 * k) * DAY, ("view", "cart")[user % 2]) for user in range(9) for k in range(9)]
    found = ask(retention, rows, cohort="day", by="event")
    words = str(retention_figure(found.frame, found.total_frame, "day", found.what).to_json())
    assert "Wilson" in words
    assert "cart" in words
    alone = ask(retention, rows, cohort="day")
    heat = retention_figure(alone.frame, alone.total_frame, "day", alone.what)
    assert len(heat.data[0].y) == 1 + 9
    assert number(date(2016, 1, 4), "week") == number(date(2016, 1, 10), "week")
    bars = lifecycle_figure(ask(lifecycle, rows).frame)
    assert max(bars.data[3].y) <= 0
    assert len(stickiness_figure(ask(stickiness, rows).frame, ask(stickiness, rows).distribution_frame).data) >= 1
