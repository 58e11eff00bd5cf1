"""Where live events are kept in a test: in files, or in a Redis stream of its own; and paths with their texts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.features import Log
from cartpath.schema import CODED_CONTEXT
from cartpath.serving.state import Absorbed, LiveState, absorb, open_state
from cartpath.serving.state.given import check
from cartpath.serving.state.stream import RedisStream
from cartpath.store.path import EVENT_ARRAYS

CODED = ("event", "item", "page", "query")


def event(user: str = "u", second: int = 0, name: str = "view", **more: Any) -> dict[str, Any]:
    return {"user_id": user, "ts": f"2020-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
            "event": name, **more}  # fmt: skip


class Place:
    """A shop, and where its live events are."""

    def __init__(self, shop: Path, url: str | None = None) -> None:
        self.shop, self.url = shop, url
        if not shop.exists():
            store.init(shop, Settings(StoreSettings(buckets=2)))

    @contextmanager
    def open(self) -> Iterator[Any]:
        state: LiveState = open_state(self.shop, self.url)
        try:
            yield state
        finally:
            state.close()

    def absorb(self) -> Absorbed:
        return absorb(self.shop, self.url)

    def ingest(self, events: Sequence[dict[str, Any]]) -> ingest.IngestSummary:
        """Ingest events as an ordinary file."""
        file = self.shop.with_name(f"{self.shop.name}-{len(list(self.shop.parent.iterdir()))}.jsonl")
        file.write_bytes(b"".join(one.line for one in check(events)[0]))
        return ingest.ingest(self.shop, [str(file)], adapter="generic")

    def clean(self) -> None:
        if self.url is not None:
            stream = RedisStream(self.shop, self.url)
            stream._redis.delete(stream._key)
            stream.close()


def redis_url() -> str:
    return f"{os.environ['CARTPATH_TEST_REDIS'].rstrip('/')}/0"


def texts(log: Log) -> list[dict[str, Any]]:
    """A log's users with every array, codes as their texts."""
    found = []
    for path in log.view:
        user: dict[str, Any] = {"user_id": path.user_id.to_pylist()}
        for name in EVENT_ARRAYS:
            values = getattr(path, name)
            user[name] = _words(log, name, values) if name in CODED else _plain(values)
        sessions = path.sessions
        for name in ("user", "start", "end", "key", "context_ts"):
            user[f"sessions.{name}"] = _plain(getattr(sessions, name))
        for name, values in sessions.context.items():
            user[name] = _words(log, name, values) if name in CODED_CONTEXT else _plain(values)
        found.append(user)
    return found


def _words(log: Log, name: str, codes: Any) -> list[str | None]:
    known = log.codes(name)
    return [None if code < 0 else known[code] for code in codes.tolist()]


def _plain(values: Any) -> list[Any]:
    return [None if isinstance(one, float) and np.isnan(one) else one for one in values.tolist()]


def stored(shop: Path, users: Sequence[str]) -> list[dict[str, Any]]:
    """What readers of the store see of users; of those it does not know, nothing."""
    with store.open_snapshot(shop) as snapshot:
        found: dict[str, dict[str, Any]] = {}
        for bucket in range(snapshot.n_buckets):
            view = snapshot.bucket(bucket)
            log = Log(view, snapshot.codes, snapshot.items)
            found |= {one["user_id"][0]: one for one in texts(log)}
        return [found[user] for user in users if user in found]
