"""Repurchase and time to purchase: equal to the twins, and to what is worked out by hand."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.figures import repurchase_figure, retention_figure, survival_figure
from cartpath.paths import repurchase, retention, time_to_purchase
from cartpath.paths.counting import BEGINNING, FOREVER, Counting, wilson
from cartpath.paths.log_rank import log_rank
from cartpath.paths.survival import kaplan_meier
from cartpath.schema import CartpathError, MissingExtraError
from tests.paths.stores import LaidOut, ask
from tests.paths.twin import SECOND, Row
from tests.paths.twin_retention import (
    BASE,
    HOUR,
    ZONES,
    Period,
    buying,
    dense_log,
    durations_twin,
    logs,
    micros,
    orders_twin,
    periods,
    watched,
)

pytest.importorskip("lifelines")

DAY = 24 * HOUR
zones = st.sampled_from(ZONES)
events = st.sampled_from(("*", "purchase", "view"))


def counting(period: Period, unit: str = "users") -> Counting:
    return Counting(unit, micros(period[0], BEGINNING), micros(period[1], FOREVER))


@given(rows=buying.filter(bool), period=periods, zone=zones, buckets=st.integers(1, 3))
def test_repurchase_equals_the_twin(rows: list[Row], period: Period, zone: str, buckets: int) -> None:
    found = ask(repurchase, rows, buckets, counting=counting(period), zone=zone)
    orders = orders_twin(rows, period)
    end = watched(rows, period, zone)[1] - 1e-6
    gaps = [b[0] - a[0] for of in orders.values() for a, b in pairwise(of)]
    again = sum(len(of) > 1 for of in orders.values())
    numbers = found.numbers
    assert (numbers["buyers"], numbers["again"]) == (len(orders), again)
    assert numbers["orders"] == sum(map(len, orders.values()))
    assert sorted(found.buying.gaps.tolist()) == sorted(gap * SECOND for gap in gaps)
    assert sum(row["n"] for row in found.rows) == len(gaps)
    waited = [round((of[1][0] if len(of) > 1 else end) - of[0][0], 6) for of in orders.values()]
    assert sorted(found.buying.waited.tolist()) == sorted(round(w * SECOND) for w in waited)
    if gaps:
        assert numbers["median_days"] == pytest.approx(np.median(gaps) / DAY)
        assert (numbers["low"], numbers["high"]) == wilson(again, len(orders))
    assert found.curve.converted == again
    assert sum(row["buyers"] for row in found.by_orders) == len(orders)


@given(
    rows=logs.filter(bool), period=periods, start=events, goal=events, zone=zones,
    unit=st.sampled_from(("users", "sessions")), buckets=st.integers(1, 3),
)  # fmt: skip
def test_durations_equal_the_twin(
    rows: list[Row], period: Period, start: str, goal: str, zone: str, unit: str, buckets: int
) -> None:
    check_durations(rows, period, start, goal, zone, unit, buckets)


@pytest.mark.parametrize("unit", ["users", "sessions"])
@pytest.mark.parametrize("seed", range(6))
def test_durations_of_dense_logs_equal_the_twin(seed: int, unit: str) -> None:
    check_durations(dense_log(seed), (None, None), "view", "purchase", "UTC", unit, 2)
    check_durations(dense_log(seed), (BASE + 5 * DAY, BASE + 30 * DAY), "cart", "purchase", "Europe/Berlin", unit, 3)


def check_durations(rows: list[Row], period: Period, start: str, goal: str, zone: str, unit: str, buckets: int) -> None:
    options = {"start": start, "goal": goal, "zone": zone, "by": "event", "top": 9}
    found = ask(time_to_purchase, rows, buckets, counting=counting(period, unit), **options)
    twin = durations_twin(rows, period, start, goal, unit, zone)
    waited = np.array([round(w * SECOND) for w, _, _ in twin], np.int64)
    converted = np.array([did for _, did, _ in twin], np.bool_)
    assert found.curve.durations.tolist() == sorted(waited.tolist())
    plain = kaplan_meier(waited, converted)
    assert found.curve.times.tolist() == plain.times.tolist()
    assert found.curve.conversions.tolist() == plain.conversions.tolist()
    for name, curve in found.groups:
        mine = [w for w, (_, _, event) in zip(waited.tolist(), twin, strict=True) if event == name]
        assert curve.durations.tolist() == sorted(mine)
    assert sum(curve.n for _, curve in found.groups) == found.curve.n
    assert sum(curve.converted for _, curve in found.groups) == found.curve.converted
    names = sorted({event for _, _, event in twin})
    test = log_rank(waited, converted, np.array([names.index(event) for _, _, event in twin], np.int64), names)
    assert (test is None) == (found.overall is None)
    if test is not None:
        assert found.overall.statistic == pytest.approx(test.statistic)


def test_who_does_not_buy_is_followed_to_the_end_not_to_the_last_event() -> None:
    rows = [Row(1, BASE, "view"), Row(1, BASE + 2 * HOUR, "purchase"), Row(2, BASE, "view"), Row(3, BASE + DAY, "view")]
    found = ask(time_to_purchase, rows)
    assert found.curve.durations.tolist() == [0, 2 * HOUR * SECOND, DAY * SECOND]
    # User 3 was seen in the last moment only, so two are at risk when the first buys.
    assert found.curve.at(2 * HOUR * SECOND)["converted"] == pytest.approx(1 / 2)
    longer = ask(time_to_purchase, rows, counting=Counting.of(until="2016-10-29"))
    assert longer.curve.durations.tolist()[-1] == 2 * DAY * SECOND - 1
    assert longer.curve.at(2 * HOUR * SECOND)["converted"] == pytest.approx(1 / 3)


def test_a_purchase_in_the_start_event_is_at_time_zero() -> None:
    found = ask(time_to_purchase, [Row(1, BASE, "purchase"), Row(2, BASE, "view"), Row(2, BASE + DAY, "view")])
    assert found.curve.at(0) == {**found.curve.at(0), "converted": 0.5, "at_risk": 2}
    assert found.rows[0]["median_seconds"] == 0


def test_of_a_tie_the_path_decides() -> None:
    before = [Row(1, BASE, "purchase"), Row(1, BASE, "view"), Row(2, BASE + DAY, "view")]
    assert ask(time_to_purchase, before, start="view").curve.converted == 0
    assert ask(time_to_purchase, [before[1], before[0], before[2]], start="view").curve.converted == 1


def test_lines_of_one_order_and_lines_without_an_id() -> None:
    rows = [Row(1, BASE, "purchase", order=7), Row(1, BASE + HOUR, "purchase", order=7)]
    assert ask(repurchase, rows).numbers["orders"] == 1
    bare = [Row(1, BASE, "purchase", hit=1), Row(1, BASE, "purchase", hit=1), Row(1, BASE + DAY, "purchase", hit=2)]
    found = ask(repurchase, bare)
    assert (found.numbers["orders"], found.numbers["orders_without_id"], found.numbers["median_days"]) == (2, 2, 1.0)
    assert "no order id" in str(found.warnings)
    # The second step, and an order whose id's hash happens to be 2.
    assert ask(repurchase, [Row(1, BASE, "purchase", order=2), Row(1, BASE + 1, "purchase")]).numbers["orders"] == 2


def test_the_curve_knows_of_who_has_not_ordered_again() -> None:
    # Ten buyers; one orders again after a day, two were watched for less than that: 1 of 8.
    rows = [Row(user, BASE, "purchase", order=user) for user in range(1, 9)]
    rows += [Row(1, BASE + DAY, "purchase", order=100)]
    rows += [Row(user, BASE + 2 * DAY - HOUR, "purchase", order=user) for user in (9, 10)]
    rows += [Row(11, BASE + 2 * DAY, "view")]
    found = ask(repurchase, rows)
    assert found.numbers["share"] == 1 / 10
    assert found.curve.at(DAY * SECOND)["converted"] == pytest.approx(1 / 8)
    assert found.numbers["median_days"] == 1.0


def test_groups_with_few_conversions_are_named_and_small_ones_are_together() -> None:
    rows = [Row(user, BASE + user, ("view", "cart", "refund")[user % 3]) for user in range(90)]
    rows += [Row(user, BASE + (2 + user) * HOUR, "purchase") for user in range(0, 90, 3)]
    found = ask(time_to_purchase, rows, by="event", top=2)
    assert [name for name, _ in found.groups] == ["cart", "refund", "(other)"]
    assert found.merged == 1
    assert "fewer than 10 conversions" in str(found.warnings)
    assert [curve.n for _, curve in found.groups] == [30, 30, 30]
    everyone = ask(time_to_purchase, rows, by="event", top=3)
    assert everyone.overall.p_value < 1e-6
    assert everyone.overall.degrees == 2
    assert "Log-rank test of 3 groups" in everyone.note
    figure = survival_figure(everyone.drawn_frame, everyone.risk_frame, everyone.note, everyone.what)
    assert "number at risk" in str(figure.to_json())


def test_a_curve_is_drawn_as_far_as_it_moves() -> None:
    rows = [Row(user, BASE + user, "view") for user in range(20)]
    rows += [Row(user, BASE + user + 60, "purchase") for user in range(10)] + [Row(99, BASE + 60 * DAY, "view")]
    found = ask(time_to_purchase, rows)
    assert found.horizon == 180 * SECOND
    assert found.drawn_frame["seconds"].max() == 180
    assert found.risk_frame["at_risk"].tolist() == [21, 20, 10, 10]
    assert found.drawn_frame["converted"].max() == pytest.approx(1 / 2)
    assert "beyond what is drawn" in found.note
    assert found.frame["seconds"].max() > 59 * DAY


@pytest.mark.parametrize("view", [repurchase, time_to_purchase])
def test_nothing_to_count(view: Any) -> None:
    rows = [Row(1, BASE, "view"), Row(1, BASE + DAY, "view")]
    for found in (ask(view, []), ask(view, rows, counting=Counting.of(since="2020-01-01"))):
        assert "no event counts" in str(found.to_dict()["warnings"])
        assert len(found.frame) == 0
        assert "nothing to draw" in drawn(found)
    alone = ask(view, rows[:1])
    assert alone.to_dict()["users"] == 1
    assert drawn(alone)


def drawn(found: Any) -> str:
    if hasattr(found, "buying"):
        figure = repurchase_figure(found.frame, found.curve_frame, found.unit)
    else:
        figure = survival_figure(found.drawn_frame, found.risk_frame, found.note, found.what)
    return str(json.loads(figure.to_json()))


def test_names_from_the_data_are_no_markup() -> None:
    hostile = "</script><script>alert(1)</script>"
    rows = [Row(u, BASE + u * DAY, hostile) for u in range(5)]
    rows += [Row(u, BASE + (u + k) * DAY, "view") for u in range(9) for k in (9, 20)]
    snap = LaidOut(rows, names=("view", hostile))
    found = time_to_purchase(snap, by="event", goal=f'"{hostile}"')
    cohorts = retention(snap, by="event", back=f'"{hostile}"', cohort="day")
    shown = retention_figure(cohorts.frame, cohorts.total_frame, "day", cohorts.what)
    for words in (drawn(found), str(json.loads(shown.to_json()))):
        assert "<script>" not in words
        assert "&lt;script&gt;" in words


def test_figures_of_orders() -> None:
    rows = [Row(u, BASE + (u + 3 * k) * DAY, "purchase", order=10 * u + k + 1) for u in range(9) for k in range(4)]
    words = drawn(ask(repurchase, rows))
    assert "Kaplan-Meier" in words
    assert "(n = 27)" in words
    assert "95% band" in drawn(ask(time_to_purchase, rows))


def test_without_lifelines_repurchase_does_without_its_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lifelines", None)
    rows = [Row(1, BASE, "purchase", order=1), Row(1, BASE + DAY, "purchase", order=2)]
    found = ask(repurchase, rows)
    assert found.to_dict()["second_order"] is None
    assert "cartpath[survival]" in str(found.warnings)
    assert found.numbers["median_days"] == 1.0
    assert "(n = 1)" in drawn(found)
    with pytest.raises(MissingExtraError, match=r"cartpath\[survival\]"):
        ask(time_to_purchase, rows)


@pytest.mark.parametrize(
    ("view", "options", "says"),
    [
        (repurchase, {"same": "channel"}, "no property of a line"),
        (repurchase, {"same": "itemid"}, "did you mean 'item_id'"),
        (repurchase, {"counting": Counting.of("sessions")}, "cannot count 'sessions'"),
        (time_to_purchase, {"counting": Counting.of("entries")}, "cannot count 'entries'"),
        (time_to_purchase, {"by": "channel@last"}, "known only later"),
        (time_to_purchase, {"top": 0}, "from 1"),
        (time_to_purchase, {"goal": "a["}, "cannot read"),
    ],
)
def test_what_cannot_be_asked(view: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(CartpathError, match=says):
        ask(view, [Row(1, BASE, "view")], **options)


def test_a_long_path_is_one_pass() -> None:
    rows = [Row(1, BASE + 60 * k, "purchase", order=k + 1) for k in range(100_000)]
    assert ask(repurchase, rows).numbers["intervals"] == 99_999
    assert ask(time_to_purchase, rows).curve.converted == 1
