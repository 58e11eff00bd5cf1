"""A search of settings by Optuna: kept on disk, gone on with where it was stopped, hopeless trials ended early."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import Trial, TrialState

from cartpath.schema import CartpathError
from cartpath.store.files import exclusive
from cartpath.training.data import Progress
from cartpath.training.samplers import How
from cartpath.training.setting import Setting, Value
from cartpath.training.trials import finite, fits, row_of, suggested

#: What a trial may end by without ending the search: bad settings, not bugs and not interrupts.
_FAILURES = (CartpathError, RuntimeError, ValueError, ArithmeticError, MemoryError)

Report = Callable[[int, float, bool], None]
#: Settings and a report to a loss; told the number of the trial as well.
Objective = Callable[[int, dict[str, Value], Report], float]


class _TimeIsUp(BaseException):
    """Ends a trial that the next run goes on with."""


class _Held(JournalFileOpenLock):
    """No lock: ``opened`` holds one on the whole search, which goes with its process."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


@contextmanager
def opened(file: Path, name: str, space: Mapping[str, Setting], how: How, fresh: bool = False) -> Iterator[Study]:
    """Open a study, made if it is not there, for one process at a time.

    Parameters
    ----------
    file : Path
        Optuna's journal; it may hold several studies.
    name : str
        Of the study: what its losses depend on.
    space : mapping
        Settings that are searched.
    how : How
    fresh : bool
        Whether to forget what the study has.

    Raises
    ------
    WorkspaceBusyError
        If another process searches in the file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    verbosity = optuna.logging.get_verbosity()
    busy = f"{file} is in use by a search, process {{holder}}"
    with exclusive(file.with_suffix(".lock"), busy, "wait for it to end, then run this again"):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            yield Study(_loaded(file, name, how, fresh), space, how)
        finally:
            optuna.logging.set_verbosity(verbosity)


def _loaded(file: Path, name: str, how: How, fresh: bool) -> optuna.Study:
    if file.exists():
        _cut_torn_line(file)
    try:
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(file), _Held(str(file))))
        if fresh and name in optuna.get_all_study_names(storage):
            optuna.delete_study(study_name=name, storage=storage)
        return optuna.create_study(
            study_name=name, storage=storage, direction="minimize", load_if_exists=True, pruner=how.pruner_of()
        )
    except (ValueError, KeyError) as error:
        raise CartpathError(f"{file} is damaged: {error}", "remove it: the search starts anew") from error


def _cut_torn_line(file: Path) -> None:
    """Remove a last line that a power cut left half written."""
    content = file.read_bytes()
    if not content.endswith(b"\n"):
        os.truncate(file, content.rfind(b"\n") + 1)


class Study:
    """Trials of settings and their losses.

    Parameters
    ----------
    study : optuna.Study
    space : mapping
    how : How
    """

    def __init__(self, study: optuna.Study, space: Mapping[str, Setting], how: How) -> None:
        self._study, self._space, self._how = study, space, how
        self._until = math.inf

    @property
    def most(self) -> float:
        """Trials that there can be: the points of a grid, else as many as one likes."""
        return (
            math.prod(len(setting.tried) for setting in self._space.values())
            if self._how.sampler == "grid"
            else math.inf
        )

    def run(
        self, objective: Objective, trials: int, minutes: float | None, usual: Mapping[str, Value], told: Progress
    ) -> None:
        """Try settings until there are so many trials, those of earlier runs counted.

        A trial that an earlier run left unfinished comes first. Trials that fail count; the others go on.

        Parameters
        ----------
        objective : callable
        trials : int
        minutes : float, optional
            Longest time; the trial that it ends is gone on with by the next run.
        usual : mapping
            What is tried first, but on a grid.
        told : callable
            Of progress.
        """
        self._until = math.inf if minutes is None else time.monotonic() + 60 * minutes
        trials = int(min(trials, self.most))
        try:
            while (number := self._number()) < trials:
                self._check_time()
                best = self.best()
                found = "" if best is None else f", best loss {best['loss']:.5f}"
                told(f"trial {number + 1} of {trials}{found}", number / trials)
                self._try(self._next(number, usual), objective)
        except _TimeIsUp:
            told("the time is up", 1.0)

    def _number(self) -> int:
        """Return the number of the trial that comes next; one that was left unfinished does."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return min(
            [trial.number for trial in (*running, *waiting)], default=len(self._study.get_trials(deepcopy=False))
        )

    def _next(self, number: int, usual: Mapping[str, Value]) -> Trial:
        self._study.sampler = self._how.sampler_of(self._space, number)
        left = self._study.get_trials(states=(TrialState.RUNNING,))
        if left:
            return Trial(self._study, left[0]._trial_id)
        if number == 0 and self._how.sampler != "grid":
            here = {name: usual[name] for name in self._space if name in usual and fits(self._space[name], usual[name])}
            self._study.enqueue_trial(here, skip_if_exists=True)
        return self._study.ask()

    def _try(self, trial: Trial, objective: Objective) -> None:
        settings = {name: suggested(trial, name, setting) for name, setting in self._space.items()}
        began, loss, state = time.monotonic(), None, TrialState.COMPLETE
        try:
            loss = finite(objective(trial.number, settings, self._report(trial)))
        except optuna.TrialPruned:
            state = TrialState.PRUNED
        except _FAILURES as error:
            state = TrialState.FAIL
            trial.set_user_attr("error", str(error))
        trial.set_user_attr("seconds", round(time.monotonic() - began, 2))
        self._study.tell(trial, loss, state)

    def _report(self, trial: Trial) -> Report:
        known = set(self._study.get_trials(deepcopy=False)[trial.number].intermediate_values)

        def report(step: int, loss: float, last: bool) -> None:
            finite(loss)
            if step not in known:
                trial.report(loss, step)
            if not last and trial.should_prune():
                raise optuna.TrialPruned
            self._check_time()

        return report

    def _check_time(self) -> None:
        if time.monotonic() >= self._until:
            raise _TimeIsUp

    def watched(self, told: Progress) -> Progress:
        """Return a listener that ends the trial when the time is up."""

        def heard(message: str, share: float) -> None:
            told(message, share)
            self._check_time()

        return heard

    def best(self) -> dict[str, Any] | None:
        """Return ``trial``, ``loss`` and ``settings`` of the best trial that was not ended early; None without one."""
        done = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not done:
            return None
        found = min(done, key=lambda trial: (trial.value or 0.0, trial.number))
        return {"trial": found.number, "loss": found.value, "settings": dict(found.params)}

    def history(self) -> list[dict[str, Any]]:
        """Return ``trial``, ``state``, ``loss`` (the best on the way, of one ended early), ``steps``, ``settings`` …"""
        return [row_of(trial) for trial in self._study.get_trials(deepcopy=False)]
