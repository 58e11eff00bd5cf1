"""One shopper's path, and what is known at places of it, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cartpath.features import encode, fit_encoder, session_features
from tests.features.logs import make_log, times

DAY = 1440
#: Minute, event, item, price, quantity, order, order value, session, hit.
ROWS: list[tuple[Any, ...]] = [
    (0, "view", "i1", 10.0, None, None, None, "a", "a1"),
    (2, "add_to_cart", "i1", 10.0, 2, None, None, "a", "a2"),
    (3, "add_to_cart", "i2", 5.0, 1, None, None, "a", "a3"),
    # An order of two lines, in one hit: its value is said on both.
    (5, "purchase", "i1", 10.0, 2, "o1", 27.0, "a", "a4"),
    (5, "purchase", "i2", 5.0, 1, "o1", 27.0, "a", "a4"),
    # Left in the cart three days later; its price is not known.
    (3 * DAY, "view", "i3", 8.0, None, None, None, "b", "b1"),
    (3 * DAY + 1, "add_to_cart", "i3", None, 1, None, None, "b", "b2"),
    # The session asked about: a day and a half after that.
    (4.5 * DAY, "page_view", None, None, None, None, None, "c", "c1"),
    (4.5 * DAY + 1, "view", "i3", 8.0, None, None, None, "c", "c2"),
    (4.5 * DAY + 3, "view", "i1", 12.0, None, None, None, "c", "c3"),
    (4.5 * DAY + 3, "add_to_cart", "i1", 12.0, 3, None, None, "c", "c4"),
    (4.5 * DAY + 4, "remove_from_cart", "i1", None, 1, None, None, "c", "c5"),
    (4.5 * DAY + 7, "view", "i3", 8.0, None, None, None, "c", "c6"),
    (4.5 * DAY + 9, "purchase", "i1", 12.0, 2, "o2", 24.0, "c", "c7"),
]
NAMES = ("ts", "event", "item_id", "price", "quantity", "order_id", "order_value", "session_id", "_hit")
KINDS = {"price": pa.float64(), "order_value": pa.float64(), "quantity": pa.int32()}


@pytest.fixture(scope="module")
def row() -> dict[str, float]:
    """Features after all but the last event."""
    columns = dict(zip(NAMES, zip(*ROWS, strict=True), strict=True))
    table = {n: times(v) if n == "ts" else pa.array(v, KINDS.get(n, pa.string())) for n, v in columns.items()}
    log = make_log(pa.table({"user_id": ["u"] * len(ROWS), **table}))
    encoder = fit_encoder(log, 2**62)
    found = session_features(encode(log, encoder), encoder, np.array([2]), np.array([len(ROWS) - 1]))
    return dict(zip(found.names, found.values[0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # The session so far.
        ("events", 6),
        ("steps", 6),
        ("events_before", 7),
        ("n_view", 3),
        ("before_view", 2),
        ("add_to_cart_per_view", 1 / 3),
        ("items", 2),
        ("items_viewed_again", 1),
        ("most_views", 2),
        ("most_of_item", 3),
        ("last_item_times", 2),
        ("item_repeats", 3 / 5),
        # Its pace: steps after 1, 2, 0, 1 and 3 minutes.
        ("since_start", 420),
        ("mean_gap", 420 / 5),
        ("least_gap", 0),
        ("longest_gap", 180),
        ("last_gap", 180),
        ("gap_trend", 180 / 84),
        ("gap_trend_of_3", (0 + 60 + 180) / 3 / 84),
        ("pace", 60 * 6 / 420),
        ("steps_in_300s", 4),
        ("held_by_view", 120 + 0),
        ("since_add_to_cart", 240),
        ("steps_since_add_to_cart", 2),
        ("first_view_step", 2),
        # Prices 8, 12, 12, 8; in the cart two of i1 at 12, and of the session before one of i3.
        ("mean_price", 10),
        ("last_price_ratio", 0.8),
        ("price_deviation", 2),
        ("cart_items", 1),
        ("cart_units", 2),
        ("cart_value", 24),
        ("highest_cart_value", 36),
        ("cart_to_order", 24 / 27),
        ("open_cart_items", 2),
        ("open_cart_units", 3),
        ("open_cart_value", 24),
        ("left_items", 1),
        ("left_value", 0),
        # History: one order, whatever its lines.
        ("orders", 1),
        ("spend", 27),
        ("last_order", 27),
        ("sessions_before", 2),
        ("is_first_session", 0),
        ("mean_session_events", 7 / 2),
        ("mean_session_seconds", (300 + 60) / 2),
        ("days_known", 4.5),
        ("days_away", 1.5 - 1 / DAY),
        ("days_between", 4.5 / 2),
        ("away_to_mean", 1.5 / 2.25),
        ("days_since_purchase", 4.5 - 5 / DAY),
        ("sessions_since_purchase", 2),
        ("sessions_since_add_to_cart", 1),
        ("share_with_purchase", 1 / 2),
        ("purchase_per_cart", 1 / 2),
        ("previous_events", 2),
        ("previous_seconds", 60),
        ("previous_add_to_cart", 1),
        ("previous_purchase", 0),
        # The latest item, i3, was viewed and left in the cart in the session before.
        ("last_item_before", 2),
        ("last_item_add_to_cart_before", 1),
        ("last_item_purchase_before", 0),
        ("last_item_days", 1.5 + 1 / DAY),
        ("item_familiar", 1),
        # Windows end where the session begins.
        ("events_1d", 0),
        ("events_7d", 7),
        ("sessions_7d", 2),
        ("orders_7d", 1),
        ("day_change", -2),
        ("week_change", 7),
        # 2024-01-05, a Friday, at noon; the sessions before began on Monday and Thursday at midnight.
        ("hour", 12 + 7 / 60),
        ("weekday", 4),
        ("weekend", 0),
        ("same_part_of_day", 0),
        ("weekend_sessions", 0),
        ("gap_0", 180),
        ("gap_4", 60),
    ],
)
def test_by_hand(row: dict[str, float], name: str, expected: float) -> None:
    assert row[name] == pytest.approx(expected, rel=1e-6)


def test_what_is_not_known_is_nan(row: dict[str, float]) -> None:
    assert all(math.isnan(row[name]) for name in ("visit_number", "days_since_remove_from_cart", "last_page_before"))
