from __future__ import annotations

import json

import plotly.graph_objects as go
import pytest

from cartpath.figures import (
    funnel_figure,
    funnel_groups_figure,
    funnel_instead_figure,
    funnel_times_figure,
    funnel_trend_figure,
)
from cartpath.paths.funnel import FunnelResult
from cartpath.paths.funnel.plan import FIRST
from tests.paths.funnels import asked, plan_of, result
from tests.paths.twin import Row

HOSTILE = "</script><script>alert(1)</script>"


def words(figure: go.Figure) -> str:
    return str(json.loads(figure.to_json()))


@pytest.fixture(scope="module")
def counted() -> FunnelResult:
    rows = [
        Row(user, user * 86400 + t, event, quantity=user % 2)
        for user in range(12)
        for t, event in enumerate(("view", "cart", "buy")[: 1 + user % 3])
    ]
    return result(rows, plan_of(asked("view", "cart", "buy", window=3 * 86400), by=FIRST, trend="day"))


def test_groups_are_points_with_intervals_one_trace_a_step(counted: FunnelResult) -> None:
    figure = funnel_groups_figure(counted.group_frame, "users", "the rule")
    assert [trace.name for trace in figure.data] == ["2. cart", "3. buy"]
    assert list(figure.data[1].x) == [group["conversion"] for group in counted.parts.groups]
    low, high = counted.parts.groups[0]["interval"]
    assert figure.data[1].error_x.array[0] == pytest.approx(high - figure.data[1].x[0])
    assert figure.data[1].error_x.arrayminus[0] == pytest.approx(figure.data[1].x[0] - low)
    assert list(figure.layout.yaxis.ticktext) == ["0 · 6", "1 · 6"]
    assert "the rule" in words(figure)


def test_a_trend_has_conversion_and_how_many_began(counted: FunnelResult) -> None:
    figure = funnel_trend_figure(counted.trend_frame, incomplete=["1970-01-12"])
    line, bars = figure.data
    assert list(line.y) == [row["conversion"] for row in counted.parts.periods]
    assert list(bars.y) == [row["n"][0] for row in counted.parts.periods]
    assert line.marker.color[-1] == "white"
    assert line.marker.color[0] != "white"


def test_times_and_what_was_done_instead(counted: FunnelResult) -> None:
    times = funnel_times_figure(counted.times_frame, counted.time_words)
    assert sum(times.data[0].y) == pytest.approx(1)
    assert "of 4 users that made the last step, half took up to 2s" in words(times)
    instead = funnel_instead_figure(counted.instead_frame)
    assert {trace.name for trace in instead.data} == {"(end)"}
    assert list(instead.layout.yaxis.ticktext) == ["after 1. view<br>4 stopped", "after 2. cart<br>4 stopped"]


def test_nothing_is_a_sentence_and_not_a_blank_chart() -> None:
    empty = result([], plan_of(asked("view", "buy"), by=FIRST, trend="day"))
    for figure, sentence in (
        (funnel_figure(empty.step_frame), "No users reached view"),
        (funnel_groups_figure(empty.group_frame), "there are no groups"),
        (funnel_trend_figure(empty.trend_frame), "there is no trend"),
        (funnel_times_figure(empty.times_frame), "Nobody made the last step"),
        (funnel_instead_figure(empty.instead_frame), "Nobody stopped"),
    ):
        assert sentence in words(figure)


def test_a_funnel_of_one_step_has_groups_too() -> None:
    one = result([Row(0, 0, "view")], plan_of(asked("view"), by=FIRST, trend="week"))
    assert list(funnel_groups_figure(one.group_frame).data[0].x) == [1.0]
    assert list(funnel_trend_figure(one.trend_frame).data[0].y) == [1.0]


def test_names_from_the_data_are_no_markup(counted: FunnelResult) -> None:
    frame = counted.group_frame.assign(value=HOSTILE, event=HOSTILE)
    instead = counted.instead_frame.assign(next=HOSTILE, event=HOSTILE)
    for figure in (funnel_groups_figure(frame, "users", HOSTILE), funnel_instead_figure(instead, HOSTILE)):
        assert "<script>" not in words(figure)
