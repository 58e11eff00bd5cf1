"""How long one slate takes: a catalogue of many items, one live path at a time, on one core.

OMP_NUM_THREADS=1 python benchmarks/recommend/latency.py --items 100000
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / folder) for folder in ("src", ".")]

import numpy as np
import pyarrow as pa
import torch

from cartpath.features import Log, fit_encoder, fit_words_of, log_of, stretch
from cartpath.models import Pretrained
from cartpath.recommend.axis import axis_of
from cartpath.recommend.blends import Weighted
from cartpath.recommend.choosing import Chooser
from cartpath.recommend.parts import Sources, fit_parts
from cartpath.recommend.ranker import Ranker, titles_of
from cartpath.recommend.why import Reasons
from cartpath.store import view_from_table
from cartpath.training.pretrain import build_model

START = 1_700_000_000


def shop(items: int, users: int, seed: int = 0) -> Log:
    """A log of views and purchases of items by popularity (Zipf), each user near one category."""
    rng = np.random.default_rng(seed)
    events = 12
    home = rng.integers(0, 200, users)
    draw = np.minimum(rng.zipf(1.3, (users, events)) - 1, items // 200 - 1)
    item = (
        draw * 200 + np.where(rng.random((users, events)) < 0.8, home[:, None], rng.integers(0, 200, (users, events)))
    ).ravel()
    when = (
        START
        + rng.integers(0, 60 * 86_400, users)[:, None]
        + np.cumsum(rng.integers(20, 4000, (users, events)), axis=1)
    )
    user = np.repeat(np.arange(users), events)
    table = pa.table(
        {
            "user_id": pa.array([f"u{n}" for n in user]),
            "ts": pa.array(when.ravel() * 1_000_000, pa.timestamp("us", tz="UTC")),
            "event": pa.array(np.where(rng.random(len(user)) < 0.1, "purchase", "view")),
            "item_id": pa.array([f"i{n}" for n in item]),
        }
    )
    words = ["red", "blue", "small", "large", "shirt", "shoe", "mug", "bag", "pen", "cap", "soft", "classic"]
    titles = [f"{words[n % 12]} {words[n // 12 % 12]} model {n % 977}" for n in range(items)]
    catalogue = pa.table(
        {
            "item_id": [f"i{n}" for n in range(items)],
            "title": titles,
            "category": [f"c{n % 20} > d{n % 200}" for n in range(items)],
            "brand": [f"b{n % 300}" for n in range(items)],
        }
    )
    view, codes = view_from_table(table)
    # Kept, as a snapshot and a live state keep them.
    return replace(log_of(view, codes, catalogue), codes=cache(codes.text))


def profile(ranker: Ranker, paths: list[Log]) -> None:
    import cProfile

    with cProfile.Profile() as found:
        for path in paths[:100]:
            ranker.slates(path, np.zeros(1, np.int64), path.view.offsets[1:].astype(np.int64), 20)
    found.print_stats("tottime")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--items", type=int, default=100_000)
    arguments.add_argument("--users", type=int, default=20_000)
    arguments.add_argument("--profile", action="store_true", help="where the time of all parts goes")
    arguments.add_argument("--slates", type=int, default=300)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    log = shop(given.items, given.users)
    until = int(log.view.ts.max()) + 1
    axis = axis_of(log)
    encoder = fit_encoder(axis.log, until)
    words = fit_words_of(log, log.codes("item"))
    model = build_model(axis.log, encoder, "small", {}, words=words)
    pretrained = Pretrained(model.train(False), encoder, words)
    began = time.perf_counter()
    parts = fit_parts(Sources(axis, until, pretrained, {}), axis.offered(until))
    print(
        f"{len(axis.items):,} items, {log.view.n_events:,} events, parts fitted in {time.perf_counter() - began:.1f} s"
    )
    rng = np.random.default_rng(1)
    asked = rng.integers(0, log.view.n_users, given.slates)
    # One live path at a time, as the service asks; the same dictionaries, the same catalogue.
    paths = [replace(log, view=stretch(log.view, int(user), int(user) + 1)) for user in asked]
    print("| parts of the blend | p50 ms | p99 ms | of CPU p50 | p99 |\n|---|---|---|---|---|")
    every = list(parts.models)
    for names in (every, [n for n in every if n not in ("als", "behaviour")], *([name] for name in every)):
        blend = Weighted(dict.fromkeys(names, 1.0) | {"popular": 1e-6}, {})
        few = parts.only({*names, "popular"})
        ranker = Ranker(
            "p", "m", few, blend, False, Reasons(few, titles_of(log.items, axis.items.texts)), Chooser(axis.items)
        )
        spent = []
        for number, path in enumerate(paths):
            ends = path.view.offsets[1:].astype(np.int64)
            begun = time.perf_counter(), time.thread_time()
            ranker.slates(path, np.zeros(1, np.int64), ends, 20)
            if number >= 20:
                spent.append((time.perf_counter() - begun[0], time.thread_time() - begun[1]))
        if given.profile and names is every:
            profile(ranker, paths)
        wall, work = (1000 * np.quantile(column, [0.5, 0.99]) for column in np.array(spent).T)
        label = "all" if names is every else ", ".join(names)
        print(f"| {label} | {wall[0]:.2f} | {wall[1]:.2f} | {work[0]:.2f} | {work[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
