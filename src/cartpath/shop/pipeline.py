"""Steps in order, each skipped while nothing that it depends on has changed; the heart of ``cartpath run``."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cartpath.schema import CartpathError, MissingExtraError

#: Version of the state file; another version is not trusted, and everything runs again.
_VERSION = 1


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes
    ----------
    name : str
    run : callable
        Does the work and returns a summary that JSON can hold.
    inputs : callable
        Returns what the result depends on, as JSON can hold it; asked when the step's turn comes.
    outputs : callable
        Returns the files that must be there for the step to be skipped.
    after : tuple of str
        Steps whose result it reads: if one of them ran again, so does this, and it cannot run if one failed.
    vital : bool
        Whether nothing can follow where it fails.
    """

    name: str
    run: Callable[[], dict[str, Any]]
    inputs: Callable[[], Any] = field(default=lambda: None)
    outputs: Callable[[], Sequence[Path]] = field(default=lambda: ())
    after: tuple[str, ...] = ()
    vital: bool = False


@dataclass(frozen=True)
class StepOutcome:
    """What became of a step.

    Attributes
    ----------
    name : str
    state : str
        ``done``, ``unchanged`` (nothing it depends on has changed), ``failed``, ``missing`` (needs an extra that is
        not installed) or ``waiting`` (a step before it did not succeed).
    seconds : float
    note : str
        Why, where it is not done.
    result : dict
        The step's summary; of the earlier run where it is unchanged.
    """

    name: str
    state: str
    seconds: float
    note: str = ""
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether its result is there."""
        return self.state in ("done", "unchanged")

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON has it."""
        return asdict(self)


def run_steps(
    steps: Sequence[Step],
    state_file: Path,
    begin: Callable[[str], None] = lambda _: None,
    end: Callable[[StepOutcome], None] = lambda _: None,
) -> list[StepOutcome]:
    """Run steps in order; the state is written after each, so that a later run goes on where this one was cut.

    Parameters
    ----------
    steps : sequence of Step
    state_file : Path
    begin, end : callable
        Told the name of each step that starts working, and each outcome.

    Returns
    -------
    list of StepOutcome

    Raises
    ------
    CartpathError
        If a vital step fails.
    """
    state = read_state(state_file)
    outcomes: dict[str, StepOutcome] = {}
    for step in steps:
        outcome = _one(step, state, outcomes, state_file, begin)
        outcomes[step.name] = outcome
        end(outcome)
    return list(outcomes.values())


def _one(
    step: Step,
    state: dict[str, Any],
    outcomes: dict[str, StepOutcome],
    state_file: Path,
    begin: Callable[[str], None],
) -> StepOutcome:
    blocked = [name for name in step.after if name in outcomes and not outcomes[name].good]
    if blocked:
        return StepOutcome(step.name, "waiting", 0.0, f"{blocked[0]} did not succeed")
    key = _digest([step.inputs(), [state.get(name, {}).get("run") for name in step.after]])
    before = state.get(step.name, {})
    if before.get("key") == key and all(path.exists() for path in step.outputs()):
        return StepOutcome(step.name, "unchanged", 0.0, f"since {before['finished']}", before["result"])
    begin(step.name)
    started = time.monotonic()
    try:
        result = step.run()
    except CartpathError as error:
        if step.vital:
            raise
        kind = "missing" if isinstance(error, MissingExtraError) else "failed"
        return StepOutcome(step.name, kind, time.monotonic() - started, str(error))
    seconds = round(time.monotonic() - started, 3)
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    run = _digest([key, finished, time.time_ns()])
    state[step.name] = {"key": key, "run": run, "finished": finished, "seconds": seconds, "result": result}
    _write_state(state_file, {"version": _VERSION, "steps": state})
    return StepOutcome(step.name, "done", seconds, result=result)


def _write_state(state_file: Path, value: dict[str, Any]) -> None:
    from cartpath import store

    store.write_json(state_file, value)


def read_state(state_file: Path) -> dict[str, Any]:
    """Return what earlier runs finished; nothing where the file is absent, damaged or of another version."""
    try:
        stored = json.loads(state_file.read_text(encoding="utf-8"))
        steps = stored["steps"] if stored["version"] == _VERSION else {}
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return {}
    wanted = {"key", "run", "finished", "result"}
    return {name: step for name, step in steps.items() if isinstance(step, dict) and wanted <= set(step)}


def fingerprint(sources: Sequence[str | Path]) -> list[list[Any]]:
    """Return the files that sources stand for, each with its size and time of change.

    Parameters
    ----------
    sources : sequence of str or Path
        Files, folders and globs.

    Returns
    -------
    list of [path, bytes, nanoseconds]
        A source that matches nothing is kept by name, so that the step runs and says so.
    """
    found: list[list[Any]] = []
    for source in sources:
        files = _files(Path(source))
        found += [[str(f), f.stat().st_size, f.stat().st_mtime_ns] for f in files] or [[str(source), -1, -1]]
    return found


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(f.resolve() for f in source.rglob("*") if f.is_file())
    if source.exists():
        return [source.resolve()]
    root = Path(source.anchor) if source.is_absolute() else Path()
    pattern = str(source.relative_to(root))
    return sorted(f.resolve() for f in root.glob(pattern) if f.is_file()) if any(c in pattern for c in "*?[") else []


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
