"""One model in a process of its own: ``python -m cartpath.training.next_item.worker JOB``.

So its peak memory is its own, a crash is no end of the others, and a kill of the benchmark ends it too. Messages go to
standard output as JSON, one a line; what libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.models.artefact import finite
from cartpath.schema import CartpathError
from cartpath.store import write_json
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.next_item.judge import judge, ndcg_10
from cartpath.training.next_item.recipe import FitOptions
from cartpath.training.next_item.registry import recipe_of
from cartpath.training.next_item.results import RANK, write_ranks

JOB, RESULT, SPLIT = "job.json", "result.json", "split.pickle"
#: Second column of ranks: the model was told when the answer came.
RANK_WITH_TIME = "rank_with_target_time"


def run(job: dict[str, Any], split: NextItemSplit, progress: Progress) -> dict[str, Any]:
    """Fit a model, judge it on the test questions, write their ranks, and return what was measured."""
    recipe = recipe_of(job["model"])
    options = FitOptions(
        seed=job["seed"],
        budget_seconds=job["budget_seconds"],
        preset=job["preset"],
        settings=job["settings"],
        folder=Path(job["folder"]),
        refit=job["refit"],
    )
    base = peak_mb()
    fitted, seconds, cpu = _timed(lambda: recipe.fit(split, options, progress))
    fitted_peak = peak_mb()
    progress("judging", 0.95)
    ranks, judge_seconds, _ = _timed(lambda: {RANK: judge(fitted.model, split, split.test)})
    if job["with_target_time"]:
        ranks[RANK_WITH_TIME] = judge(fitted.model, split, split.test, with_time=True)
    ids = split.log.view.user_id if job["with_ids"] else None
    write_ranks(Path(job["ranks"]), split.test.user, ranks, ids)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "judge_seconds": judge_seconds,
        "peak_mb": peak_mb(),
        "peak_mb_before_fit": base,
        "peak_mb_fit": fitted_peak,
        "epochs": fitted.epochs,
        "chosen": fitted.chosen,
        "curve": fitted.curve,
        "valid_NDCG@10": ndcg_10(fitted.model, split) if fitted.valid is None else fitted.valid,
    }


def peak_mb() -> float:
    """Return the largest memory of this process so far, in MB (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: on Linux it begins with the memory of the process that started this one.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1)


def _timed(function: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return result, round(time.perf_counter() - wall, 3), round(time.process_time() - cpu, 3)


def _end_with_parent() -> None:
    """End when the parent does: its end of standard input is closed then."""
    while os.read(0, 1):
        pass
    os._exit(1)


def main(folder: Path) -> None:
    """Do the job of a folder and leave the result there."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Standard output is for messages alone, whatever a library prints.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def progress(message: str, share: float) -> None:
        channel.write(json.dumps(finite({"message": message, "share": float(share)})) + "\n")
        channel.flush()

    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    try:
        with open(job["split"], "rb") as file:
            split = pickle.load(file)
        result = {"status": "done", **run(job, split, progress)}
    except Exception as error:
        traceback.print_exc()
        known = isinstance(error, CartpathError)
        result = {"status": "failed", "reason": _reason(error), "is_input": known, "peak_mb": peak_mb()}
    write_json(folder / RESULT, finite(_plain(result)))


def _reason(error: Exception) -> str:
    if isinstance(error, CartpathError):
        return f"{error.message}; {error.hint}" if error.hint else error.message
    return f"{type(error).__name__}: {error}"


def _plain(value: Any) -> Any:
    """Turn NumPy's numbers into those that JSON knows."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
