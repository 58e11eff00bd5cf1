"""What the benchmarks share: simulated data, a measured subprocess, tables, the machine."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "bench-data"
DAYS, SEED = 180, 1
#: What the simulator makes of a user in that time, about.
EVENTS_PER_USER = 45.3
CORES = min(2, len(os.sched_getaffinity(0)))


@dataclass(frozen=True)
class Measured:
    """What a subprocess took: seconds on the clock, seconds of CPU (user and system), megabytes at its peak."""

    wall: float
    cpu: float
    peak_mb: float
    said: dict[str, Any]


def amount(text: str) -> int:
    """Read ``10M`` or ``500k``.

    >>> amount("1.5M")
    1500000
    """
    scale = {"k": 10**3, "m": 10**6, "b": 10**9}.get(text[-1].lower(), 1)
    return round(float(text.rstrip("kKmMbB")) * scale)


def short(n: int) -> str:
    """Write a number of events as ``amount`` reads it."""
    return f"{n / 10**6:g}M" if n >= 10**6 else f"{n / 10**3:g}k"


def simulated(events: int) -> Path:
    """Return the folder of a simulated log of about so many events, made if it is not there."""
    folder = DATA / f"events-{short(events)}"
    if not (folder / "events.parquet").exists():
        from cartpath.simulate import simulate

        print(f"simulating about {short(events)} events into {folder}", file=sys.stderr)
        simulate(folder, users=math.ceil(events / EVENTS_PER_USER), days=DAYS, seed=SEED)
    return folder


def measured(command: Sequence[str], python: str | Path = sys.executable) -> Measured:
    """Run a Python script in a process of its own, on two cores; its last line of output is JSON."""
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(python), *command], stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores)
    )
    assert process.stdout is not None
    said = process.stdout.read().strip().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, json.loads(said[-1]) if said else {})


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, numbers to the right."""
    rule = ["---" if at == 0 else "---:" for at in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def machine(packages: Sequence[str]) -> str:
    """Say where and with what this ran."""
    model = re.search(r"model name\s*:\s*(.+)", _read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    parts = [
        model.group(1) if model else platform.processor() or platform.machine(),
        f"{CORES} of {os.cpu_count()} cores used",
        f"{int(memory.group(1)) / 2**20:.0f} GiB memory" if memory else "",
        f"Linux {platform.release()}" if platform.system() == "Linux" else platform.platform(),
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in packages),
    ]
    busy = os.getloadavg()[0]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{when}; load average {busy:.1f} at the end; " + ", ".join(part for part in parts if part) + "."


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def write_section(readme: Path, name: str, text: str) -> None:
    """Put a text between the two marks of that name in a file."""
    begin, end = f"<!-- {name} -->", f"<!-- end {name} -->"
    whole = readme.read_text(encoding="utf-8")
    if begin not in whole or end not in whole:
        raise SystemExit(f"{readme} has no section {name}")
    before, after = whole.split(begin)[0], whole.split(end)[1]
    readme.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
