"""A small workspace with hostile names, and what a report of it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartpath import store
from cartpath.config import Settings, StoreSettings
from cartpath.shop import Shop
from tests.paths.twin import Row, table_of

HOSTILE = "</script><script>window.hacked=1</script>"
QUOTES = "\"'><img src=x onerror=window.hacked=1>"


def make(folder: Path, rows: list[Row] | None = None) -> Shop:
    store.init(folder, Settings(store=StoreSettings(buckets=4)))
    with store.writer(folder) as writer:
        if rows is None:
            rows = log()
        if rows:
            writer.add(table_of(rows))
        writer.commit(sources=[{"file": "a", "hash": "1", "adapter": "test", "read": len(rows)}], quarantine={})
    return Shop(folder)


def log() -> list[Row]:
    rows = []
    for user in range(30):
        for t, event in enumerate(("view", "view", "add_to_cart", "purchase", HOSTILE, QUOTES)[: user % 7]):
            money = event == "purchase"
            rows.append(Row(user, 3600 * user + t, event, order=user if money else 0, value=9.5 if money else None))
    return rows


def metrics() -> list[dict[str, Any]]:
    return [
        {
            "task": "intent",
            "model": model,
            "metric": "auc",
            "value": value,
            "low": value - 0.01,
            "high": value + 0.01,
            "better": "higher",
            "n": 1234,
            "positives": 56,
            "slice": "validation",
            "generation": 1,
            "seed": 3,
        }
        for model, value in (("behaviour", 0.9), (HOSTILE, 0.8))
    ]


def calibration() -> list[dict[str, Any]]:
    return [
        {"model": "behaviour", "predicted": p, "observed": p, "low": p / 2, "high": p * 2, "n": 100} for p in (0.1, 0.3)
    ]
