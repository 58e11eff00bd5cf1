"""Small shops whose users' future can be known at a cut-off, and jobs on them, with a network of random weights."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from cartpath.features import Log, fit_encoder
from cartpath.models import Pretrained
from cartpath.tasks import ChurnTask, RepeatTask, SpendTask, TimeSplit, churn_rows, repeat_rows, spend_rows
from cartpath.training.cutoff.job import CutoffJob
from cartpath.training.intent.job import Options
from cartpath.training.pretrain import build_model
from tests.features.logs import START, make_log

DAY = 86_400 * 10**6
BEGIN = int(START.timestamp()) * 10**6
SPLIT = TimeSplit((BEGIN + 42 * DAY, BEGIN + 49 * DAY, BEGIN + 56 * DAY))
TASKS: dict[str, Any] = {
    "churn": (ChurnTask("7d"), churn_rows),
    "spend": (SpendTask("7d"), spend_rows),
    "item": (RepeatTask("7d"), repeat_rows),
    "category": (RepeatTask("7d", of="category"), repeat_rows),
}
#: Names, in the table's types.
_COLUMNS = {"user_id": 0, "event": 2, "item_id": 3, "order_id": 4}


def shop_log(users: int = 40, days: int = 64, seed: int = 0) -> Log:
    """A log of ``shop_rows``."""
    return log_of_rows(shop_rows(users, days, seed))


def shop_rows(users: int = 40, days: int = 64, seed: int = 0) -> list[tuple[Any, ...]]:
    """Users who buy an item of theirs every few days, each at an own pace; half of them stop for good one day."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        day, pace = float(rng.uniform(0, 10)), float(rng.choice([1.5, 3.0, 6.0]))
        stops = float(rng.uniform(5, days)) if user % 2 else float(days)
        while day < stops:
            item = f"i{(user + int(rng.integers(0, 2))) % 8 + 1}"
            rows.append((f"u{user}", day, "view", item, None, None))
            if rng.random() < 0.7:
                rows.append((f"u{user}", day + 0.01, "purchase", item, f"{user}-{day:.3f}", 2.0 + 10 * (user % 3)))
            day += pace * float(rng.uniform(0.7, 1.3))
    return rows


def log_of_rows(rows: list[tuple[Any, ...]]) -> Log:
    """A log of (user, day, event, item, order, price)."""
    return make_log(table_of_rows(rows))


def table_of_rows(rows: list[tuple[Any, ...]]) -> pa.Table:
    """The events of (user, day, event, item, order, price)."""
    columns = list(zip(*rows, strict=True))
    table = {name: pa.array(columns[place], pa.string()) for name, place in _COLUMNS.items()}
    table["ts"] = pa.array([START + timedelta(days=day) for day in columns[1]], pa.timestamp("us", tz="UTC"))
    return pa.table(table | {"price": pa.array(columns[5], pa.float64())})


def base_of(log: Log, folder: Path, until: int = SPLIT.train_until, **shape: Any) -> Path:
    """Write a small network of random weights that reads a log."""
    encoder = fit_encoder(log, until)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = build_model(log, encoder, "tiny", {"hidden": 16, "heads": 2, "window": 16, **shape})
        # Weights far from their start, so that every event matters.
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.1 * torch.randn(weight.shape))
            model.table.weight[0].zero_()
    folder.mkdir(parents=True, exist_ok=True)
    Pretrained(model.train(False), encoder).save(folder)
    return folder


def job_of(log: Log, home: Path, task: str = "churn", **options: Any) -> CutoffJob:
    """A job on a log, with a base made for it."""
    asked, rows_of = TASKS[task]
    base = base_of(log, home / "base") if not (home / "base").exists() else home / "base"
    card = {"made": "then", "size": "tiny"}
    settings = {"epochs": 1, **options}
    return CutoffJob(home, log, SPLIT, asked, rows_of(log, SPLIT, asked), base, card, Options(**settings))
