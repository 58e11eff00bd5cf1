from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cartpath.paths.calendar import calendar
from cartpath.paths.daily import DailyResult, merge_days, scan_days
from cartpath.paths.status import Money, StatusResult, _amount, merge_money, scan_money
from tests.paths.twin import EVENTS, Row, buckets_of, view_of

CODES = (EVENTS.index("buy"), EVENTS.index("refund"))


def money(rows: list[Row]) -> tuple[Money, Money]:
    return merge_money([scan_money(view, CODES) for view in buckets_of(rows, 3)])


def revenue(rows: list[Row]) -> float:
    return _amount(money(rows)[0], prefer_lines=False)


def buy(order: int, user: int = 0, **kw: Any) -> Row:
    return Row(user, 0, "buy", order=order, **kw)


def test_an_order_counts_once_with_its_largest_value() -> None:
    rows = [buy(7, value=30.0), buy(7, value=30.0), buy(7, value=31.5), buy(8, value=10.0)]
    assert (money(rows)[0].order != 0).sum() == 2
    assert revenue(rows) == 41.5


def test_an_order_id_of_several_users_is_one_order_over_all_buckets() -> None:
    rows = [buy(7, user=u, value=10.0 + u) for u in range(5)]
    assert money(rows)[0].order.tolist() == [7]
    assert revenue(rows) == 14.0


def test_without_a_value_price_times_quantity_counts_and_a_missing_quantity_is_one() -> None:
    assert revenue([buy(7, price=2.0, quantity=3), buy(7, price=5.0), buy(7)]) == 11.0


def test_a_value_wins_over_prices_of_the_same_order() -> None:
    assert revenue([buy(7, price=2.0, quantity=3), buy(7, value=9.0, price=2.0)]) == 9.0


def test_lines_without_order_id_add_their_own_price() -> None:
    rows = [buy(0, price=2.0, quantity=2), buy(0, user=1, price=3.0, value=100.0), buy(0, user=2)]
    assert revenue(rows) == 7.0
    assert money(rows)[0].n.tolist() == [3]


def test_refunds_are_apart_and_positive() -> None:
    rows = [buy(7, value=30.0), Row(0, 1, "refund", order=7, price=10.0, quantity=-2, value=30.0)]
    returned = money(rows)[1]
    assert _amount(returned, prefer_lines=True) == 20.0
    assert revenue(rows) == 30.0


def test_a_refund_without_prices_counts_the_orders_value_once() -> None:
    rows = [Row(0, 1, "refund", order=7, value=-30.0), Row(0, 1, "refund", order=7, value=-30.0)]
    assert _amount(money(rows)[1], prefer_lines=True) == 30.0


def test_nothing_bought() -> None:
    assert revenue([Row(0, 0, "view")]) == 0.0
    assert money([])[0].n.sum() == 0
    assert scan_money(view_of([Row(0, 0, "buy")]), (-1, -1))[0].n.sum() == 0


def test_json_starts_with_the_fields_of_the_contract() -> None:
    got = StatusResult(3, 2, 2, 1, {"view": 2, "buy": 1})
    assert list(got.to_dict())[:10] == [
        "events", "users", "sessions", "items", "events_by_type", "orders", "revenue", "refunds", "first", "last",
    ]  # fmt: skip
    assert got.frame["share"].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_days_count_events_active_users_sessions_and_purchase_steps() -> None:
    day = 86400
    rows = [
        Row(0, 0, "view"),
        Row(0, 10, "buy", hit=1),
        Row(0, 10, "buy", hit=1),
        Row(1, 5, "view"),
        Row(1, 2 * day, "view", session=1),
        Row(1, 2 * day + 1, "view"),
    ]
    days = calendar("day", "UTC", 0, 2 * day * 1_000_000)
    parts = [scan_days(view, days.edges, EVENTS.index("buy")) for view in buckets_of(rows, 2)]
    result = DailyResult(days, merge_days(parts))
    assert result.counts.tolist() == [[4, 2, 2, 1], [0, 0, 0, 0], [2, 1, 1, 0]]
    assert result.frame["day"].tolist() == ["1970-01-01", "1970-01-02", "1970-01-03"]
    assert SimpleNamespace(**result.rows[0]).sessions == 2
