"""The benchmark: every model in a process of its own, one row a run, finished runs taken from the folder."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cartpath.models.presets import PRESETS
from cartpath.schema import CartpathError
from cartpath.store import atomic, write_json
from cartpath.tasks import NextItemSplit
from cartpath.tasks.protocols import BY_SESSION
from cartpath.training.data import Progress
from cartpath.training.next_item.code_version import code_version
from cartpath.training.next_item.recipe import DEFAULT_PRESET, FitOptions, Recipe
from cartpath.training.next_item.registry import MODELS, recipe_of
from cartpath.training.next_item.results import Results
from cartpath.training.next_item.source import Source, check_protocol, split_source
from cartpath.training.next_item.worker import JOB, RESULT, SPLIT

LOG = "log.txt"
_WORKER = "cartpath.training.next_item.worker"
#: Lines of what a model wrote that are shown where it ended without a word.
_TAIL = 3


@dataclass(frozen=True)
class Request:
    """What is asked of a benchmark.

    Attributes
    ----------
    protocol : str
    models : tuple of str
        In the order in which they are run; all by default.
    filter_seen : bool
    events : tuple of str, optional
        Events whose items are asked for.
    preset : str
        Size of the networks.
    budget_seconds : float, optional
        Longest time that a network is trained.
    seed : int
    fresh : bool
        Run anew what is finished.
    with_target_time : bool
        Judge models that use time a second time, told when the answer came.
    settings : mapping of model to mapping
        Settings that are given and not chosen.
    refit : bool, optional
        Learn from validation too once everything is chosen. By default where files set the test apart and validation
        was taken from what was there to be learned from: published models learned from all of that.
    """

    protocol: str
    models: tuple[str, ...] = ()
    filter_seen: bool = False
    events: tuple[str, ...] | None = None
    preset: str = DEFAULT_PRESET
    budget_seconds: float | None = None
    seed: int = 0
    fresh: bool = False
    with_target_time: bool = False
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    refit: bool | None = None

    def refits(self, source: Source) -> bool:
        """Tell whether validation is learned from in the end."""
        apart = source.part is not None and self.protocol in BY_SESSION
        return apart if self.refit is None else self.refit

    def recipes(self) -> list[Recipe]:
        """Return the recipes of the models, each once."""
        return [recipe_of(name) for name in dict.fromkeys(self.models or MODELS)]

    def check(self) -> None:
        """Refuse names that are not known, before anything is read.

        Raises
        ------
        CartpathError
            If the protocol, a model or the preset is not known.
        """
        check_protocol(self.protocol)
        self.recipes()
        if self.preset not in PRESETS:
            near = get_close_matches(self.preset, PRESETS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(PRESETS)}"
            raise CartpathError(f"there is no preset {self.preset!r}", hint)


@dataclass(frozen=True)
class Ran:
    """What a benchmark did.

    Attributes
    ----------
    split : NextItemSplit
    rows : list of dict
        The row of each model, finished or failed.
    reused : set of str
        Models whose row was there already.
    """

    split: NextItemSplit
    rows: list[dict[str, Any]]
    reused: set[str]


def run_models(source: Source, request: Request, results: Results, progress: Progress) -> Ran:
    """Run the models that are not finished, one after the other.

    Parameters
    ----------
    source : Source
    request : Request
    results : Results
        Where rows are looked up and added.
    progress : callable
    """
    request.check()
    recipes = request.recipes()
    progress("splitting", 0.0)
    split = split_source(source, request.protocol, request.filter_seen, request.events)
    data = source.content_hash()
    rows, reused = [], set()
    with results.writing():
        # A kill may have left what was handed over, and users are in it.
        for left in results.folder.glob(f"{SPLIT}*"):
            left.unlink()
        handed: Path | None = None
        try:
            for place, recipe in enumerate(recipes):
                told = _within(progress, recipe.name, place, len(recipes))
                asked = _settings(recipe, request, data, split) | {"refit": request.refits(source)}
                key = _key(asked)
                row = None if request.fresh else results.finished(key)
                if row is not None:
                    reused.add(recipe.name)
                else:
                    handed = handed or _hand_over(split, results)
                    row = _run_one(key, asked, source, results, handed, told)
                rows.append(row)
        finally:
            if handed is not None:
                handed.unlink(missing_ok=True)
    return Ran(split, rows, reused)


def _settings(recipe: Recipe, request: Request, data: str, split: NextItemSplit) -> dict[str, Any]:
    """Return all that decides a result."""
    return {
        "model": recipe.name,
        "data": data,
        "protocol": request.protocol,
        "filter_seen": request.filter_seen,
        "events": None if request.events is None else list(request.events),
        "preset": request.preset if recipe.is_network else None,
        "budget_seconds": request.budget_seconds if recipe.is_network else None,
        "seed": request.seed,
        "settings": dict(request.settings.get(recipe.name, {})),
        "questions": _digest(split),
        "with_target_time": request.with_target_time and recipe.uses_time and split.log.timed,
        "code": code_version(recipe.fit_at.partition(":")[0]),
    }


def _digest(split: NextItemSplit) -> str:
    """Return a hash of all questions: the same data may come to be asked otherwise."""
    digest = hashlib.sha256()
    for questions in (split.valid, split.test):
        for name in ("user", "ends", "truth"):
            digest.update(getattr(questions, name).tobytes())
    return digest.hexdigest()[:16]


def _key(asked: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:20]


def _within(progress: Progress, name: str, place: int, n: int) -> Progress:
    return lambda message, share: progress(f"{name}: {message}", (place + share) / n)


def _hand_over(split: NextItemSplit, results: Results) -> Path:
    """Write the split where the models' processes read it."""
    path = results.folder / SPLIT
    with atomic(path, durable=False) as temporary, open(temporary, "wb") as file:
        pickle.dump(split, file, protocol=5)
    return path


def _run_one(
    key: str, asked: dict[str, Any], source: Source, results: Results, split: Path, told: Progress
) -> dict[str, Any]:
    """Run one model in a process, and add its row."""
    folder = results.work_folder(key)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT).unlink(missing_ok=True)
    resumed = {path.name for path in folder.iterdir()} - {JOB, LOG} != set()
    job = {
        **asked,
        "preset": asked["preset"] or FitOptions().preset,
        "split": str(split.absolute()),
        "folder": str(folder.absolute()),
        "ranks": str(results.ranks_file(key).absolute()),
        # Erasing a user of a shop does not reach results, so they name none.
        "with_ids": not source.is_shop,
    }
    write_json(folder / JOB, job)
    told("starting", 0.0)
    result = _in_process(folder, told)
    row = {
        "key": key,
        **asked,
        "file": source.name,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "resumed": resumed,
        **result,
    }
    results.append(row)
    if row["status"] == "done":
        shutil.rmtree(folder, ignore_errors=True)
    return row


def _in_process(folder: Path, told: Progress) -> dict[str, Any]:
    with open(folder / LOG, "wb") as log, _process(folder, log) as process:
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line)
            told(message["message"], message["share"])
        code = process.wait()
    if (folder / RESULT).exists():
        result: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        return result
    return {"status": "failed", "is_input": False, "reason": _why(code, folder / LOG)}


@contextmanager
def _process(folder: Path, log: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker; it is gone when the block ends, however that is."""
    # The same modules as here, and not what happens to lie in the current folder.
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", _WORKER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=paths,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _why(code: int, log: Path) -> str:
    """Say how a process ended that left no result."""
    if code < 0:
        name = signal.Signals(-code).name
        return f"its process was ended by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
    last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-_TAIL:]
    return f"its process ended with code {code}: {' / '.join(last)}"[:500]


def default_folder() -> Path:
    """Return where results are kept by default: the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "cartpath" / "next-item"


def parsed_models(names: Sequence[str]) -> tuple[str, ...]:
    """Return model names from a comma-separated list, or several.

    Examples
    --------
    >>> parsed_models(["popularity, ease", "als"])
    ('popularity', 'ease', 'als')
    """
    return tuple(name.strip() for text in names for name in text.split(",") if name.strip())
