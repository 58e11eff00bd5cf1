"""Random logs of buyers as plain rows, and what the twins of the tasks need to read them without the path table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath.features import Log
from cartpath.schema import MICROSECONDS
from cartpath.tasks import SLICES, Cutoffs
from tests.features.logs import START, items_table, make_log

HOUR = 3600 * MICROSECONDS
DAY = 24 * HOUR
BEGIN = int(START.timestamp()) * MICROSECONDS


@dataclass(frozen=True)
class Line:
    """One event; ``at`` is in hours since ``START``."""

    user: str
    at: int
    event: str = "view"
    item: str | None = None
    order: str | None = None
    value: float | None = None
    price: float | None = None
    quantity: int | None = None

    @property
    def ts(self) -> int:
        return BEGIN + self.at * HOUR


def lines_of(rng: np.random.Generator, users: int = 5, days: int = 20, first: int = 0, most: int = 12) -> list[Line]:
    """Events every six hours, so that many lie exactly on a cut-off; amounts are whole, so that sums are exact."""
    found = []
    for user in range(users):
        for _ in range(int(rng.integers(1, most))):
            event = str(rng.choice(["view", "purchase", "refund"], p=[0.4, 0.5, 0.1]))
            line = Line(f"u{user}", first * 24 + 6 * int(rng.integers(0, days * 4)), event)
            found.append(line if event == "view" else _bought(line, rng))
    return found


def _bought(line: Line, rng: np.random.Generator) -> Line:
    def some(value: Any) -> Any:
        return value if rng.random() < 0.7 else None

    return replace(
        line,
        item=some(f"i{rng.integers(0, 5)}"),
        order=some(f"{line.user}-{rng.integers(0, 3)}"),
        value=some(float(rng.integers(1, 100))),
        price=some(float(rng.integers(1, 50))),
        quantity=some(int(rng.integers(1, 4))),
    )


def log_of_lines(lines: list[Line]) -> Log:
    names = {"user_id": "user", "event": "event", "item_id": "item", "order_id": "order"}
    columns = {name: pa.array([getattr(line, of) for line in lines], pa.string()) for name, of in names.items()}
    when = [START + timedelta(hours=line.at) for line in lines]
    return make_log(
        pa.table(
            {
                **columns,
                "ts": pa.array(when, pa.timestamp("us", tz="UTC")),
                "order_value": pa.array([line.value for line in lines], pa.float64()),
                "price": pa.array([line.price for line in lines], pa.float64()),
                "quantity": pa.array([line.quantity for line in lines], pa.int32()),
                # Lines that are equal are two, not one that was read twice.
                "event_id": [str(place) for place in range(len(lines))],
            }
        )
    )


def categories() -> dict[str, str | None]:
    table = items_table()
    return dict(zip(table["item_id"].to_pylist(), table["category"].to_pylist(), strict=True))


def cuts_at(days: list[float], horizon: float) -> Cutoffs:
    """Cut-offs of the training slice, in days since ``START``."""
    at = np.array([BEGIN + int(day * DAY) for day in days], np.int64)
    return Cutoffs(at, np.full(len(at), SLICES.index("train")), int(horizon * DAY))


def between(lines: list[Line], user: str, begin: int, end: int, event: str | None = None) -> list[Line]:
    """The user's events of a kind in ``[begin, end)``."""
    return [
        line
        for line in lines
        if line.user == user and begin <= line.ts < end and (event is None or line.event == event)
    ]


def named(log: Log, rows: Any, *columns: str) -> list[tuple[Any, ...]]:
    """Rows as tuples: user id, cut-off, then the columns; in the order of ids, not of hashes."""
    ids = log.view.user_id.take(rows.user).to_pylist()
    values = [getattr(rows, name).tolist() for name in columns]
    return sorted(zip(ids, rows.cutoff.tolist(), *values, strict=True))


def known(log: Log, rows: Any) -> list[tuple[Any, ...]]:
    """What a model may read of each row: the user and the path until ``ends``, in texts."""
    view, found = log.view, []
    names = {name: log.codes(name) for name in ("event", "item")}
    for user, ends in zip(rows.user.tolist(), rows.ends.tolist(), strict=True):
        path = slice(int(view.offsets[user]), ends)
        events = [names["event"][code] for code in view.event[path]]
        items = [names["item"][code] if code >= 0 else None for code in view.item[path]]
        amounts = np.nan_to_num(np.stack([view.price[path], view.order_value[path], view.quantity[path]]), nan=-1.0)
        found.append((view.user_id[user].as_py(), view.ts[path].tolist(), events, items, amounts.tolist()))
    return found


def users_of(lines: list[Line]) -> list[str]:
    return sorted({line.user for line in lines})


def changed_from(lines: list[Line], day: float, rng: np.random.Generator) -> list[Line]:
    """The same log until a day, and another from then on, of the same users and some new ones."""
    kept = [line for line in lines if line.ts < BEGIN + day * DAY]
    return [*kept, *lines_of(rng, users=8, first=int(day), days=12)]
