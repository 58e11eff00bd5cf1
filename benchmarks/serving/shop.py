"""The shop of the load test: a catalogue, users who come back to kinds of items, and models trained on them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from cartpath import store, training
from cartpath.recommend import Ranker
from cartpath.schema import MICROSECONDS

KINDS, PER_USER, DAYS = 200, 12, 30
#: Events end here; live ones come after it.
END = 1_760_000_000
_MIX = (("view", 0.75), ("add_to_cart", 0.15), ("purchase", 0.1))


def history(items: int, users: int, seed: int = 0) -> pa.Table:
    """Return the events of users who look at items of one or two kinds, the frequent ones more often."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), rng.integers(2, 2 * PER_USER, users))
    kinds = rng.integers(0, KINDS, (users, 2))
    kind = kinds[user, (rng.random(len(user)) < 0.3).astype(int)]
    rank = (rng.random(len(user)) ** 3 * (items // KINDS)).astype(int)
    start = END - DAYS * 86_400 + rng.integers(0, DAYS * 86_400 - 7200, users)
    first = np.concatenate([[0], np.flatnonzero(np.diff(user)) + 1])
    place = np.arange(len(user)) - np.repeat(first, np.diff(np.append(first, len(user))))
    ts = (start[user] + place * rng.integers(20, 90, len(user))) * MICROSECONDS
    names, shares = zip(*_MIX, strict=True)
    return pa.table(
        {
            "user_id": [f"u{at}" for at in user],
            "ts": pa.array(ts, pa.timestamp("us", "UTC")),
            "event": rng.choice(names, len(user), p=shares),
            "item_id": [f"i{at}" for at in kind * (items // KINDS) + rank],
            "device": rng.choice(["mobile", "desktop"], len(user)),
        }
    )


def catalogue(items: int) -> pa.Table:
    kind = np.arange(items) // (items // KINDS)
    return pa.table(
        {
            "item_id": [f"i{at}" for at in range(items)],
            "title": [f"Item {at}" for at in range(items)],
            "category": [f"c{at // 10} > c{at}" for at in kind],
            "brand": [f"b{at % 50}" for at in range(items)],
            "price": (np.arange(items) % 97 + 1).astype(float),
        }
    )


def made(folder: Path, items: int, users: int, minutes: float) -> Path:
    """Make the shop where it is not there: its store, the behaviour model, intent, and the recommender."""
    if (folder / "done").exists():
        return folder
    print(f"making {folder}", file=sys.stderr)
    store.init(folder)
    with store.writer(folder) as writer:
        writer.put_items(catalogue(items))
        writer.add(history(items, users))
        writer.commit()
    training.pretrain(folder, size="small", minutes=minutes, epochs=1)
    training.evaluate(folder, models="lightgbm", at_k=[1, 3])
    Ranker.load(folder)
    (folder / "done").touch()
    return folder
