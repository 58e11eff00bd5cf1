"""Answers held against each other: the numbers first, then the times."""

from __future__ import annotations

from typing import Any

#: Medians of whole microseconds, that passed through seconds.
CLOSE = 2.0


def agree(question: str, ours: Any, theirs: Any) -> str | None:
    """Return what differs, None where nothing does; what a contender cannot say (None) is not compared."""
    if question in ("funnel", "reach"):
        return None if list(ours) == list(theirs) else f"{ours} and {theirs}"
    if question == "variants":
        return _variants(ours, theirs)
    if question == "steps":
        return _same(_counts(ours), _counts(theirs))
    return _flow(ours, theirs)


def _counts(rows: list[list[Any]]) -> dict[tuple[Any, ...], int]:
    return {tuple(row[:-1]): row[-1] for row in rows}


def _same(ours: dict[Any, Any], theirs: dict[Any, Any]) -> str | None:
    wrong = sorted(
        str((k, ours.get(k), theirs.get(k))) for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)
    )
    return f"{len(wrong)} differ, such as {wrong[0]}" if wrong else None


def _variants(ours: list[list[Any]], theirs: list[list[Any]]) -> str | None:
    """The last places may be shared by more paths than fit: those are compared by their counts alone."""
    counts = [sorted((n for _, n in found), reverse=True) for found in (ours, theirs)]
    if counts[0] != counts[1]:
        return f"counts {counts[0]} and {counts[1]}"
    last = counts[0][-1] if counts[0] else 0
    return _same(*({tuple(path): n for path, n in found if n > last} for found in (ours, theirs)))


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
