"""Following in tests: a follower that takes one batch when told to, and what a store holds."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from cartpath import store
from cartpath.config import Settings, StoreSettings
from cartpath.ingest import IngestSummary, get
from cartpath.ingest.follow.batch import run_batch
from cartpath.ingest.follow.folder import FolderSource
from cartpath.ingest.follow.lines import Asked
from cartpath.ingest.follow.source import Source
from cartpath.ingest.options import resolve_options
from cartpath.store.manifest import STORE, current
from cartpath.store.parts import read_part


def make_shop(path: Path) -> Path:
    store.init(path, Settings(StoreSettings(buckets=2)))
    return path


def asked(adapter: str = "generic") -> Asked:
    chosen = get(adapter)
    return Asked(chosen, {}, resolve_options(chosen, {}))


def line(user: str, second: int = 0, **more: Any) -> bytes:
    row = {"user_id": user, "ts": f"2020-01-01T00:{second // 60:02}:{second % 60:02}", "event": "view", **more}
    return json.dumps(row).encode() + b"\n"


def lines(first: int, last: int) -> bytes:
    return b"".join(line(f"u{n % 7}", n) for n in range(first, last))


def events(shop: Path) -> Counter[tuple[Any, ...]]:
    """The multiset of the events stored."""
    parts = [name for entry in current(shop).data["buckets"] for name in entry["parts"]]
    rows = [row for name in parts for row in read_part(shop / STORE / name).to_pylist()]
    return Counter(tuple((k, str(v)) for k, v in sorted(row.items()) if v is not None) for row in rows)


class Batches:
    """Follows a source a batch at a time."""

    def __init__(self, shop: Path, source: Source, said: list[str]) -> None:
        self.shop, self.source, self.said = shop, source, said
        self.source.begin(current(shop).data.get("followed", {}).get(self.source.name, {}))
        self.notes: dict[str, list[dict[str, Any]]] = {}

    def batch(self) -> IngestSummary:
        """Look, and take what waits."""
        self.source.waiting()
        done = run_batch(self.shop, [self.source], threading.Event()) or IngestSummary()
        assert done.read == done.stored + done.duplicates + done.quarantined
        self.notes = self.source.notes.take()
        return done

    def counts(self) -> tuple[int, int, int]:
        done = self.batch()
        return done.stored, done.duplicates, done.quarantined


class Follower(Batches):
    """Follows a folder a batch at a time; ``again`` is what a new process would be."""

    def __init__(self, shop: Path, folder: Path, settle: float = 0.0, adapter: str = "generic") -> None:
        said: list[str] = []
        super().__init__(shop, FolderSource(str(folder), asked(adapter), settle, said.append), said)
        self._made = (folder, settle, adapter)

    def again(self) -> Follower:
        return Follower(self.shop, *self._made)
