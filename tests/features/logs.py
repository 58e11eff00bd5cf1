"""Small logs for the tests of the model rooms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from cartpath.features import Log, log_of
from cartpath.store import PathView, view_from_table
from cartpath.tasks import TimeSplit

EVENTS = ("page_view", "view", "add_to_cart", "checkout", "purchase", "oddity")
START = datetime(2024, 1, 1, tzinfo=UTC)


def random_table(seed: int, users: int = 12, events: int = 20, sessions: bool = True) -> pa.Table:
    """Events with overlapping sessions, ties in time, hits of several events, missing values."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        minute = float(rng.integers(0, 20_000))
        for number in range(int(rng.integers(1, events))):
            minute += float(rng.choice([0.0, 1.0, 7.0, 45.0, 1500.0], p=[0.2, 0.4, 0.2, 0.1, 0.1]))
            event = str(rng.choice(EVENTS, p=[0.35, 0.3, 0.15, 0.08, 0.07, 0.05]))
            item = f"i{rng.integers(0, 9)}" if event not in ("page_view", "oddity") else None
            # Two devices: sessions of a user may overlap.
            session = f"{user}-{int(minute // 120)}-{rng.integers(0, 2)}"
            price = float(rng.integers(1, 50)) if rng.random() < 0.5 and item else None
            page = f"/a/{rng.integers(0, 6)}/x?u={rng.integers(0, 99)}" if rng.random() < 0.7 else None
            rows.append((f"u{user}", minute, event, item, session, price, page, f"h{user}-{number // 2}"))
    columns = list(zip(*rows, strict=True))
    texts = {"user_id": columns[0], "event": columns[2], "item_id": columns[3], "page": columns[6]}
    table = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    table["ts"] = times(columns[1])
    table["price"] = pa.array(columns[5], pa.float64())
    if sessions:
        table["session_id"] = pa.array(columns[4], pa.string())
    table["_hit"] = pa.array(columns[7], pa.string())
    # Often known only some events into the session.
    known = rng.random(len(rows)) < 0.4
    devices = [f"d{hash_of(session) % 3}" if there else None for session, there in zip(columns[4], known, strict=True)]
    table["device"] = pa.array(devices, pa.string())
    return pa.table(table)


def hash_of(text: str) -> int:
    return sum(ord(letter) for letter in text)


def times(minutes: object) -> pa.Array:
    when = [START + timedelta(minutes=minute) for minute in minutes]  # type: ignore[attr-defined]
    return pa.array(when, pa.timestamp("us", tz="UTC"))


def items_table() -> pa.Table:
    return pa.table(
        {
            "item_id": [f"i{n}" for n in range(9)],
            "title": [f"Item {n}" for n in range(9)],
            "category": [f"c{n % 3} > d{n % 2}" if n else None for n in range(9)],
            "brand": [f"b{n % 2}" for n in range(9)],
            "price": [float(n) if n != 4 else None for n in range(9)],
        }
    )


def make_log(table: pa.Table) -> Log:
    view, codes = view_from_table(table)
    return log_of(view, codes, items_table())


def path_of(
    minutes: list[float], events: list[str], items: list[str | None] | None = None, user: str = "u"
) -> pa.Table:
    """One user's path."""
    return pa.table(
        {
            "user_id": [user] * len(minutes),
            "ts": times(minutes),
            "event": events,
            "item_id": pa.array(items or [None] * len(minutes), pa.string()),
        }
    )


def shop_table(users: int = 400, days: int = 30, seed: int = 0) -> pa.Table:
    """A shop where shoppers who look at two items of one kind buy, and others leave: there is something to learn."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        for _ in range(int(rng.integers(1, 4))):
            minute = float(rng.integers(0, days * 1440))
            kind, keen = int(rng.integers(0, 4)), rng.random() < 0.35
            events: list[tuple[str, str | None]] = [("page_view", None)]
            for _ in range(int(rng.integers(3, 8))):
                chosen = kind if keen or rng.random() < 0.4 else int(rng.integers(0, 4))
                events.append(("view", f"i{chosen * 5 + int(rng.integers(0, 5))}"))
                if keen and rng.random() < 0.5:
                    events.append(("add_to_cart", events[-1][1]))
            if keen and rng.random() < 0.8:
                events.append(("purchase", events[-1][1]))
            for place, (event, item) in enumerate(events):
                rows.append((f"u{user}", minute + place, event, item, "mail" if keen and rng.random() < 0.5 else "ad"))
    columns = list(zip(*rows, strict=True))
    names = {"user_id": 0, "event": 2, "item_id": 3, "channel": 4}
    table = {name: pa.array(columns[place], pa.string()) for name, place in names.items()}
    return pa.table({**table, "ts": times(columns[1])})


def split_by_share(view: PathView, shares: tuple[float, float, float] = (0.7, 0.8, 0.9)) -> TimeSplit:
    """Cut time so that these shares of the events come before the cuts: each slice of a small log has some."""
    ordered = np.sort(view.ts)
    first, second, third = (int(ordered[int(share * len(ordered))]) for share in shares)
    return TimeSplit((first, second, third))
