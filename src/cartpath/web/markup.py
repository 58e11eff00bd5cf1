"""Small pieces of HTML; everything that comes from data is escaped here and nowhere else."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from cartpath.figures.style import percent

#: In a script element these could end it, or start a comment; as escapes they mean the same in JSON.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_LONGEST = 160


def text(value: object) -> str:
    """Return data as text of a page: escaped, unprintable characters replaced, at most 160 characters.

    Examples
    --------
    >>> text("<script>")
    '&lt;script&gt;'
    """
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return html.escape(plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…")


def json_script(value: str, name: str) -> str:
    """Return JSON as a script element that is never run and that its content cannot end."""
    for bad, safe in _UNSAFE.items():
        value = value.replace(bad, safe)
    return f'<script type="application/json" id="{html.escape(name)}">{value}</script>'


def figure(plot: Any, name: str, label: str) -> str:
    """Return a Plotly figure as a place for it and its data.

    Parameters
    ----------
    plot : plotly.graph_objects.Figure
    name : str
        Unique on the page.
    label : str
        What it shows, for those who cannot see it.
    """
    data = plot.to_plotly_json()
    height = int(data["layout"].get("height") or 400)
    place = f'<div class="figure" id="{name}" style="height:{height}px" role="img" aria-label="{text(label)}"></div>'
    return place + json_script(plot.to_json(), f"{name}-data")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], numeric: Sequence[int] = (), kind: str = "") -> str:
    """Return a table; columns in ``numeric`` stand to the right, ``kind`` is a class of its own. Cells are escaped."""

    def cell(tag: str, i: int, value: object) -> str:
        side = ' class="n"' if i in numeric else ""
        return f"<{tag}{side}>{text(value)}</{tag}>"

    head = "".join(cell("th", i, name) for i, name in enumerate(headers))
    body = "".join("<tr>" + "".join(cell("td", i, v) for i, v in enumerate(row)) + "</tr>" for row in rows)
    return f'<div class="scroll {kind}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def tile(label: str, value: str, note: str = "") -> str:
    """Return one number with its name and, below it, its denominator."""
    below = f'<div class="note">{text(note)}</div>' if note else ""
    return (
        f'<div class="tile"><div class="label">{text(label)}</div><div class="value">{text(value)}</div>{below}</div>'
    )


def section(name: str, title: str, *parts: str) -> str:
    """Return a section with a heading that can be linked to."""
    return f'<section id="{name}"><h2>{text(title)}</h2>{"".join(parts)}</section>'


def paragraph(words: str, kind: str = "") -> str:
    """Return a paragraph."""
    return f'<p class="{kind}">{text_long(words)}</p>' if kind else f"<p>{text_long(words)}</p>"


def text_long(words: object) -> str:
    """Return data as escaped text of any length."""
    return html.escape("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(words)))


def listing(items: Iterable[str]) -> str:
    """Return a list of sentences."""
    return "<ul>" + "".join(f"<li>{text_long(item)}</li>" for item in items) + "</ul>"


def number(value: object) -> str:
    """Return a number as people read it.

    Examples
    --------
    >>> number(1234567), number(0.123456), number(None), number(12.5)
    ('1,234,567', '0.1235', '–', '12.50')
    """
    if value is None or isinstance(value, bool):
        return "–" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value != value:
            return "–"
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"
    return str(value)


def interval(ends: Sequence[float] | None) -> str:
    """Return an interval of a rate.

    Examples
    --------
    >>> interval((0.1234, 0.2)), interval(None)
    ('12.3%–20.0%', '–')
    """
    return "–" if ends is None else f"{percent(ends[0])}–{percent(ends[1])}"
