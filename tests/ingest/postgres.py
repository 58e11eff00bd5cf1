"""A schema of its own in a real PostgreSQL server, and what tests do to sessions that read from it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq

from cartpath import store


@dataclass
class Schema:
    """A schema; sessions opened by ``url`` look for tables in it, and bear its name."""

    url: str
    name: str
    connection: Any

    def execute(self, statement: str, values: Sequence[Any] | None = None) -> Any:
        return self.connection.execute(statement, values)

    def log(self, rows: int) -> None:
        """Make a table ``log`` of 50 users, with an event a second."""
        self.execute("create table log (id bigint, user_id text, ts timestamptz, event text, price numeric(10, 2))")
        self.execute(
            "insert into log select n, 'u' || n %% 50, timestamptz '2020-01-01 00:00:00Z' + n * interval '1 second',"
            " 'view', n / 100.0 from generate_series(1, %s) n", [rows],
        )  # fmt: skip

    def url_as(self, user: str, password: str) -> str:
        parts = urlsplit(self.url)
        return parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}").geturl()

    def sessions(self) -> list[int]:
        found = self.execute("select pid from pg_stat_activity where application_name = %s", [self.name])
        return [pid for (pid,) in found]

    def asleep(self) -> bool:
        """Whether a session that reads is in ``pg_sleep``."""
        asked = "select 1 from pg_stat_activity where application_name = %s and wait_event = 'PgSleep'"
        return bool(self.execute(asked, [self.name]).fetchone())

    def end_sessions(self) -> int:
        """End all sessions that read, and wait until they are gone; returns how many there were."""
        ended = self.sessions()
        for pid in ended:
            self.execute("select pg_terminate_backend(%s)", [pid])
        while self.sessions():
            time.sleep(0.01)
        return len(ended)


@contextmanager
def schema(server: str) -> Iterator[Schema]:
    """Make a schema, and drop it with all that is in it."""
    import psycopg

    name = f"cartpath_{secrets.token_hex(6)}"
    more = f"options=-csearch_path%3D{name}&application_name={name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create schema {name}")
        connection.execute(f"set search_path = {name}")
        made = Schema(f"{server}{'&' if '?' in server else '?'}{more}", name, connection)
        try:
            yield made
        finally:
            made.end_sessions()  # one that a failed test left would keep its locks
            connection.execute(f"drop schema {name} cascade")


def quarantine(shop: Path) -> list[dict[str, Any]]:
    """The rows of a shop's quarantine, by their number."""
    rows = [row for path in (shop / "quarantine").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: row["row"])


def generation(shop: Path) -> int:
    """The shop's generation: 0 as long as nothing was stored."""
    with store.open_snapshot(shop) as snapshot:
        return snapshot.generation
