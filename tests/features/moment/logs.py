"""Small logs with all that a moment's features read: carts, orders, prices, queries, contexts, ties, overlaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from cartpath.features import Log
from tests.features.logs import make_log, times

KINDS = (
    *("page_view", "click", "view", "view", "search", "promotion_click", "add_to_cart", "add_to_cart"),
    *("remove_from_cart", "checkout", "purchase", "refund", "oddity"),
)
_ON_ITEMS = ("click", "view", "add_to_cart", "remove_from_cart", "checkout", "purchase")
_GAPS = (0.0, 0.2, 1.0, 7.0, 45.0, 1500.0, 9000.0)


def rich_table(seed: int, users: int = 8, events: int = 24) -> pa.Table:
    """Events with overlapping sessions, ties in time, hits and orders of several events, missing values."""
    rng = np.random.default_rng(seed)
    rows = [row for user in range(users) for row in _path(rng, user, int(rng.integers(1, events)))]
    kinds = {"ts": None, "price": pa.float64(), "order_value": pa.float64(), "quantity": pa.int32()}
    kinds |= {"visit_number": pa.int32(), "is_direct": pa.bool_()}
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return pa.table({n: times(v) if n == "ts" else pa.array(v, kinds.get(n, pa.string())) for n, v in columns.items()})


def rich_log(seed: int, users: int = 8, events: int = 24) -> Log:
    """Lay such events out, beside the catalogue of nine items."""
    return make_log(rich_table(seed, users, events))


def _path(rng: np.random.Generator, user: int, n: int) -> list[dict[str, Any]]:
    minute, rows = float(rng.integers(0, 20_000)), []
    for number in range(n):
        minute += float(rng.choice(_GAPS, p=[0.25, 0.2, 0.25, 0.1, 0.08, 0.08, 0.04]))
        rows.append(_event(rng, user, minute, number))
    return rows


def _event(rng: np.random.Generator, user: int, minute: float, number: int) -> dict[str, Any]:
    kind = str(rng.choice(KINDS))
    item = f"i{rng.integers(0, 9)}" if kind in _ON_ITEMS and rng.random() < 0.9 else None
    bought = kind == "purchase"

    def maybe(value: Any, share: float = 0.6) -> Any:
        return value if rng.random() < share else None

    return {
        "user_id": f"u{user}",
        "ts": minute,
        "event": kind,
        "item_id": item,
        # Two devices: sessions of a user may overlap.
        "session_id": f"{user}-{int(minute // 120)}-{rng.integers(0, 2)}",
        "price": maybe(float(rng.integers(1, 50)) / 4) if item else None,
        "quantity": maybe(int(rng.integers(0, 4))) if item else None,
        "order_id": maybe(f"o{user}-{rng.integers(0, 3)}") if bought else None,
        "order_value": maybe(float(rng.integers(1, 300)) / 2) if bought else None,
        "page": maybe(f"/a/{rng.integers(0, 4)}/x?u={rng.integers(0, 5)}", 0.8),
        "query": f"q{rng.integers(0, 3)}" if kind == "search" or rng.random() < 0.1 else None,
        "device": maybe(f"d{(user + int(minute // 120)) % 3}", 0.4),
        "visit_number": maybe(int(rng.integers(1, 9)), 0.3),
        "is_direct": maybe(bool(rng.random() < 0.5), 0.3),
        "_hit": f"h{user}-{number // 2}",
    }
