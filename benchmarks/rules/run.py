"""How long re-ranking takes: 200 candidates of a catalogue of 100,000 items, every rule on, and no rule at all."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from cartpath.config import RecommendSettings
from cartpath.features import Log, log_from_table
from cartpath.recommend.rules import CompiledRules, History, Listed, generator, rerank

EVERY = {
    "exclude": ["category=c9", "item_id=i5|i6"],
    "out_of_stock": "stock<=0",
    "seen": "demote",
    "seen_within": "30d",
    "bought": "repurchase",
    "diversity": 0.2,
    "caps": {"brand": 3, "seller": 2},
    "new_items": {"within": "14d", "share": 0.1},
    "boost": [{"where": ["brand=b1", "category=c2,price<50"], "factor": 1.5}, {"where": "margin<0.05", "factor": 0.7}],
}


def shop(n_items: int, rng: np.random.Generator) -> Log:
    """Return three events an item, of 20,000 users, and a catalogue with attributes."""
    ids = np.array([f"i{n}" for n in range(n_items)])
    n = 3 * n_items
    events = {
        "user_id": np.char.add("u", rng.integers(0, 20_000, n).astype(str)),
        "ts": pa.array(rng.integers(1_600_000_000, 1_607_000_000, n), pa.timestamp("s", tz="UTC")),
        "event": rng.choice(["view", "purchase"], n, p=[0.9, 0.1]),
        "item_id": ids[rng.permutation(n) % n_items],
    }
    about = range(n_items)
    items = {
        "item_id": ids,
        "brand": [f"b{k % 200}" for k in about],
        "category": [f"c{k % 10} > d{k % 70} > e{k % 350}" for k in about],
        "price": rng.random(n_items) * 100,
        "attributes": [json.dumps({"stock": k % 20, "seller": f"s{k % 500}", "margin": k % 100 / 100}) for k in about],
    }
    return log_from_table(pa.table(events), pa.table(items))


def times(log: Log, rules: CompiledRules, repeats: int, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Yield seconds of processor time of a user's history and of re-ranking, one pair a request."""
    now = int(log.view.ts.max()) + 1
    for request in range(repeats):
        user = int(rng.integers(0, log.view.n_users))
        end = int(log.view.offsets[user + 1])
        own = log.view.item[int(log.view.offsets[user]) : end][:10]
        items = rng.permutation(np.unique(np.append(own, rng.integers(0, rules.n_items, 190)))).astype(np.int64)
        listed = Listed(items, np.sort(rng.random(len(items)))[::-1])
        began = time.thread_time()
        history = History.of(log, user, end)
        read = time.thread_time()
        rerank(listed, rules, history, 20, now, generator(0, str(request)))
        yield read - began, time.thread_time() - read


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=2000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    log = shop(options.items, rng)
    for name, given in (("every rule", EVERY), ("no rule", {})):
        began = time.thread_time()
        rules = CompiledRules.of(RecommendSettings(**given), log)
        made = time.thread_time() - began
        # The first calls compile.
        took = 1e6 * np.array(list(times(log, rules, options.repeats + 50, rng))[50:])
        history, reranked = np.percentile(took, [50, 99], axis=0).T
        print(f"{name}: made in {made:.2f} s; history {history[0]:.0f} µs (p99 {history[1]:.0f});", end=" ")
        print(f"re-ranking {reranked[0]:.0f} µs (p99 {reranked[1]:.0f})")


if __name__ == "__main__":
    main()
