"""Arithmetic of the counts that the manifest keeps a bucket, so that an append does not read the whole bucket."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any


def add_stats(base: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the counts of a bucket in which the users counted ``before`` are counted ``after`` instead.

    Examples
    --------
    >>> base = {"events": 9, "users": 3, "sessions": 4, "first": 0, "last": 8, "by_event": [9]}
    >>> after = {"events": 3, "users": 2, "sessions": 2, "first": 1, "last": 10, "by_event": [2, 1]}
    >>> before = {"events": 2, "users": 1, "sessions": 2, "first": 1, "last": 2, "by_event": [2]}
    >>> add_stats(base, before, after)["by_event"], add_stats(base, before, after)["users"]
    ([9, 1], 4)
    """
    counted = {name: base[name] - before.get(name, 0) + after[name] for name in ("events", "users", "sessions")}
    by_event = [
        total - gone + come
        for total, gone, come in zip_longest(
            base["by_event"], before.get("by_event", []), after["by_event"], fillvalue=0
        )
    ]
    return {
        **counted,
        "first": min(base["first"], after["first"]),
        "last": max(base["last"], after["last"]),
        "by_event": by_event,
    }
