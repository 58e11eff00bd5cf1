from __future__ import annotations

import json
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

from cartpath.figures import calibration_figure, daily_figure, funnel_figure, metric_figure, note_figure
from cartpath.figures.style import percent, text
from cartpath.paths import FunnelResult
from cartpath.paths.calendar import calendar
from cartpath.paths.counting import Counting
from cartpath.paths.daily import DailyResult

HOSTILE = "</script><script>alert(1)</script>"


def words(figure: go.Figure) -> str:
    return str(json.loads(figure.to_json()))


def funnel(*counts: int, first: str = "view") -> FunnelResult:
    names = (first, "cart", "buy")[: len(counts)]
    return FunnelResult(names, counts, 20, Counting(), None)


def test_a_funnel_shows_counts_rates_and_intervals() -> None:
    shown = funnel_figure(funnel(10, 5, 1).frame)
    assert list(shown.data[0].x) == [10, 5, 1]
    assert "50.0% of start (23.7%–76.3%)" in words(shown)
    assert "20.0% of previous" in words(shown)


def test_a_funnel_without_anybody_says_so() -> None:
    assert "No users reached view" in words(funnel_figure(funnel(0, 0).frame))


def test_names_from_the_data_are_no_markup() -> None:
    assert "<script>" not in words(funnel_figure(funnel(3, 1, first=HOSTILE).frame))
    assert "&lt;script&gt;" in words(funnel_figure(funnel(3, 1, first=HOSTILE).frame))
    assert text("a" * 100, 10) == "a" * 9 + "…"
    assert text("a\x00\u202eb") == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"


def test_days_are_four_small_charts() -> None:
    import numpy as np

    result = DailyResult(
        calendar("day", "UTC", 19000 * 86400 * 10**6, 19002 * 86400 * 10**6), np.arange(12).reshape(3, 4)
    )
    figure = daily_figure(result.frame)
    assert [trace.name for trace in figure.data] == ["Events", "Active users", "Sessions begun", "Purchases"]
    assert list(figure.data[1].y) == [1, 5, 9]
    assert "nothing to draw" in words(
        daily_figure(DailyResult(calendar("day", "UTC", 0, 0), np.zeros((0, 4), np.int64)).frame)
    )


def metric_rows(**more: Any) -> pd.DataFrame:
    return pd.DataFrame([{"model": "ours", "value": 0.8, "low": 0.75, "high": 0.9, **more}])


def test_a_metric_shows_its_interval_and_does_without_one() -> None:
    error = metric_figure(metric_rows(), "auc").data[0].error_x
    assert error.array[0] == pytest.approx(0.1)
    assert error.arrayminus[0] == pytest.approx(0.05)
    assert metric_figure(metric_rows(low=None, high=None), "auc").data[0].error_x.array[0] == 0
    assert "No model has a value" in words(metric_figure(metric_rows().head(0), "auc"))


def test_calibration_is_a_line_a_model() -> None:
    rows = [
        {"model": m, "predicted": p, "observed": p, "low": p / 2, "high": p * 2, "n": 50}
        for m in ("ours", "theirs")
        for p in (0.1, 0.2)
    ]
    figure = calibration_figure(pd.DataFrame(rows))
    assert [trace.name for trace in figure.data[1:]] == ["ours", "theirs"]
    assert "No calibration" in words(calibration_figure(pd.DataFrame(rows).head(0)))
    noted = calibration_figure(pd.DataFrame(rows), note="ECE 0.010 (0 to 0.02)")
    assert "ECE 0.010 (0 to 0.02)" in words(noted)
    assert noted.layout.height > figure.layout.height


def test_percent_keeps_small_rates_readable() -> None:
    assert [percent(rate) for rate in (0.0, 1e-6, 0.0123, 1.0, float("nan"))] == [
        "0.0%",
        "<0.01%",
        "1.2%",
        "100.0%",
        "–",
    ]


def test_a_note_is_text() -> None:
    assert "&lt;i&gt;" in words(note_figure("<i>"))
