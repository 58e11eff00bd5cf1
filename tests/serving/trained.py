"""A shop whose models are trained on all but its last days, and the events of those days."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartpath import config, store, training
from cartpath.features import Log, read_log
from tests.features.logs import START, items_table, shop_table

#: The days that come over HTTP begin here.
LIVE_SINCE = START.replace(day=29)
_DATES = {"train_until": "2024-01-15", "valid_until": "2024-01-18", "calibrate_until": "2024-01-21"}


def tables(users: int = 150) -> tuple[pa.Table, pa.Table]:
    """Return the events before the last days, and those of the last days."""
    table = shop_table(users)
    late = pc.greater_equal(table["ts"], pa.scalar(LIVE_SINCE, table["ts"].type))
    return table.filter(pc.invert(late)), table.filter(late)


def trained_shop(folder: Path) -> Path:
    """Make a shop of the events before the last days, with a model of each kind."""
    store.init(folder, config.Settings(store=config.StoreSettings(4)))
    add(folder, tables()[0], items_table())
    training.pretrain(folder, epochs=1, train_until="2024-01-15", settings={"hidden": 16})
    training.finetune(folder, method="head", epochs=1, **_DATES)
    training.evaluate(folder, models="lightgbm,base-rate", at_k=[1, 3])
    training.evaluate(folder, task="churn", models="rfm", horizon="2d")
    return folder


def with_all(shop: Path, folder: Path) -> Path:
    """Copy a shop and put the events of the last days into its store."""
    shutil.copytree(shop, folder)
    add(folder, tables()[1])
    return folder


def add(shop: Path, events: pa.Table, items: pa.Table | None = None) -> None:
    with store.writer(shop) as writer:
        if items is not None:
            writer.put_items(items)
        writer.add(events)
        writer.commit()


def as_json(events: pa.Table) -> list[dict[str, Any]]:
    """Return events, in time order, as a client sends them."""
    rows = events.sort_by("ts").to_pylist()
    return [{name: _plain(value) for name, value in row.items() if value is not None} for row in rows]


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def log_of(shop: Path) -> Log:
    """Return the whole log of a shop's store."""
    with store.open_snapshot(shop) as snapshot:
        return read_log(snapshot)
