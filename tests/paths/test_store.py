"""The views over a real store: equal to the twins, and to each other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from cartpath import store
from cartpath.config import Settings, StoreSettings
from cartpath.paths import END, START, Counting, daily, flow, funnel, status
from cartpath.schema import CartpathError
from cartpath.store import Snapshot
from tests.paths.twin import EVENTS, Row, funnel_twin, logs, path_order, paths_of, table_of, view_of
from tests.paths.twin_flow import flow_twin


@given(rows=logs.filter(bool))
def test_the_stores_path_table_is_the_one_laid_out_by_hand(rows: list[Row]) -> None:
    view, codes = store.view_from_table(table_of(rows))
    by_hand = view_of(rows)
    names = codes.text("event")
    # The store orders users by hash: compare user by user.
    place = {user: i for i, user in enumerate(view.user_id.to_pylist())}
    for row, user in enumerate(by_hand.user_id.to_pylist()):
        ours, theirs = by_hand.user(row), view.user(place[f"u{user}"])
        assert [names[code] for code in theirs.event] == [EVENTS[code] for code in ours.event]
        np.testing.assert_array_equal(theirs.ts, ours.ts)
        np.testing.assert_array_equal(theirs.session, ours.session)
        np.testing.assert_array_equal(theirs.step, ours.step)


def big_log() -> list[Row]:
    rng = random.Random(7)
    rows = []
    for _ in range(1500):
        event = rng.choices(EVENTS, (6, 3, 2, 1))[0]
        money = event in ("buy", "refund")
        rows.append(
            Row(
                user=rng.randrange(60),
                at=rng.randrange(400_000),
                event=event,
                session=rng.randrange(4),
                order=rng.randrange(0, 90) if money else 0,
                value=float(rng.randrange(1, 50)) if money and rng.random() < 0.7 else None,
                price=float(rng.randrange(1, 9)) if money and rng.random() < 0.7 else None,
                quantity=rng.choice((None, 1, 2, 3)) if money else None,
            )
        )
    return rows


LOG = big_log()


@pytest.fixture(scope="module")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    workspace = tmp_path_factory.mktemp("store") / "shop"
    store.init(workspace, Settings(store=StoreSettings(buckets=8)))
    renamed = {"buy": "purchase"}
    rows = [Row(**{**vars(row), "event": renamed.get(row.event, row.event)}) for row in LOG]
    with store.writer(workspace) as writer:
        writer.add(table_of(rows))
        writer.commit(sources=[{"file": "log", "hash": "1", "adapter": "test", "read": len(rows)}], quarantine={})
    with store.open_snapshot(workspace) as snapshot:
        yield snapshot


@pytest.mark.parametrize("unit", ["users", "sessions"])
@pytest.mark.parametrize("within", [None, "90s", "1d", "3d"])
def test_the_funnel_equals_the_twin(snap: Snapshot, unit: str, within: str | None) -> None:
    window = {None: None, "90s": 90, "1d": 86400, "3d": 259200}[within]
    got = funnel(snap, ["view", "cart", "purchase"], within=within, counting=Counting.of(unit))
    assert list(got.counts) == funnel_twin(LOG, ("view", "cart", "buy"), window, unit, None, None)
    assert got.units == len(paths_of(LOG, unit))


def test_the_funnel_over_a_period_equals_the_twin(snap: Snapshot) -> None:
    got = funnel(snap, ["view", "purchase"], counting=Counting.of("sessions", "1970-01-02", "1970-01-04"))
    assert list(got.counts) == funnel_twin(LOG, ("view", "buy"), None, "sessions", 86400, 3 * 86400)


def test_the_flow_equals_the_twin(snap: Snapshot) -> None:
    nodes, edges = flow_twin(LOG, None, None)
    got = flow(snap)
    name = {"purchase": "buy"}
    assert {
        (name.get(row["source"], row["source"]), name.get(row["target"], row["target"])): (
            row["n"],
            row["sessions"],
            row["users"],
            row["median_gap_seconds"],
        )
        for row in got.edges
    } == edges
    assert len(got.nodes) == len(nodes)


def test_orders_revenue_and_refunds_equal_plain_python(snap: Snapshot) -> None:
    def amount(rows: list[Row], lines_first: bool) -> float:
        total = 0.0
        for order in {row.order for row in rows}:
            lines = [row for row in rows if row.order == order]
            priced = [row.price * (row.quantity or 1) for row in lines if row.price is not None]
            values = [row.value for row in lines if row.value is not None and order]
            choices = [sum(priced) if priced else None, max(values) if values else None]
            total += next((c for c in (choices if lines_first else choices[::-1]) if c is not None), 0.0)
        return total

    got = status(snap)
    bought = [row for row in path_order(LOG) if row.event == "buy"]
    assert got.orders == len({row.order for row in bought if row.order})
    assert got.revenue == pytest.approx(amount(bought, lines_first=False))
    returned = [row for row in LOG if row.event == "refund"]
    assert got.refunds == pytest.approx(amount(returned, lines_first=True))
    assert got.refund_events == len(returned)


def test_the_views_agree_with_each_other(snap: Snapshot) -> None:
    totals, graph, days = status(snap), flow(snap), daily(snap)
    per_user, per_session = funnel(snap, ["purchase"]), funnel(snap, ["purchase"], counting=Counting.of("sessions"))
    visits = {row["event"]: row for row in graph.nodes}
    assert (totals.users, totals.sessions) == (graph.users, graph.sessions) == (per_user.units, per_session.units)
    assert visits["purchase"]["users"] == per_user.counts[0]
    assert visits["purchase"]["sessions"] == per_session.counts[0]
    assert visits["purchase"]["n"] == totals.events_by_type["purchase"] == days.counts[:, 3].sum()
    assert visits[START]["n"] == visits[END]["n"] == days.counts[:, 2].sum() == totals.sessions
    assert days.counts[:, 0].sum() == totals.events == len(LOG) == sum(totals.events_by_type.values())


def test_a_step_never_seen_is_zero_with_a_warning(snap: Snapshot) -> None:
    got = funnel(snap, ["view", "purchse"])
    assert got.counts[1] == 0
    assert got.warnings == ("no event 'purchse' was ever seen; did you mean 'purchase'?",)
    assert got.to_dict()["steps"][1]["n"] == 0


@pytest.mark.parametrize("steps", [[], [""], ["view", " "]])
def test_no_steps_is_a_clear_error(snap: Snapshot, steps: list[str]) -> None:
    with pytest.raises(CartpathError, match="at least one step"):
        funnel(snap, steps)


def test_a_window_without_unit_is_refused(snap: Snapshot) -> None:
    with pytest.raises(CartpathError, match="not a duration"):
        funnel(snap, ["view"], within="7")


def test_an_empty_store(tmp_path: Path) -> None:
    store.init(tmp_path / "shop")
    with store.open_snapshot(tmp_path / "shop") as snap:
        assert funnel(snap, ["view", "purchase"]).counts == (0, 0)
        assert flow(snap).edges == []
        assert (status(snap).events, status(snap).first) == (0, None)
        assert len(daily(snap).frame) == 0
