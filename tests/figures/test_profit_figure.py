from __future__ import annotations

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from cartpath.evaluation import ProfitCurve, profit_curve
from cartpath.figures import profit_figure, titled

HOSTILE = "</script><script>alert(1)</script>"
P = np.array([0.9, 0.6, 0.3, 0.1])


def words(figure: go.Figure) -> str:
    return str(json.loads(figure.to_json()))


def curve(labels: tuple[int, ...] = (1, 1, 0, 0), cost: float = 1) -> ProfitCurve:
    return profit_curve(np.array(labels), P, benefit=4, cost=cost, draws=20)


def drawn(**models: ProfitCurve) -> go.Figure:
    rows, marks = (
        pd.DataFrame([{"model": name, **row} for name, found in models.items() for row in getattr(found, part)()])
        for part in ("rows", "marks")
    )
    return profit_figure(rows, marks, unit="EUR")


def test_the_curve_its_decisions_and_chance() -> None:
    found = curve()
    figure = profit_figure(pd.DataFrame(found.rows()), pd.DataFrame(found.marks()), unit="EUR", note="Of 4 shoppers.")
    chance, line, *marks = figure.data
    assert (list(chance.x), list(chance.y)) == ([0, 1], [0, 1])
    assert list(line.x) == [0, 1 / 4, 2 / 4, 3 / 4, 1]
    assert list(line.y) == [0, 3 / 4, 6 / 4, 5 / 4, 1]
    assert [(mark.name, mark.x[0], mark.y[0]) for mark in marks] == [
        ("chosen", 2 / 4, 6 / 4),
        ("cost / benefit", 3 / 4, 5 / 4),
        ("everybody", 1, 1),
    ]
    chosen = found.chosen.per_row
    assert marks[0].error_y.array[0] == pytest.approx(chosen.high - chosen.value)
    assert marks[0].error_y.arrayminus[0] == pytest.approx(chosen.value - chosen.low)
    assert "2 treated (50.0%), from 60.0% on; 2 of them positive<br>1.5 per session" in line.customdata[2]
    assert "0 treated (0.0%), from – on" in line.customdata[0]
    assert "profit per session, EUR" in words(figure)
    assert "profit per user" in words(
        profit_figure(pd.DataFrame(found.rows()), pd.DataFrame(found.marks()), row="user")
    )
    assert "Of 4 shoppers." in words(figure)


def test_a_line_a_model_and_a_legend_that_says_each_once() -> None:
    figure = drawn(ours=curve(), theirs=curve((0, 1, 1, 0)))
    shown = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert shown == ["at random", "ours", "chosen", "cost / benefit", "everybody", "theirs"]
    assert figure.data[1].line.color != figure.data[5].line.color


def test_where_nobody_is_worth_a_coupon() -> None:
    figure = drawn(ours=curve(cost=9))
    assert (figure.data[2].x[0], figure.data[2].y[0]) == (0, 0)
    assert "from – on" in figure.data[2].hovertemplate


def test_nobody_scored_says_so() -> None:
    assert "Nobody was scored" in words(profit_figure(pd.DataFrame(), pd.DataFrame()))


def test_names_are_no_markup() -> None:
    shown = words(drawn(**{HOSTILE: curve()}))
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_it_takes_a_title() -> None:
    figure = drawn(ours=curve())
    height = figure.layout.height
    assert titled(figure, "To whom is a coupon worth giving?").layout.height > height
