"""Memory and speed of pretraining by size of the store: ``run.py [MINUTES] [WORKSPACE ...]``.

Each run is a process of its own on a copy of the workspace that shares its files. Private memory is what the process
has beyond mapped files, which belong to the system's cache; it is read twenty times a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIZES = ("events-1M", "events-10M", "events-100M")


def private_mb() -> float:
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) / 1024


def watch(peaks: list[float]) -> None:
    while True:
        peaks.append(max(peaks[-1], private_mb()))
        time.sleep(0.05)


def one(workspace: str, minutes: str) -> None:
    import torch  # noqa: F401
    from transformers import Trainer  # noqa: F401

    from cartpath import training

    libraries = private_mb()
    peaks, marks, begun = [libraries], [], time.monotonic()
    threading.Thread(target=watch, args=(peaks,), daemon=True).start()

    def told(message: str, share: float) -> None:
        if not marks and "events/s" in message:
            marks.append((time.monotonic() - begun, peaks[-1]))

    card = training.pretrain(workspace, size="tiny", epochs=1, minutes=float(minutes), resume=False, progress=told)
    names = ("events", "train_events", "seconds", "events_per_second", "padded_share")
    found = {name: card[name] for name in names}
    found |= {"ready_seconds": round(marks[0][0], 1), "ready_mb": round(marks[0][1]), "libraries_mb": round(libraries)}
    print(json.dumps({**found, "peak_mb": round(peaks[-1])}))


def measure(workspace: Path, minutes: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=workspace.parent) as folder:
        copy = Path(folder) / "shop"
        subprocess.run(["cp", "-al", str(workspace), str(copy)], check=True)
        subprocess.run(["rm", "-rf", str(copy / "models")], check=True)
        command = [sys.executable, __file__, "--one", str(copy), str(minutes)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return found


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    given = [Path(name) for name in sys.argv[2:]]
    for workspace in given or [ROOT / "bench-data" / name / "shop" for name in SIZES]:
        if workspace.exists():
            print(json.dumps(measure(workspace, minutes)), flush=True)
        else:
            print(f"no {workspace}: make it with benchmarks/paths/run.py", file=sys.stderr)


if __name__ == "__main__":
    one(*sys.argv[2:4]) if sys.argv[1:2] == ["--one"] else main()
