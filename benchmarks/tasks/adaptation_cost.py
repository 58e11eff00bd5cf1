"""What each way to fine-tune costs: ``adaptation_cost.py [SIZE] [BATCHES]``; a row of a Markdown table each.

Random paths of full windows, 4,096 events a batch, one thread; processor time, so that others on the machine weigh
less. The step of AdamW is not in it. Kept: what the forward pass keeps for the backward one, weights left out.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from cartpath.models.adaptation import METHODS, adapt, trainable
from cartpath.models.behaviour import BehaviourConfig, BehaviourModel
from cartpath.models.presets import PRESETS

FIELDS, ROWS, EVENTS = 20, 12_000, 4096


def made(size: str) -> BehaviourModel:
    torch.manual_seed(0)
    shape = {"table": ROWS, "n_fields": FIELDS, "n_events": 14, "n_items": 4000, "item_offset": 14}
    return BehaviourModel(BehaviourConfig(**shape, **PRESETS[size]))


def paths(model: BehaviourModel) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    window = model.config.window
    users = EVENTS // window
    ids = torch.randint(1, ROWS, (users, window, FIELDS))
    return ids, torch.rand(users, window).cumsum(1) * 1e4, torch.arange(window).expand(users, window) // 8


def milliseconds(model: BehaviourModel, batches: int) -> tuple[float, float]:
    inputs = paths(model)
    forward, backward = [], []
    for _ in range(batches + 2):
        begun = time.process_time()
        loss = model.intent(model(*inputs)).square().mean()
        between = time.process_time()
        loss.backward()
        forward.append(between - begun)
        backward.append(time.process_time() - between)
        model.zero_grad()
    return 1000 * median(forward[2:]), 1000 * median(backward[2:])


def kept_megabytes(model: BehaviourModel) -> float:
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, int] = {}

    def keep(value: torch.Tensor) -> torch.Tensor:
        kept[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        loss = model.intent(model(*paths(model))).square().mean()
    sizes = [size for place, size in kept.items() if place not in weights]
    del loss
    return sum(sizes) / 1e6


def size_on_disk(model: BehaviourModel, method: str) -> int:
    adapted = adapt(model, method)
    with tempfile.TemporaryDirectory() as folder:
        adapted.save(Path(folder))
        return sum(path.stat().st_size for path in Path(folder).iterdir())


def main() -> None:
    size, batches = (sys.argv[1:] + ["small", "15"][len(sys.argv) - 1 :])[:2]
    torch.set_num_threads(1)
    print("| method | trainable | share | on disk, KB | forward, ms | backward, ms | kept, MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for method in METHODS:
        model = made(size).train()
        kilobytes, counts = size_on_disk(model, method) / 1000, trainable(model)
        forward, backward = milliseconds(model, int(batches))
        row = f"{counts['trainable']:,} | {counts['share']:.2%} | {kilobytes:,.0f} | {forward:.0f} | {backward:.0f}"
        print(f"| `{method}` | {row} | {kept_megabytes(model):,.0f} |", flush=True)


if __name__ == "__main__":
    main()
