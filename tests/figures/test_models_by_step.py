"""Models side by side at each step: a point a model and step, with its interval and its denominator."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cartpath.figures import models_by_step_figure

ROWS = [
    {"model": model, "k": k, "value": value, "low": value - 0.1, "high": value + 0.05, "n": 10 * k, "positives": k}
    for model, k, value in (("a", 1, 0.5), ("a", 5, 0.75), ("<b>", 1, 0.625))
]


def test_a_point_a_model_and_step() -> None:
    figure = models_by_step_figure(pd.DataFrame(ROWS), "AUC", "test slice")
    first, second = figure.data
    assert [list(first.y), list(second.y)] == [[0.5, 0.75], [0.625]]
    assert [round(x) for x in first.x] == [0, 1]
    assert first.x[0] < second.x[0]
    assert list(first.error_y.array) == [pytest.approx(0.05)] * 2
    assert list(first.error_y.arrayminus) == [pytest.approx(0.1)] * 2
    assert list(figure.layout.xaxis.ticktext) == ["step 1<br>10 sessions", "step 5<br>50 sessions"]
    assert "5 of 50 positive" in first.customdata[1]
    assert "<b>" not in second.name
    assert "test slice" in str(json.loads(figure.to_json()))


def test_what_has_no_value_or_no_interval() -> None:
    assert "No model has a value" in str(
        models_by_step_figure(pd.DataFrame([{**ROWS[0], "value": None}]), "AUC").to_json()
    )
    alone = models_by_step_figure(pd.DataFrame([{**ROWS[0], "low": None, "high": None}]), "AUC")
    assert list(alone.data[0].error_y.array) == [0.0]
