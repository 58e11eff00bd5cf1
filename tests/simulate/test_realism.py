"""Statistics of a log, by hand and on the simulator's own output."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath.simulate import log_statistics
from cartpath.simulate.realism import gini

from .conftest import Simulated

S = 1_000_000
DAY = 86400 * S


def small() -> pa.Table:
    rows = [
        # user, session, seconds, event, item, order, value
        ("a", "1", 0, "view", "x", None, None),
        ("a", "1", 10, "view", "y", None, None),
        ("a", "1", 40, "purchase", "x", "o", 30.0),
        ("a", "1", 40, "purchase", "y", "o", 30.0),
        ("a", "2", 2 * 86400, "page_view", None, None, None),
        ("b", "1", 5, "view", "x", None, None),
        (None, "1", 5, "view", "x", None, None),
        ("c", "1", None, "view", "x", None, None),
    ]
    user, session, seconds, event, item, order, value = zip(*rows, strict=True)
    ts = pa.array([None if s is None else s * S for s in seconds], pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            "user_id": user, "session_id": session, "ts": ts, "event": event, "item_id": item, "order_id": order,
            "order_value": pa.array(value, pa.float64()),
        }
    )  # fmt: skip


def test_by_hand() -> None:
    found = log_statistics(small())
    assert (found.n_events, found.n_users, found.n_sessions) == (6, 2, 3)
    assert found.session_steps["mean"] == pytest.approx(5 / 3)  # the two purchase lines are one step
    assert found.session_steps["share_of_one"] == pytest.approx(2 / 3)
    assert found.user_sessions["mean"] == pytest.approx(3 / 2)
    assert found.funnel == {
        "view": pytest.approx(2 / 3), "add_to_cart": 0.0, "checkout": 0.0, "purchase": pytest.approx(1 / 3),
    }  # fmt: skip
    assert found.step_gap_seconds["mean"] == pytest.approx((10 + 30) / 2)
    assert found.visit_gap_days["mean"] == pytest.approx(2.0)
    assert found.popularity["items"] == 2
    assert found.popularity["gini"] == pytest.approx(gini([1, 2]))
    assert found.orders == {"n": 1.0, "lines_per_order": 2.0, "mean_value": 30.0, "median_value": 30.0}


def test_order_of_rows_does_not_matter() -> None:
    table = small()
    assert log_statistics(table) == log_statistics(table.take(list(range(len(table)))[::-1]))


def test_an_empty_log_has_no_statistics() -> None:
    found = log_statistics(small().slice(0, 0))
    assert (found.n_events, found.n_sessions, found.session_steps, found.orders) == (0, 0, {}, {})


def test_gini_by_hand() -> None:
    assert gini([]) == 0.0
    assert gini([0, 0]) == 0.0
    assert gini([1, 3]) == pytest.approx(1 / 4)  # mean difference |1-3| / (2 * mean 2) * (1/2)


def test_the_simulated_shop_looks_like_a_shop(clean: Simulated) -> None:
    found = log_statistics(pq.read_table(clean.folder / "events.parquet"))
    assert found.n_sessions == clean.summary.sessions
    assert found.orders["n"] == clean.summary.orders
    assert found.popularity["gini"] > 0.4
    assert 4 < found.session_steps["mean"] < 12
    assert 5 < found.step_gap_seconds["median"] < 40
