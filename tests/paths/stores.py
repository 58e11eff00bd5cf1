"""A snapshot of rows laid out by hand: views can be asked through it without a store being written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cartpath.schema import Columns, item_schema
from cartpath.store import PathView
from tests.paths.twin import Row, view_of

NAMES = ("view", "cart", "purchase", "refund")


@dataclass(frozen=True)
class Totals:
    first_ts: int | None
    last_ts: int | None


class LaidOut:
    """Answers what views ask of a ``Snapshot``."""

    generation = 1

    def __init__(self, rows: list[Row], n_buckets: int = 1, names: tuple[str, ...] = NAMES) -> None:
        self.n_buckets = n_buckets
        self._names = names
        self._views = [view_of([r for r in rows if r.user % n_buckets == b], names) for b in range(n_buckets)]
        times = [row.ts for row in rows]
        self.totals = Totals(min(times, default=None), max(times, default=None))

    @property
    def manifest(self) -> Any:
        raise FileNotFoundError("laid out by hand: there is no store that could keep answers")

    def bucket(self, bucket: int) -> PathView:
        return self._views[bucket]

    def codes(self, name: str) -> list[str]:
        return list(self._names) if name == "event" else []

    def code_of(self, name: str, value: str) -> int:
        known = self.codes(name)
        return known.index(value) if value in known else -1

    @property
    def items(self) -> pa.Table:
        return item_schema().empty_table()

    @property
    def users(self) -> pa.Table:
        return pa.table({Columns.user_id: pa.array([], pa.string())})


def ask(view: Any, rows: list[Row], n_buckets: int = 1, **options: Any) -> Any:
    """Ask a view of rows."""
    return view(LaidOut(rows, n_buckets), **options)
