from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go

from cartpath.figures import variants_figure
from cartpath.figures.variants import _labels, _time
from cartpath.paths import Variant

HOSTILE = "</script><script>alert(1)</script>"


def row(*path: str, n: int = 4, conversions: int = 1, median: float | None = 90.0) -> dict[str, Any]:
    return Variant(path, n, conversions, 2, 12.5, median).to_dict(10)


def words(figure: go.Figure) -> str:
    return str(json.loads(figure.to_json()))


def test_paths_are_chips_and_numbers_are_shown() -> None:
    figure = variants_figure([row("view", "view", "purchase"), row("(other)", n=6)], "sessions", "2 of 9 variants")
    shown = words(figure)
    for part in ("view ×2", "(other)", "2 of 9 variants", "40.0% · 25.0% convert", "95% interval", "revenue 12.50"):
        assert part in shown, part
    assert [list(trace.x) for trace in figure.data[-2:]] == [[4, 6], [1, 1]]


def test_nothing_to_draw_is_said() -> None:
    assert "There are no sessions to draw. all events" in words(variants_figure([], "sessions", "all events"))


def test_names_from_the_data_are_no_markup() -> None:
    shown = words(variants_figure([row(HOSTILE, "b" * 300)], note=HOSTILE))
    assert "<script>" not in shown
    assert "bbb…bbb" in shown


def test_a_long_path_ends_in_how_many_more_there_are() -> None:
    path = [f"event_{i % 3}" for i in range(100_000)]
    labels = _labels(path)
    assert len(labels) < 15
    assert labels[-1] == ("", f"+{100_000 - len(labels) + 1:,}")
    assert len(words(variants_figure([row(*path)]))) < 20_000
    assert _labels(["view"] * 100_000) == [("view", "view ×100000")]


def test_times_in_words() -> None:
    assert [_time(s) for s in (0, 119, 180, 9000, 200_000)] == [
        "0 seconds", "119 seconds", "3.0 minutes", "2.5 hours", "2.3 days",
    ]  # fmt: skip
    assert "half take" not in words(variants_figure([row("view", median=None)]))
