"""Variants as rows of chips, each with a bar of how many take it and how many of those convert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import plotly.graph_objects as go

from cartpath.figures.style import ACCENT_SOFT, INK, LINE, MUTED, SERIES, WARM, layout, note_figure, percent, text
from cartpath.schema import OTHER

#: Where chips end and bars begin, as shares of the width.
_CHIPS, _BARS = 0.58, 0.6
#: Characters that fit on a row of chips, and those of one chip.
_WIDE, _LONGEST = 92, 28
#: A row is laid out for at least so many, so that the chips of short paths do not grow beyond their text.
_NARROW = 64
#: Elements of a path that a hover text names.
_HOVERED = 40
_ROW = 34


def variants_figure(rows: Sequence[dict[str, Any]], count: str = "sessions", note: str = "") -> go.Figure:
    """Draw variants.

    Parameters
    ----------
    rows : sequence of dict
        One a variant, most frequent first: ``path`` (a list of names), ``n``, ``share``, ``conversions``,
        ``conversion``, ``conversion_interval``, ``revenue``, ``median_seconds``; the last may be ``(other)``.
    count : str
        What ``n`` counts.
    note : str
        What was counted and what is not shown, in words.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not rows:
        return note_figure(f"There are no {count} to draw. {note}".strip())
    figure = go.Figure()
    widest = _chips(figure, rows)
    _bars(figure, rows, count)
    layout(figure, 76 + _ROW * len(rows), barmode="overlay", bargap=0.3)
    most = max(row["n"] for row in rows)
    figure.update_layout(
        xaxis={"domain": [0, _CHIPS], "range": [0, max(widest, _NARROW)], "visible": False},
        xaxis2={"domain": [_BARS, 1], "range": [0, most * 2.6], "visible": False, "anchor": "y"},
        yaxis={"range": [len(rows) - 0.4, -0.6], "visible": False},
        margin={"l": 10, "r": 10, "t": 26, "b": 40},
    )
    for x, words in ((0, "path"), (_BARS, f"{count}, and those of them that convert")):
        figure.add_annotation(
            x=x, y=1, xref="paper", yref="paper", text=words, showarrow=False, xanchor="left", yanchor="bottom",
            font={"color": MUTED, "size": 12},
        )  # fmt: skip
    figure.add_annotation(
        x=0, y=0, xref="paper", yref="paper", text=text(note, 220), showarrow=False, xanchor="left", yanchor="top",
        yshift=-6, font={"color": MUTED, "size": 12},
    )  # fmt: skip
    return figure


def _chips(figure: go.Figure, rows: Sequence[dict[str, Any]]) -> float:
    """Draw the paths; return the width of the widest row."""
    colours = _colours(rows)
    held: dict[str, list[dict[str, Any]]] = {}
    widest = 0.0
    for y, row in enumerate(rows):
        at = 0.0
        for name, label in _labels(row["path"]):
            width = len(label) * 0.86 + 2.2
            held.setdefault(name, []).append({"y": y, "base": at, "width": width, "label": text(label, 60)})
            at += width + 0.3
            widest = max(widest, at)
    for name, chips in held.items():
        figure.add_bar(
            y=[chip["y"] for chip in chips],
            base=[chip["base"] for chip in chips],
            x=[chip["width"] for chip in chips],
            text=[chip["label"] for chip in chips],
            orientation="h",
            width=0.68,
            marker={"color": colours.get(name, "rgba(0,0,0,0)"), "cornerradius": 4},
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": "white" if name in colours else MUTED, "size": 11},
            hovertext=[_path_words(rows[chip["y"]]["path"]) for chip in chips],
            hoverinfo="text",
        )
    return widest


def _labels(path: Sequence[str]) -> list[tuple[str, str]]:
    """Return the chips of a path, name and label: repeats as one, and at the end how many more there are."""
    runs = [(name, sum(1 for _ in run)) for name, run in groupby(path)]
    found: list[tuple[str, str]] = []
    used, left = 0.0, len(path)
    for at, (name, times) in enumerate(runs):
        label = _short(name) + (f" ×{times}" if times > 1 else "")
        used += len(label) * 0.86 + 2.5
        if used > _WIDE - (8 if at + 1 < len(runs) else 0):
            return [*found, ("", f"+{left:,}")]
        found.append((name, label))
        left -= times
    return found


def _short(name: str) -> str:
    """Shorten a name in the middle: pages differ at their ends."""
    if len(name) <= _LONGEST:
        return name
    half = (_LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _colours(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Give the most frequent names a colour each; what the others have in common is that they are rarer."""
    seen: Counter[str] = Counter()
    for row in rows:
        for name in set(row["path"]) - {OTHER, "…"}:
            seen[name] += row["n"]
    ranked = sorted(seen, key=lambda name: (-seen[name], name))
    palette = [colour for colour in SERIES if colour not in (WARM, MUTED)]
    colours = dict.fromkeys(ranked, MUTED)
    if "purchase" in colours:
        colours["purchase"] = WARM
    return colours | dict(zip([name for name in ranked if name != "purchase"], palette, strict=False))


def _bars(figure: go.Figure, rows: Sequence[dict[str, Any]], count: str) -> None:
    place = list(range(len(rows)))
    rest = [LINE if row["path"] == [OTHER] else ACCENT_SOFT for row in rows]
    for name, colour in (("n", rest), ("conversions", WARM)):
        figure.add_bar(
            y=place,
            x=[row[name] for row in rows],
            orientation="h",
            width=0.5,
            xaxis="x2",
            marker={"color": colour},
            hovertext=[_hover(row, count) for row in rows],
            hoverinfo="text",
        )
    for y, row in enumerate(rows):
        label = f"<b>{row['n']:,}</b> · {percent(row['share'])} · {percent(row['conversion'])} convert"
        figure.add_annotation(
            x=row["n"], y=y, xref="x2", text=label, showarrow=False, xanchor="left", xshift=6,
            font={"color": INK, "size": 12},
        )  # fmt: skip


def _hover(row: dict[str, Any], count: str) -> str:
    low, high = row["conversion_interval"] or (None, None)
    lines = [
        _path_words(row["path"]),
        f"<b>{row['n']:,}</b> {count}, {percent(row['share'])} of all",
        f"{row['conversions']:,} convert: {percent(row['conversion'])}, 95% interval {percent(low)} to {percent(high)}",
        f"revenue {row['revenue']:,.2f}",
    ]
    if row["median_seconds"] is not None:
        lines.append(f"half take at most {_time(row['median_seconds'])}")
    return "<br>".join(lines)


def _path_words(path: Sequence[str]) -> str:
    shown = " → ".join(text(name) for name in path[:_HOVERED])
    if len(path) > _HOVERED:
        shown += f" … and {len(path) - _HOVERED:,} more"
    words, line = [""], 0
    for word in shown.split(" "):  # Plotly does not wrap
        if line + len(word) > 90:
            words.append("")
            line = 0
        words[-1] += f"{word} "
        line += len(word) + 1
    return "<br>".join(part.strip() for part in words)


def _time(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
