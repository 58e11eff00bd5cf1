"""A funnel's rule and its times in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ORDERS = {"loose": "in this order", "strict": "in this order, nothing in between", "any": "in any order"}


def duration(seconds: float) -> str:
    """Return a duration as people say it, in its two largest units.

    Examples
    --------
    >>> [duration(s) for s in (0.4, 59, 75, 3600, 5400, 86400 * 7, 90061)]
    ['0.4s', '59s', '1m 15s', '1h', '1h 30m', '7d', '1d 1h']
    """
    if seconds < 10:
        return f"{seconds:.2g}s"
    left, words = round(seconds), []
    for size, name in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if left >= size:
            words.append(f"{left // size}{name}")
            left %= size
        elif words:
            break
        if len(words) == 2:
            break
    return " ".join(words)


def rule_words(rule: Mapping[str, Any], within_seconds: int | None) -> str:
    """Return how steps must follow each other.

    Examples
    --------
    >>> rule_words({"order": "strict", "hold": "item_id", "exclude": ["remove_from_cart"]}, 604800)
    'in this order, nothing in between, within 7d, the same item_id, without remove_from_cart in between'
    """
    parts = [_ORDERS[rule["order"]]]
    if within_seconds is not None:
        parts.append(f"within {duration(within_seconds)}")
    if rule.get("within_session"):
        parts.append("within a session")
    if rule.get("hold"):
        parts.append(f"the same {rule['hold']}")
    if rule.get("exclude"):
        parts.append(f"without {' or '.join(rule['exclude'])} in between")
    return ", ".join(parts)


def time_words(times: Mapping[str, Any], unit: str) -> str:
    """Return how long conversion took.

    Examples
    --------
    >>> time_words({"n": 3, "median_seconds": 75.0, "p90_seconds": 5400.0}, "users")
    'of 3 users that made the last step, half took up to 1m 15s and nine in ten up to 1h 30m'
    """
    if not times["n"]:
        return f"no {unit} made the last step"
    median, p90 = duration(times["median_seconds"]), duration(times["p90_seconds"])
    return f"of {times['n']:,} {unit} that made the last step, half took up to {median} and nine in ten up to {p90}"
