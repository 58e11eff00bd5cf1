"""What is asked of users at cut-offs: made of options, written down, and found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cartpath.models import folder_of, read_json, write_json
from cartpath.schema import CartpathError, Event, seconds
from cartpath.tasks import REPEATED, ChurnTask, RepeatTask, SpendTask, TimeSplit
from cartpath.training.cutoff.job import CutoffTask

TASKS: tuple[str, ...] = ("churn", "spend", "repeat")
#: How far an answer looks where nobody says, and what stands for any event.
HORIZON, VISIT = "30d", "visit"
_FILE = "task.json"
_KINDS: dict[str, type[CutoffTask]] = {"churn": ChurnTask, "spend": SpendTask, "repeat": RepeatTask}


@dataclass(frozen=True)
class Asked:
    """The options of a question, as far as somebody gave them.

    Attributes
    ----------
    horizon : str, optional
        How far an answer looks; ``"30d"`` by default.
    active_within : str, optional
        How long before the cut-off users were active, or bought what is asked about; however long by default.
    event : str, optional
        Of churn, whose absence it is: any event by default. Of spend, who is asked about: buyers by default. ``visit``
        is any event.
    of : str, optional
        Of repeat, what is bought again: one of ``REPEATED``, an item by default.
    step : str, optional
        From one cut-off to the next; the horizon by default.
    """

    horizon: str | None = None
    active_within: str | None = None
    event: str | None = None
    of: str | None = None
    step: str | None = None

    def __bool__(self) -> bool:
        return any(value is not None for value in vars(self).values())

    def task(self, name: str) -> CutoffTask:
        """Return the task.

        Raises
        ------
        CartpathError
            If there is no such task, an option means nothing to it, or a time cannot be read.

        Examples
        --------
        >>> Asked("90d", event="purchase").task("churn")
        ChurnTask(horizon='90d', active_within=None, event='purchase', step=None)
        >>> Asked(event="visit").task("spend").among is None
        True
        """
        check_task(name)
        self._check(name)
        horizon = self.horizon or HORIZON
        event = None if self.event == VISIT else self.event
        if name == "churn":
            return ChurnTask(horizon, self.active_within, event, self.step)
        if name == "spend":
            among = Event.purchase if self.event is None else event
            return SpendTask(horizon, self.active_within, among, self.step)
        return RepeatTask(horizon, self.of or REPEATED[0], self.active_within, self.step)

    def _check(self, name: str) -> None:
        for text in (self.horizon, self.active_within, self.step):
            if text is not None:
                seconds(text)
        if self.of is not None and name != "repeat":
            raise CartpathError(f"--of says what is bought again, and {name} does not ask that", "leave it out")
        if self.of is not None and self.of not in REPEATED:
            raise CartpathError(
                f"cannot ask who buys the same {self.of!r} again", f"ask about one of: {', '.join(REPEATED)}"
            )
        if self.event is not None and name == "repeat":
            raise CartpathError("repeat asks about purchases, so --event means nothing to it", "leave it out")


def check_task(name: str) -> None:
    """Refuse a name that is no task of users at cut-offs."""
    if name not in TASKS:
        raise CartpathError(f"there is no task {name!r} of users at cut-offs", f"known: {', '.join(TASKS)}")


def words_of(name: str, task: CutoffTask) -> dict[str, Any]:
    """Return the question as JSON and as cards have it.

    Examples
    --------
    >>> words_of("churn", ChurnTask("30d"))
    {'task': 'churn', 'asked': {'horizon': '30d', 'active_within': None, 'event': None, 'step': None}}
    """
    return {"task": name, "asked": asdict(task)}


def task_of(name: str, asked: Mapping[str, Any]) -> CutoffTask:
    """Return the task of a question as a card has it."""
    return _KINDS[name](**asked)


def write_question(workspace: Path, split: TimeSplit, name: str, task: CutoffTask) -> None:
    """Write down what is asked last: every model of the task is fitted and judged by it."""
    write_json(folder_of(workspace, name) / _FILE, {"cuts": list(split.cuts), **words_of(name, task)})


def read_question(workspace: Path, name: str) -> tuple[TimeSplit, CutoffTask] | None:
    """Return what was asked last; None before anything was."""
    raw = read_json(folder_of(workspace, name) / _FILE)
    if raw is None:
        return None
    first, second, third = (int(cut) for cut in raw["cuts"])
    return TimeSplit((first, second, third)), task_of(name, raw["asked"])
