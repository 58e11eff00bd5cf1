"""Speed of the behaviour model: training by preset, and scoring one user among 10 k, 100 k and 1 M items.

    python benchmarks/next_item/speed.py --write

Training is on Beauty's paths with the full softmax, a batch of 1,024 events at a time; scoring is ``score`` of one path
of 50 events a call, encoding included, weights random (they do not change the work).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np
import pyarrow as pa
import torch

from benchmarks.measure import machine, table, write_section
from cartpath.features import Log, fit_encoder, log_from_table
from cartpath.models import ItemIndex, Pretrained
from cartpath.models.behaviour import BehaviourModel, config_for
from cartpath.models.behaviour_next_item import BehaviourNextItem
from cartpath.models.presets import PRESETS
from cartpath.training.next_item.network import NetworkSettings, item_loss, known_items, new_model
from cartpath.training.next_item.objective import NextItemObjective
from cartpath.training.next_item.paths import PathBatches

HERE = Path(__file__).resolve().parent
BEAUTY = Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data") / "s3rec" / "Beauty.txt"
SECONDS, CALLS, PATH = 15.0, 200, 50
CATALOGUES = (10_000, 100_000, 1_000_000)


def beauty() -> Log:
    rows = [
        (user, n, item) for line in BEAUTY.open() for user, *items in [line.split()] for n, item in enumerate(items)
    ]
    users, places, items = zip(*rows, strict=True)
    ts = pa.array(places, pa.timestamp("s", tz="UTC"))
    events = {"user_id": users, "ts": ts, "event": ["view"] * len(rows), "item_id": items}
    return log_from_table(pa.table(events), timed=False)


def training(log: Log) -> list[list[str]]:
    rows, known = [], known_items(log, words=False)
    for preset in PRESETS:
        settings = NetworkSettings({"norm_input": False, "dropout": 0.5}, 0.02, 1e-3, start="random")
        network = new_model(known, settings, preset, 0).pretrained.model
        objective = NextItemObjective(network, item_loss(known, settings))
        source = PathBatches(known.encoded, known.targets, int(network.config.window), settings.tokens, 0)
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
        network.train()
        events, batch, began, cpu = 0, 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < SECONDS:
            part = source.part(0, batch % source.batches(0), 0, 1)
            optimizer.zero_grad(set_to_none=True)
            objective(**part.inputs)["loss"].backward()
            optimizer.step()
            events, batch = events + part.events, batch + 1
            if batch == 3:  # the first batches warm up
                events, began, cpu = 0, time.perf_counter(), time.process_time()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        inner = sum(weight.numel() for weight in network.backbone.parameters())
        total = sum(weight.numel() for weight in network.parameters())
        shape = PRESETS[preset]
        cells = [preset, f"{shape['hidden']} x {shape['layers']}", str(shape["heads"]), str(shape["window"])]
        rows.append([*cells, f"{inner:,}", f"{total:,}", f"{events / took:,.0f}", f"{1e6 * cpu / events:,.0f}"])
        print(rows[-1], file=sys.stderr)
    return rows


def catalogue(n_items: int) -> tuple[BehaviourNextItem, Log]:
    """Return a model of the default size that ranks so many items, and paths of 50 events among them."""
    rng = np.random.default_rng(0)
    users = [f"u{n}" for n in range(CALLS)]
    items = np.concatenate([np.arange(n_items), rng.integers(0, n_items, CALLS * PATH)])
    who = np.concatenate([np.full(n_items, "all"), np.repeat(users, PATH)])
    ts = pa.array(np.arange(len(items)), pa.timestamp("s", tz="UTC"))
    names = np.array([f"item-{n}" for n in range(n_items)])
    events = {"user_id": who, "ts": ts, "event": np.full(len(items), "view"), "item_id": names[items]}
    log = log_from_table(pa.table(events), timed=False)
    encoder = fit_encoder(log, 2**62)
    model = BehaviourModel(config_for(encoder, "base", norm_input=False, time_bias=False)).train(False)
    prior = np.zeros(n_items, np.float32)
    return BehaviourNextItem(Pretrained(model, encoder), ItemIndex(encoder.items.values), prior), log


def scoring() -> list[list[str]]:
    rows = []
    for n_items in CATALOGUES:
        model, log = catalogue(n_items)
        ids = log.view.user_id.to_pylist()
        paths = [replace(log, view=log.view.user(row)) for row, user in enumerate(ids) if user != "all"]
        took = []
        for path in [paths[0], *paths]:
            ends, began = path.view.offsets[1:], time.perf_counter()
            model.score(path, np.zeros(1, np.int64), ends)
            took.append(1000 * (time.perf_counter() - began))
        p50, p99 = np.percentile(took[1:], [50, 99])
        rows.append([f"{n_items:,}", f"{p50:.1f}", f"{p99:.1f}"])
        print(rows[-1], file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the tables into README.md")
    options = parser.parse_args()
    torch.set_num_threads(2)
    log = beauty()
    head = ["preset", "hidden x layers", "heads", "window", "backbone's parameters", "all, 12,101 items", "events/s"]
    trained = table([*head, "CPU µs an event"], training(log))
    scored = table(["items", "p50 ms", "p99 ms"], scoring())
    text = f"{trained}\n\nScoring one user, preset base:\n\n{scored}\n\n{machine(('numpy', 'torch'))}"
    print(text)
    if options.write:
        write_section(HERE / "README.md", "speed", text)


if __name__ == "__main__":
    main()
