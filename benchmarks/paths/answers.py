"""Answers held against each other: the numbers first, then the times."""

from __future__ import annotations

from typing import Any

#: Medians of whole microseconds, that passed through seconds.
CLOSE = 2.0
#: Whose answer may differ, which the tables then say: on the export copied ten times Retentioneering counts one path
#: once less than all others do (3,339 times for 3,340); why was not looked into.
LOOSE = {("retentioneering", "variants"), ("retentioneering:raw", "variants")}
#: So many variants are asked for.
TOP = 20
#: Where Cartpath puts those who are at no event any more.
LEFT = "(left)"


def agree(question: str, ours: Any, theirs: Any) -> str | None:
    """Return what differs, None where nothing does; what a contender cannot say (None) is not compared."""
    if question in ("funnel", "reach"):
        return None if list(ours) == list(theirs) else f"{ours} and {theirs}"
    if question == "variants":
        return _variants(ours, theirs)
    if question == "steps":
        return _same(*(_with_leave(found) for found in (ours, theirs)))
    return _flow(ours, theirs)


def _with_leave(rows: list[list[Any]]) -> dict[tuple[int, str], int]:
    """Who is at no event has left: told by Cartpath, worked out for the others."""
    found = {(place, event): n for place, event, n in rows}
    at = {
        place: sum(n for (where, event), n in found.items() if where == place and event != LEFT) for place, _ in found
    }
    gone = {(place, LEFT): at[1] - n for place, n in at.items() if at[1] > n}
    return {**gone, **found}


def _same(ours: dict[Any, Any], theirs: dict[Any, Any]) -> str | None:
    wrong = sorted(
        str((k, ours.get(k), theirs.get(k))) for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)
    )
    return f"{len(wrong)} differ, such as {wrong[0]}" if wrong else None


def _variants(ours: list[list[Any]], theirs: list[list[Any]]) -> str | None:
    """The last places may be shared by more paths than fit: those are compared by their counts alone."""
    ours, theirs = (_with_conversions(found) for found in (ours, theirs))
    counts = [sorted((n for _, n, _ in found), reverse=True) for found in (ours, theirs)]
    if counts[0] != counts[1]:
        return f"counts {counts[0]} and {counts[1]}"
    last = counts[0][-1] if len(counts[0]) == TOP else 0
    return _same(*({tuple(path): (n, bought) for path, n, bought in found if n > last} for found in (ours, theirs)))


def _with_conversions(rows: list[list[Any]]) -> list[list[Any]]:
    """All sessions of a path with a purchase convert, and none of another: Cartpath says it, for others it is added."""
    return [[*row, row[1] if "purchase" in row[0] else 0] if len(row) == 2 else row for row in rows]


def _flow(ours: list[list[Any]], theirs: list[list[Any]]) -> str | None:
    mine, other = ({(row[0], row[1]): row[2:] for row in found} for found in (ours, theirs))
    if mine.keys() != other.keys():
        return f"edges {sorted(map(str, mine.keys() ^ other.keys()))[:3]}"
    for edge, numbers in mine.items():
        for a, b in zip(numbers, other[edge], strict=True):
            if (
                a is not None
                and b is not None
                and abs(a - b) > (CLOSE if isinstance(a, float) or isinstance(b, float) else 0)
            ):
                return f"{edge}: {numbers} and {other[edge]}"
    return None
