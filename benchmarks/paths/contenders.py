"""One contender, one question, some times: ``python contenders.py NAME QUESTION FOLDER REPEATS``; prints JSON.

It runs in the contender's own environment, so each is imported only where it is asked.
"""

from __future__ import annotations

import json
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
    contender = import_module(f"by_{module}")
    began, used = time.perf_counter(), time.process_time()
    ask = contender.ask(question, Path(folder), how, CORES)
    load = {"wall": time.perf_counter() - began, "cpu": time.process_time() - used}
    wall, cpu, answer = [], [], None
    for _ in range(int(repeats)):
        began, used = time.perf_counter(), time.process_time()
        answer = ask()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    print(json.dumps({"load": load, "wall": wall, "cpu": cpu, "answer": answer}, default=_plain))


def _plain(value: Any) -> Any:
    return value.item()  # a NumPy number


if __name__ == "__main__":
    main()
