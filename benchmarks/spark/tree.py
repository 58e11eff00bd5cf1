"""Measuring a process with all its descendants: Java and its Python workers are not children that can be waited for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import measure
import psutil

_PAUSE = 0.1
_MB = 10**6


@dataclass
class Step:
    """A step: seconds on the clock, seconds of CPU and peak memory of the tree meanwhile, and what it said."""

    wall: float
    cpu: float
    peak_mb: float
    said: dict[str, Any]


@dataclass
class Tree:
    """Watches a process and its descendants, and how large a folder becomes."""

    root: psutil.Process
    folder: Path
    cpu: dict[int, float] = field(default_factory=dict)
    peak_mb: float = 0.0
    largest: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self.stopped.wait(_PAUSE):
            self.look()
            self.largest = max(self.largest, size(self.folder))

    def look(self) -> None:
        total = 0.0
        for process in self._alive():
            try:
                times = process.cpu_times()
                self.cpu[process.pid] = times.user + times.system
                total += _share(process.pid)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        self.peak_mb = max(self.peak_mb, total)

    def _alive(self) -> list[psutil.Process]:
        try:
            return [self.root, *self.root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def spent(self) -> float:
        self.look()
        return sum(self.cpu.values())


def _share(pid: int) -> float:
    """Megabytes of a process, where what several share is divided among them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1000
    except OSError:
        pass
    return 0.0


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    total = 0
    for at, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(at, name)).st_size
            except OSError:
                continue
    return total


def run(command: list[str], folder: Path) -> tuple[dict[str, Step], int]:
    """Run a script that tells of its steps; return these and how large the folder was at its largest."""
    cores = sorted(os.sched_getaffinity(0))[: measure.CORES]
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores)
    )
    tree = Tree(psutil.Process(process.pid), folder)
    watcher = threading.Thread(target=tree.watch)
    watcher.start()
    steps: dict[str, Step] = {}
    before = 0.0
    assert process.stdout is not None
    for line in process.stdout:
        said = json.loads(line)
        spent = tree.spent()
        steps[said["step"]] = Step(said["wall"], (spent - before) / said["times"], tree.peak_mb, said)
        before, tree.peak_mb = spent, 0.0
    tree.stopped.set()
    watcher.join()
    if process.wait():
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}")
    time.sleep(_PAUSE)
    return steps, tree.largest
