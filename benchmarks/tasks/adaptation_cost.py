"""What each way to fine-tune costs: numbers trained, processor time, memory, and what is kept on disk.

    python benchmarks/tasks/adaptation_cost.py --write

Steps of AdamW on random paths of full windows, 4,096 events a batch, one thread, each method in a process of its own.
Processor time, so that others on the machine weigh less; the median step. Memory is the process's peak, and what of it
came once training began: gradients, moments, and what the forward pass keeps for the backward one.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import torch

from benchmarks import measure
from cartpath.models.adaptation import METHODS, Adapted, adapt, trainable
from cartpath.models.behaviour import BehaviourConfig, BehaviourModel
from cartpath.models.presets import PRESETS

FIELDS, ROWS, EVENTS = 20, 12_000, 4096
HEAD = (
    "method",
    "trainable",
    "share",
    "on disk, KB",
    "forward, s",
    "backward and step, s",
    "peak, MB",
    "of it training",
)


def made(size: str) -> BehaviourModel:
    """Return a network of random weights, of about the table that the Merchandise Store's has."""
    torch.manual_seed(0)
    shape = {"table": ROWS, "n_fields": FIELDS, "n_events": 14, "n_items": 4000, "item_offset": 14}
    return BehaviourModel(BehaviourConfig(**shape, **PRESETS[size]))


def paths(model: BehaviourModel) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the fields, times and sessions of a batch of random paths."""
    window = model.config.window
    users = EVENTS // window
    ids = torch.randint(1, ROWS, (users, window, FIELDS))
    return ids, torch.rand(users, window).cumsum(1) * 1e4, torch.arange(window).expand(users, window) // 8


def seconds(model: BehaviourModel, batches: int) -> tuple[float, float]:
    """Return the processor seconds per million events of the forward pass, and of what follows it."""
    inputs, forward, backward = paths(model), [], []
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=1e-3)
    for _ in range(batches + 2):
        begun = time.process_time()
        loss = model.intent(model(*inputs)).square().mean()
        between = time.process_time()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        forward.append(between - begun)
        backward.append(time.process_time() - between)
    return tuple(1e6 / EVENTS * median(times[2:]) for times in (forward, backward))  # type: ignore[return-value]


def size_on_disk(adapted: Adapted) -> int:
    """Return the bytes that are kept of a method's training."""
    with tempfile.TemporaryDirectory() as folder:
        adapted.save(Path(folder))
        return sum(path.stat().st_size for path in Path(folder).iterdir())


def one(method: str, size: str, batches: int) -> dict[str, float]:
    """Measure a method in this process."""
    torch.set_num_threads(1)
    model = made(size).train()
    adapted = adapt(model, method)
    found = {**trainable(model), "bytes": size_on_disk(adapted)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["forward"], found["backward"] = seconds(model, batches)
    return {**found, "training_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000}


def row_of(method: str, size: str, batches: int) -> list[str]:
    """Measure a method in a process of its own."""
    run = measure.measured([__file__, "--method", method, "--size", size, "--batches", str(batches)])
    said = run.said
    times = [f"{said['forward']:.0f}", f"{said['backward']:.0f}"]
    memory = [f"{run.peak_mb:,.0f}", f"{said['training_mb']:,.0f}"]
    return [method, f"{said['trainable']:,}", f"{said['share']:.2%}", f"{said['bytes'] / 1000:,.0f}", *times, *memory]


def main() -> None:
    """Measure, print; and with ``--write`` keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="small", choices=PRESETS)
    parser.add_argument("--batches", type=int, default=30)
    parser.add_argument("--method", choices=METHODS, help="this one alone, here, as JSON")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    asked = parser.parse_args()
    if asked.method:
        print(json.dumps(one(asked.method, asked.size, asked.batches)))
        return
    rows = [row_of(method, asked.size, asked.batches) for method in METHODS]
    about = (
        f"Size {asked.size}, {EVENTS:,} events a batch, the median of {asked.batches} steps; seconds a million events."
    )
    text = "\n\n".join([measure.table(HEAD, rows), about, measure.machine(["torch", "transformers", "peft"])])
    print(text)
    if asked.write:
        measure.write_section(HERE / "README.md", "adaptation cost", text)


if __name__ == "__main__":
    main()
