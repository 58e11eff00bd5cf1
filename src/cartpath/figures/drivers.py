"""What goes with a conversion, as a forest plot: a row a driver, its odds ratio and interval on a logarithmic axis."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go

from cartpath.figures.style import ACCENT, INK, LINE, MUTED, WARM, layout, note_figure, percent, text

#: Height of a row in pixels.
_ROW = 27
#: Odds ratios beyond are drawn at the edge.
_EDGE = 500.0
#: Characters of a value.
_LONGEST = 30
#: Pixels of the two columns of numbers, whatever the width of the figure.
_NUMBERS = 250
_MARK = "\N{DAGGER}"


def drivers_figure(frame: Any, goal: str, words: str = "", top: int = 12, why_empty: str = "") -> go.Figure:
    """Draw the strongest drivers in either direction.

    Parameters
    ----------
    frame : pandas.DataFrame
        As ``DriversResult.frame`` has it, best first.
    goal : str
    words : str
        Below the figure.
    top : int
        Drivers in either direction at most.
    why_empty : str
        What is said where there is nothing to draw.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    rows = _chosen(frame.to_dict("records"), top)
    if not rows:
        return note_figure(why_empty or f"Nothing was tested for {goal}: there is nothing to draw.")
    figure = go.Figure()
    for at, row in enumerate(rows):
        _bar(figure, at, row)
    _columns(figure, rows)
    note = _note(frame, rows, words)
    layout(figure, 124 + _ROW * len(rows) + 17 * len(note))
    _axes(figure, rows, goal)
    figure.add_annotation(
        text="<br>".join(note),
        xref="paper",
        yref="paper",
        x=1,
        y=0,
        # From the right edge: how much room the names take on the left is the browser's to say.
        xshift=_NUMBERS,
        yshift=-52,
        xanchor="right",
        yanchor="top",
        align="left",
        showarrow=False,
        font={"color": MUTED, "size": 12},
    )
    figure.update_layout(margin={"l": 10, "r": _NUMBERS + 10, "t": 34, "b": 60 + 17 * len(note)})
    return figure


def _axes(figure: go.Figure, rows: list[dict[str, Any]], goal: str) -> None:
    """Write what the axes are of: odds ratios on a logarithmic scale, and a driver a row."""
    low, high = _range(rows)
    ticks = [t for t in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if low <= t <= high]
    if len(ticks) > 9:
        ticks = [t for t in ticks if str(t).strip("0.") == "1"]
    figure.update_xaxes(
        type="log",
        range=[math.log10(low), math.log10(high)],
        tickvals=ticks,
        ticktext=[f"{t:g}" for t in ticks],
        title={"text": f"odds of {text(goal)}, with it against without it", "standoff": 6},
    )
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[_name(row) for row in rows],
        range=[len(rows) - 0.4, -1.2],
        showgrid=False,
        zeroline=False,
        tickfont={"color": INK},
        automargin=True,
    )


def _chosen(rows: list[dict[str, Any]], top: int) -> list[dict[str, Any]]:
    """Take the best in either direction, what raises the odds first; what is the same by another name is left out."""
    own = [row for row in rows if row["same_counts_as"] is None]
    sure = [row for row in own if row["significant"]] or own
    up = sorted((r for r in sure if _effect(r) >= 1), key=_strength, reverse=True)[:top]
    down = sorted((r for r in sure if _effect(r) < 1), key=_strength, reverse=True)[:top]
    return up + down[::-1]


def _is_adjusted(row: dict[str, Any]) -> bool:
    return row["adjusted_odds_ratio"] == row["adjusted_odds_ratio"] and row["adjusted_odds_ratio"] is not None


def _effect(row: dict[str, Any]) -> float:
    return float(row["adjusted_odds_ratio"] if _is_adjusted(row) else row["odds_ratio"])


def _ends(row: dict[str, Any]) -> tuple[float, float]:
    name = "adjusted_interval" if _is_adjusted(row) else "interval"
    return float(row[f"{name}_low"]), float(row[f"{name}_high"])


def _strength(row: dict[str, Any]) -> float:
    low, high = _ends(row)
    return max(math.log(low), -math.log(high))


def _clip(value: float) -> float:
    return min(max(value, 1 / _EDGE), _EDGE)


def _differs(row: dict[str, Any]) -> bool:
    return abs(math.log(_effect(row) / row["odds_ratio"])) > 0.02


def _bar(figure: go.Figure, at: int, row: dict[str, Any]) -> None:
    effect, (low, high) = _effect(row), _ends(row)
    color = MUTED if not row["significant"] else ACCENT if effect >= 1 else WARM
    ends = [_clip(low), _clip(high)]
    figure.add_scatter(x=ends, y=[at, at], mode="lines", line={"color": color, "width": 2}, hoverinfo="skip")
    points = [(_clip(effect), color)]
    if _differs(row):
        points.insert(0, (_clip(row["odds_ratio"]), "white"))
    figure.add_scatter(
        x=[x for x, _ in points],
        y=[at] * len(points),
        mode="markers",
        marker={"color": [c for _, c in points], "size": 9, "line": {"color": color, "width": 1.5}},
        hovertext=_hover(row),
        hoverinfo="text",
    )


def _columns(figure: go.Figure, rows: list[dict[str, Any]]) -> None:
    """Write what each row says in numbers on its right."""
    written = [("<b>odds ratio</b> (95%)", "<b>with</b> · <b>without</b>")]
    written += [
        (
            f"<b>{_number(_effect(row))}</b> ({_number(_ends(row)[0])}–{_number(_ends(row)[1])})",
            f"{percent(row['rate_with'])} · {percent(row['rate_without'])}",
        )
        for row in rows
    ]
    for at, cells in enumerate(written, start=-1):
        for side, shift, cell in zip(("left", "right"), (10, _NUMBERS), cells, strict=True):
            figure.add_annotation(
                xref="paper",
                x=1,
                xshift=shift,
                y=at,
                text=cell,
                showarrow=False,
                xanchor=side,
                font={"size": 12, "color": MUTED if at < 0 else INK},
            )
    figure.add_shape(type="line", x0=1, x1=1, y0=-0.5, y1=len(rows) - 0.5, line={"color": MUTED, "width": 1.5})
    figure.add_shape(
        type="line", xref="paper", x0=0, x1=1, y0=-0.55, y1=-0.55, line={"color": LINE, "width": 1}, layer="below"
    )


def _range(rows: list[dict[str, Any]]) -> tuple[float, float]:
    values = [_clip(end) for row in rows for end in (*_ends(row), row["odds_ratio"], 1.0)]
    return min(min(values), 0.8) / 1.2, max(*values, 1.25) * 1.2


def _name(row: dict[str, Any]) -> str:
    mark = f" {_MARK}" if row["skewed"] else ""
    value = str(row["value"])
    if len(value) > _LONGEST:
        value = f"…{value[-_LONGEST:]}"  # of an address or a category the end says most
    if row["kind"] != "event":
        value = f"{row['name']} = {value}"
    return f"{text(value, 60)}{mark} "


def _number(value: float) -> str:
    """Write an odds ratio with about two digits that say something.

    Examples
    --------
    >>> [_number(x) for x in (0.0031, 0.27, 3.756, 45.2, 12345.6, 7e6)]
    ['0.0031', '0.27', '3.8', '45', '12k', '7e+06']
    """
    if value >= 1000:
        return f"{value / 1000:.0f}k" if value < 1e6 else f"{value:.0e}"
    if value >= 10:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _hover(row: dict[str, Any]) -> str:
    name = row["value"] if row["kind"] == "event" else f"{row['name']} = {row['value']}"
    lines = [
        f"<b>{text(name, 80)}</b>",
        f"with: {row['with_converted']:,} of {row['with']:,} converted ({percent(row['rate_with'])})",
        f"without: {row['without_converted']:,} of {row['without']:,} ({percent(row['rate_without'])})",
        f"odds ratio {_number(row['odds_ratio'])}"
        f" ({_number(row['interval_low'])} to {_number(row['interval_high'])}), q = {row['q']:.2g}",
    ]
    if _is_adjusted(row) and _differs(row):
        low, high = _ends(row)
        lines.append(
            f"among those with as many steps {_number(_effect(row))} ({_number(low)} to {_number(high)}),"
            f" q = {row['adjusted_q']:.2g}"
        )
    if row["skewed"]:
        lines.append(f"{_MARK} {row['skewed_why']}")
    return "<br>".join(lines)


def _note(frame: Any, rows: list[dict[str, Any]], words: str) -> list[str]:
    sure = int(frame["significant"].sum())
    parts = [
        f"Shown: {len(rows)} of {len(frame):,} that were tested; {sure:,} of them are significant (q up to 0.05), twins"
        " with the same counts among them."
    ]
    if not sure:
        parts = [f"None of the {len(frame):,} that were tested is significant (q up to 0.05); shown are the nearest."]
    if any(_differs(row) for row in rows):
        parts.append("Filled: among those with as many steps; hollow: without regard to that.")
    if any(not 1 / _EDGE <= value <= _EDGE for row in rows for value in (*_ends(row), row["odds_ratio"])):
        parts.append(f"What is beyond 1/{_EDGE:.0f} or {_EDGE:.0f} is drawn at the edge.")
    if any(row["skewed"] for row in rows):
        parts.append(
            f"{_MARK} skewed: compares with (nearly) everyone or nobody, or rests on a handful of conversions."
        )
    return [line for part in [*parts, words] for line in _wrapped(part)]


def _wrapped(words: str, width: int = 110) -> list[str]:
    import textwrap

    return [text(line, width + 10) for line in textwrap.wrap(words, width)]
