from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths import Counting
from cartpath.paths.counting import BEGINNING, FOREVER
from cartpath.paths.funnel import FunnelResult, merge_counts, plan, scan_funnel
from tests.paths.twin import EVENTS, SECOND, Row, buckets_of, funnel_twin, logs, paths_of, periods, within


def count(
    rows: list[Row],
    steps: tuple[str, ...],
    window: int | None = None,
    unit: str = "users",
    since: int | None = None,
    until: int | None = None,
) -> list[int]:
    """Units in the period, then those that reached each step; over three buckets."""
    counting = Counting(
        unit, BEGINNING if since is None else since * SECOND, FOREVER if until is None else until * SECOND
    )
    codes = [EVENTS.index(step) if step in EVENTS else -1 for step in steps]
    scheme = plan(codes, len(EVENTS), 2**62 if window is None else window * SECOND, counting)
    total = merge_counts([scan_funnel(view, scheme) for view in buckets_of(rows, 3)])
    assert total is not None
    return total.tolist()


def path(*events: str, gap: int = 1) -> list[Row]:
    return [Row(0, gap * i, event) for i, event in enumerate(events)]


@given(
    rows=logs,
    steps=st.lists(st.sampled_from((*EVENTS, "never")), min_size=1, max_size=4).map(tuple),
    window=st.one_of(st.none(), st.integers(0, 8)),
    unit=st.sampled_from(("users", "sessions")),
    period=periods,
)
def test_equals_the_twin(
    rows: list[Row], steps: tuple[str, ...], window: int | None, unit: str, period: tuple[int | None, int | None]
) -> None:
    units = len(paths_of(within(rows, *period), unit))
    assert count(rows, steps, window, unit, *period) == [units, *funnel_twin(rows, steps, window, unit, *period)]


@given(rows=logs, repeats=st.integers(1, 4), window=st.one_of(st.none(), st.integers(0, 4)))
def test_equals_the_twin_where_a_step_repeats(rows: list[Row], repeats: int, window: int | None) -> None:
    steps = ("view",) * repeats + ("cart",)
    for unit in ("users", "sessions"):
        assert count(rows, steps, window, unit)[1:] == funnel_twin(rows, steps, window, unit, None, None)


def test_an_event_is_used_once() -> None:
    assert count(path("view"), ("view", "view")) == [1, 1, 0]
    assert count(path("view", "view"), ("view", "view")) == [1, 1, 1]


def test_every_start_counts_not_only_the_first() -> None:
    late = [Row(0, 0, "view"), Row(0, 100, "view"), Row(0, 105, "buy")]
    assert count(late, ("view", "buy"), window=5) == [1, 1, 1]
    assert count(late, ("view", "buy"), window=4) == [1, 1, 0]


def test_the_window_runs_from_the_first_step_to_the_last_and_includes_its_end() -> None:
    rows = path("view", "cart", "buy", gap=5)
    assert count(rows, ("view", "cart", "buy"), window=10) == [1, 1, 1, 1]
    assert count(rows, ("view", "cart", "buy"), window=9) == [1, 1, 1, 0]


def test_ties_keep_source_order() -> None:
    assert count([Row(0, 1, "view"), Row(0, 1, "buy")], ("view", "buy")) == [1, 1, 1]
    assert count([Row(0, 1, "buy"), Row(0, 1, "view")], ("view", "buy")) == [1, 1, 0]


def test_sessions_that_interleave_are_kept_apart() -> None:
    rows = [Row(0, 0, "view", 1), Row(0, 1, "view", 2), Row(0, 2, "buy", 1), Row(0, 3, "cart", 2)]
    assert count(rows, ("view", "buy"), unit="sessions") == [2, 2, 1]
    assert count(rows, ("view", "buy"), unit="users") == [1, 1, 1]


def test_the_period_is_half_open() -> None:
    rows = path("view", "buy", gap=10)
    assert count(rows, ("view", "buy"), since=0, until=11) == [1, 1, 1]
    assert count(rows, ("view", "buy"), since=0, until=10) == [1, 1, 0]
    assert count(rows, ("view", "buy"), since=1, until=11) == [1, 0, 0]
    assert count(rows, ("view", "buy"), since=1, until=10) == [0, 0, 0]


def test_an_empty_log() -> None:
    assert count([], ("view", "buy")) == [0, 0, 0]


def result(*counts: int) -> FunnelResult:
    return FunnelResult(("view", "cart", "buy")[: len(counts)], counts, 20, Counting(), 60)


def test_json_has_the_fields_of_the_contract() -> None:
    got = result(10, 5, 1).to_dict()
    assert (got["count"], got["order"], got["within_seconds"]) == ("users", "loose", 60)
    assert [step["event"] for step in got["steps"]] == ["view", "cart", "buy"]
    assert [step["n"] for step in got["steps"]] == [10, 5, 1]
    assert [step["rate_from_start"] for step in got["steps"]] == [1.0, 0.5, 0.1]
    assert [step["rate_from_previous"] for step in got["steps"]] == [1.0, 0.5, 0.2]
    assert got["steps"][0]["interval_from_start"] is None
    assert got["steps"][1]["interval_from_start"] == pytest.approx([0.236593, 0.763407], abs=1e-6)


def test_a_rate_without_denominator_is_null_not_zero() -> None:
    steps = result(0, 0).to_dict()["steps"]
    assert [step["rate_from_start"] for step in steps] == [None, None]
    assert steps[1]["interval_from_previous"] is None


def test_the_frame_has_a_row_a_step() -> None:
    frame = result(10, 5, 1).frame
    assert frame["step"].tolist() == [1, 2, 3]
    assert frame["n"].tolist() == [10, 5, 1]
    assert {"interval_from_start_low", "interval_from_previous_high"} <= set(frame.columns)
