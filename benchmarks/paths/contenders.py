"""One contender, one question, some times: ``python contenders.py NAME QUESTION FOLDER REPEATS``; prints JSON.

It runs in the contender's own environment, so each is imported only where it is asked.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

CORES = 2


def main() -> None:
    """Load, ask, and say how long it took each time and what the answer was."""
    name, question, folder, repeats = sys.argv[1:]
    module, _, how = name.partition(":")
    warnings.simplefilter("ignore")
    began = time.perf_counter()
    contender = import_module(f"by_{module}")
    imported, used = time.perf_counter(), time.process_time()
    ask = contender.ask(question, Path(folder), how, CORES)
    said: dict[str, Any] = {
        "import": imported - began,
        "load": time.perf_counter() - imported,
        "load_cpu": time.process_time() - used,
        "wall": [],
        "cpu": [],
    }
    for _ in range(int(repeats)):
        began, used = time.perf_counter(), time.process_time()
        said["answer"] = ask()
        said["wall"].append(time.perf_counter() - began)
        said["cpu"].append(time.process_time() - used)
        said.setdefault("first_cpu", time.process_time())  # from the start of the process to the first answer
    print(json.dumps(said | {"peak_mb": _peak_mb()}, default=_plain))


def _peak_mb() -> float:
    """The peak of this program: what ``wait4`` says starts with the peak of the process that it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _plain(value: Any) -> Any:
    return value.item()  # a NumPy number


if __name__ == "__main__":
    main()
