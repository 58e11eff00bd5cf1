"""The models that the service answers with: loaded once, and again when a new version is current, swapped at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from cartpath.config import FILE_NAME
from cartpath.config.serve import SCORERS
from cartpath.models.artefact import MODELS, POINTER
from cartpath.schema import CartpathError
from cartpath.serving.logs import log, log_fault

RECOMMEND = "recommend"
#: Artefacts that belong to one task alone, by what their folders begin with.
_TASKS = ("intent", "churn", "spend", "repeat")
Loader = Callable[[Path], Any]


@dataclass(frozen=True)
class Loaded:
    """What is loaded at one time.

    Attributes
    ----------
    found : mapping of str to object
        By name of ``SCORERS``: ``recommend`` a ranker, others a ``Scorer``.
    since : mapping of str to str
        When each was loaded.
    missing : mapping of str to str
        Why others are not.
    """

    found: Mapping[str, Any] = field(default_factory=dict)
    since: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def to_list(self) -> list[dict[str, Any]]:
        """Return what is loaded, one record a model."""
        rows = []
        for name, one in self.found.items():
            about = {"task": name, "model": one.model, "loaded": self.since[name]}
            more = ("policy",) if name == RECOMMEND else ("version", "made")
            rows.append({**about, **{field: getattr(one, field) for field in more}})
        return rows


#: Where each scorer is, imported by the thread that loads it: PyTorch comes with most.
_PLACES = {
    RECOMMEND: ("cartpath.recommend", "Ranker"),
    "intent": ("cartpath.serving.scorers.intent", "IntentScores"),
    "churn": ("cartpath.serving.scorers.churn", "ChurnScores"),
    "next": ("cartpath.serving.scorers.next_step", "NextScores"),
}


def load_scorer(name: str, workspace: Path) -> Any:
    """Load a scorer of a workspace, by its name of ``SCORERS``.

    Raises
    ------
    CartpathError
        If nothing is fitted for it, or an extra is missing.
    """
    module, kind = _PLACES[name]
    return getattr(import_module(module), kind).load(workspace)


class Models:
    """Loads models in a thread of its own, and looks for new versions.

    Parameters
    ----------
    workspace : Path
    wanted : tuple of str
        What must be loaded before the service is ready; none named is whatever can be loaded.
    every : float
        Seconds between two looks.
    load : mapping of str to callable, optional
        What loads each; ``load_scorer`` by default.

    Attributes
    ----------
    current : Loaded
    warm : callable
        Told the name of what was loaded and the thing itself, before it is asked by anybody.
    told : callable
        Told the name of what was loaded, the thing itself, or None where that failed.
    """

    def __init__(
        self, workspace: Path, wanted: tuple[str, ...], every: float, load: Mapping[str, Loader] | None = None
    ) -> None:
        self.workspace, self.wanted, self._every = workspace, wanted, every
        self._load = {name: partial(load_scorer, name) for name in SCORERS} if load is None else load
        #: Replaced whole, never changed: who reads it once has things that belong together.
        self.current = Loaded()
        self.warm: Callable[[str, Any], None] = lambda name, one: None
        self.told: Callable[[str, Any], None] = lambda name, one: None
        self._stamps: dict[str, Any] = {}
        self._looked, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="models", daemon=True)

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking; what is being loaded is waited for."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def loading(self) -> bool:
        """Whether the first look is not over."""
        return not self._looked.is_set()

    def not_ready(self) -> str | None:
        """Return why the service is not ready, in words; None if it is."""
        if self.loading:
            return "models are being loaded"
        lacking = [name for name in self.wanted if name not in self.current.found]
        return f"not loaded: {', '.join(lacking)}" if lacking else None

    def look(self) -> list[str]:
        """Load what is new, and return the names of it; what cannot be loaded leaves the version before."""
        load, new = self._load, []
        for name in self.wanted or SCORERS:
            stamp = stamp_of(self.workspace, name)
            if name not in load or self._stamps.get(name) == stamp:
                continue
            self._stamps[name] = stamp
            if self._load_one(name, load[name]):
                new.append(name)
        self._looked.set()
        return new

    def _load_one(self, name: str, load: Loader) -> bool:
        now, before = datetime.now(UTC).isoformat(timespec="seconds"), self.current
        try:
            one = load(self.workspace)
            self.warm(name, one)
        except Exception as error:
            why = self._failed(name, error)
            self.current = replace(before, missing={**before.missing, name: why})
            return False
        missing = {other: why for other, why in before.missing.items() if other != name}
        self.current = Loaded({**before.found, name: one}, {**before.since, name: now}, missing)
        log("loaded", task=name, model=one.model)
        self.told(name, one)
        return True

    def _failed(self, name: str, error: Exception) -> str:
        """Write down that something is not loaded; return why, in words."""
        if not isinstance(error, CartpathError):
            log_fault("not loaded", error, task=name)
            self.told(name, None)
            return f"a fault: {type(error).__name__}"
        log("not loaded", task=name, why=error.message)
        if name in self.wanted or name in self.current.found:
            self.told(name, None)
        return str(error)

    def _watch(self) -> None:
        while True:
            try:
                self.look()
            except Exception as error:
                log_fault("new versions could not be looked for", error)
            if self._stop.wait(self._every):
                return


def stamp_of(workspace: Path, name: str) -> tuple[tuple[str, str], ...]:
    """Return what the pointers to the current versions say that a scorer depends on.

    Parameters
    ----------
    workspace : Path
    name : str
        Of ``SCORERS``.

    Returns
    -------
    tuple of (str, str)
        Name of a folder or file, and what is written there. It changes when another version becomes the current one.
    """
    found = []
    for path in sorted((workspace / MODELS).glob(f"*/{POINTER}")):
        task = path.parent.name.partition("-")[0]
        if _concerns(name, path.parent.name, task):
            found.append((path.parent.name, _text(path)))
    if name in _TASKS:
        found.append(("best", _text(workspace / MODELS / name / "best.json")))
    if name == RECOMMEND:
        found.append((FILE_NAME, _text(workspace / FILE_NAME)))
    return tuple(found)


def _concerns(name: str, folder: str, task: str) -> bool:
    if name == "next":
        return folder == "behaviour"
    return task == name if name in _TASKS else task not in _TASKS


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
