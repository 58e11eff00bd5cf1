from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths import END, START, FlowResult, flow
from cartpath.paths.counting import BEGINNING, FOREVER, Counting
from cartpath.paths.flow import count as counting_kernels
from cartpath.paths.flow import gaps as gap_kernels
from cartpath.paths.flow.count import merge_edges, scan_edges
from cartpath.paths.flow.nodes import nodes_of
from cartpath.schema import OTHER, CartpathError
from tests.paths.twin import EVENTS, SECOND, Row, logs, periods
from tests.paths.twin_flow import flow_twin, snapshot_of

Period = tuple[int | None, int | None]
units = st.sampled_from(["sessions", "users"])
filters = st.sampled_from([None, "cart"])


def rule(period: Period = (None, None), without: str | None = None) -> Counting:
    since, until = (None if at is None else at * SECOND for at in period)
    where = Counting.of(where=None if without is None else f"event!={without}").where
    return Counting("users", BEGINNING if since is None else since, FOREVER if until is None else until, where)


def count(rows: list[Row], period: Period = (None, None), buckets: int = 3, **options: Any) -> FlowResult:
    return flow(snapshot_of(rows, buckets), rule(period, options.pop("without", None)), **options)


def three(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["n"], row["sessions"], row["users"]


def found(result: FlowResult) -> tuple[dict[str, Any], dict[tuple[str, str], Any]]:
    paths = result.counts.paths.tolist()
    edges = {
        (row["source"], row["target"]): (row["n"], paths[i], row["users"], row["median_gap_seconds"])
        for i, row in zip(result.shown.tolist(), result.edges, strict=True)
    }
    visits = result.counts.visits.tolist()
    nodes = {name: tuple(visit) for name, visit in zip(result.names, visits, strict=True) if visit[0]}
    return nodes, edges


@pytest.mark.parametrize("narrow", [32, 0], ids=["few nodes", "many nodes"])
@pytest.mark.parametrize("dense", [1 << 22, 0], ids=["merged in place", "merged by sorting"])
@given(rows=logs, period=periods, without=filters, unit=units, buckets=st.sampled_from([1, 3]))
def test_equals_the_twin(
    narrow: int, dense: int, rows: list[Row], period: Period, without: str | None, unit: str, buckets: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting_kernels, "_NARROW", narrow)
        patch.setattr(gap_kernels, "_DENSE", dense)
        got = count(rows, period, buckets, without=without, across_sessions=unit == "users")
    assert found(got) == flow_twin(rows, *period, without, unit)


@given(rows=logs, across=st.booleans())
def test_what_flows_into_a_node_flows_out_of_it(rows: list[Row], across: bool) -> None:
    got = count(rows, across_sessions=across)
    for node in got.nodes:
        name, n = node["event"], node["n"]
        if name != END:
            assert sum(row["n"] for row in got.edges if row["source"] == name) == n
            assert sum(row["probability"] for row in got.edges if row["source"] == name) == pytest.approx(1)
        if name != START:
            assert sum(row["n"] for row in got.edges if row["target"] == name) == n


@given(rows=logs, share=st.floats(0, 1), top=st.integers(1, 5))
def test_hidden_edges_are_counted(rows: list[Row], share: float, top: int) -> None:
    every, some = count(rows), count(rows, min_share=share, top_edges=top)
    assert some.edges == [row for row in every.edges if row["share"] >= share][:top]
    assert sum(row["share"] for row in every.edges) == pytest.approx(1 if rows else 0)
    assert len(some.edges) + some.hidden["edges"] == len(every.edges)
    assert sum(row["n"] for row in some.edges) + some.hidden["n"] == every.transitions
    if rows:
        assert some.coverage == pytest.approx(sum(row["share"] for row in some.edges))
    assert some.nodes == every.nodes


@given(rows=logs, most=st.integers(1, 4))
def test_rare_nodes_are_gathered(rows: list[Row], most: int) -> None:
    every, some = count(rows), count(rows, most_nodes=most)
    names = [row["event"] for row in some.nodes if row["event"] not in (START, END, OTHER)]
    ranked = [row["event"] for row in every.nodes if row["event"] not in (START, END)]
    assert names == ranked[:most]
    assert some.nodes_of.gathered == max(0, len(ranked) - most)
    assert some.transitions == every.transitions
    assert bool(some.to_dict()["gathered"]) == (OTHER in {row["event"] for row in some.nodes})


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
    assert loop["share"] == pytest.approx(4 / 10)
    assert loop["median_gap_seconds"] == 1
    across = next(r for r in count(rows, across_sessions=True).edges if r["source"] == r["target"] == "view")
    assert three(across) == (5, None, 1)


def test_a_session_taken_up_again_counts_once() -> None:
    rows = [Row(0, t, "view", session=t % 2) for t in range(6)]
    loop = next(row for row in count(rows).edges if row["target"] == "view" and row["source"] == "view")
    assert three(loop) == (4, 2, 1)
    assert loop["median_gap_seconds"] == 2


def test_the_median_of_an_even_number_is_between_the_two_in_the_middle() -> None:
    rows = [Row(u, t, e) for u, gap in enumerate((1, 2, 1000, 90000)) for t, e in ((0, "view"), (gap, "buy"))]
    edge = next(row for row in count(rows).edges if row["target"] == "buy")
    assert edge["median_gap_seconds"] == 501
    assert next(row for row in count(rows).edges if row["target"] == END)["median_gap_seconds"] is None


def test_many_equal_times_are_kept_once() -> None:
    rows = [Row(user, t, "view") for user in range(6) for t in range(50)]
    snap = snapshot_of(rows, 2)
    bound = Counting().bind(snap)
    steps = gap_kernels.steps_of(bound.counted(snap.bucket(0)).paths("sessions"), snap.bucket(0), nodes_of(snap, bound))
    cells = (len(EVENTS) + 2) ** 2
    everything = np.zeros(cells, np.int64), np.full(cells, gap_kernels.BINS)
    kept = gap_kernels.kept_times(steps, np.arange(cells, dtype=np.int32), *everything)
    assert (kept.gap.tolist(), kept.often.tolist()) == ([SECOND], [3 * 49])
    assert count(rows, buckets=2).edges[0]["median_gap_seconds"] == 1


def test_transitions_within_no_time_are_counted() -> None:
    rows = [Row(0, 1, "view"), Row(0, 1, "view"), Row(0, 1, "buy"), Row(0, 2, "cart")]
    assert count(rows).to_dict()["tied_transitions"] == 1


def test_a_long_path_and_long_times() -> None:
    year = 366 * 86400
    rows = [Row(0, 0, "view"), Row(0, 200 * year, "buy")] + [Row(1, t, "view") for t in range(100_000)]
    got = count(rows, across_sessions=True)
    assert {(r["source"], r["target"]): r["median_gap_seconds"] for r in got.edges}["view", "buy"] == 200 * year
    assert got.edges[0]["n"] == 99_999


@pytest.mark.parametrize("options", [{}, {"across_sessions": True}, {"min_share": 0.5}, {"most_nodes": 1}])
def test_an_empty_log(options: dict[str, Any]) -> None:
    got = count([], **options)
    assert (got.nodes, got.edges, got.sessions, got.users, got.steps) == ([], [], 0, 0, 0)
    assert list(got.frame.columns)[:3] == ["source", "target", "n"]
    assert len(got.frame) == 0
    assert got.to_dict()["coverage"] is None
    assert "no event counts" in got.warnings[0]


def test_json_and_frames_agree() -> None:
    got = count([Row(0, 0, "view"), Row(0, 1, "buy"), Row(1, 0, "view")])
    as_dict = got.to_dict()
    assert {"count", "nodes", "edges", "coverage", "hidden", "period", "ties", "warnings"} <= set(as_dict)
    assert (as_dict["count"], as_dict["units"]) == ("sessions", 2)
    assert (as_dict["steps"], as_dict["sessions"], as_dict["users"]) == (3, 2, 2)
    assert got.frame["n"].tolist() == [row["n"] for row in as_dict["edges"]]
    assert got.frame["median_gap_seconds"].notna().tolist() == [
        row["source"] == "view" and row["target"] == "buy" for row in got.edges
    ]
    assert got.node_frame["event"].tolist() == [row["event"] for row in as_dict["nodes"]]
    assert (got.frame["probability"] * got.frame["source_n"]).tolist() == pytest.approx(got.frame["n"].tolist())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_share": 1.5}, "not a share"),
        ({"top_edges": 0}, "cannot show 0 edges"),
        ({"most_nodes": 0}, "cannot show 0 nodes"),
        ({"node": "evnt"}, "no property 'evnt'"),
    ],
)
def test_what_cannot_be_asked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CartpathError, match=message):
        count([Row(0, 0, "view")], **options)


def test_scans_and_partials_travel() -> None:
    snap = snapshot_of([Row(0, 0, "view"), Row(0, 3, "buy")], 1)
    bound = Counting().bind(snap)
    nodes = pickle.loads(pickle.dumps(nodes_of(snap, bound)))
    part = pickle.loads(pickle.dumps(scan_edges(snap.bucket(0), bound, nodes, "sessions")))
    assert merge_edges([part]).n.tolist() == [1, 1, 1]
