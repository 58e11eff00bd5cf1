from __future__ import annotations

import pytest
from hypothesis import given

from cartpath.paths import END, START, Counting, FlowResult
from cartpath.paths.counting import BEGINNING, FOREVER
from cartpath.paths.flow import merge_edges, scan_flow
from tests.paths.twin import EVENTS, SECOND, Row, buckets_of, flow_twin, logs, periods


def count(rows: list[Row], since: int | None = None, until: int | None = None, dense: int = 512) -> FlowResult:
    low = BEGINNING if since is None else since * SECOND
    counting = Counting("sessions", low, FOREVER if until is None else until * SECOND)
    width = len(EVENTS) + 2
    parts = [scan_flow(view, width, counting, dense) for view in buckets_of(rows, 3)]
    return FlowResult((*EVENTS, START, END), merge_edges(parts), counting)


def three(row: dict[str, int]) -> tuple[int, int, int]:
    return row["n"], row["sessions"], row["users"]


@pytest.mark.parametrize("dense", [512, 0], ids=["matrix", "sorting"])
@given(rows=logs, period=periods)
def test_equals_the_twin(dense: int, rows: list[Row], period: tuple[int | None, int | None]) -> None:
    got = count(rows, *period, dense=dense)
    nodes, edges = flow_twin(rows, *period)
    assert {row["event"]: three(row) for row in got.nodes} == nodes
    assert {(row["source"], row["target"]): three(row) for row in got.edges} == edges


@given(rows=logs)
def test_what_flows_into_a_node_flows_out_of_it(rows: list[Row]) -> None:
    got = count(rows)
    for node in got.nodes:
        name, n = node["event"], node["n"]
        if name != END:
            assert sum(row["n"] for row in got.edges if row["source"] == name) == n
            assert sum(row["probability"] for row in got.edges if row["source"] == name) == pytest.approx(1)
        if name != START:
            assert sum(row["n"] for row in got.edges if row["target"] == name) == n


def test_events_of_one_hit_are_one_step() -> None:
    rows = [Row(0, 0, "view"), Row(0, 5, "buy", hit=9), Row(0, 5, "buy", hit=9), Row(0, 5, "buy", hit=9)]
    got = count(rows)
    assert {(row["source"], row["target"]): row["n"] for row in got.edges} == {
        (START, "view"): 1,
        ("view", "buy"): 1,
        ("buy", END): 1,
    }
    assert got.steps == 2


def test_repeats_are_a_loop_and_sessions_and_users_count_once() -> None:
    rows = [Row(0, t, "view", session=t // 3) for t in range(6)] + [Row(1, 0, "view")]
    loop = next(row for row in count(rows).edges if row["source"] == row["target"] == "view")
    assert three(loop) == (4, 2, 1)
    assert loop["probability"] == pytest.approx(4 / 7)


def test_a_session_taken_up_again_counts_once() -> None:
    rows = [Row(0, t, "view", session=t % 2) for t in range(6)]
    loop = next(row for row in count(rows).edges if row["target"] == "view" and row["source"] == "view")
    assert three(loop) == (4, 2, 1)


def test_an_empty_log() -> None:
    got = count([])
    assert (got.nodes, got.edges, got.sessions, got.users, got.steps) == ([], [], 0, 0, 0)
    assert list(got.frame.columns)[:3] == ["source", "target", "n"]
    assert len(got.frame) == 0


def test_json_and_frames_agree() -> None:
    got = count([Row(0, 0, "view"), Row(0, 1, "buy"), Row(1, 0, "view")])
    as_dict = got.to_dict()
    assert as_dict["count"] == "steps"
    assert (as_dict["steps"], as_dict["sessions"], as_dict["users"]) == (3, 2, 2)
    assert got.frame["n"].tolist() == [row["n"] for row in as_dict["edges"]]
    assert got.node_frame["event"].tolist() == [row["event"] for row in as_dict["nodes"]]
