"""What every recipe of a model of users at cut-offs is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.features import Log, PathEncoder
from cartpath.models import Pretrained
from cartpath.models.cutoff import CutoffModel
from cartpath.store.hashing import hash_strings
from cartpath.tasks import ChurnRows, ChurnTask, RepeatRows, RepeatTask, SpendRows, SpendTask, TimeSplit
from cartpath.training.intent.job import Options

CutoffTask = ChurnTask | SpendTask | RepeatTask
AnsweredRows = ChurnRows | SpendRows | RepeatRows
#: Rows that models learn from, and are chosen by, at most; of more, those of a draw of users.
MOST_ROWS = 300_000


@dataclass
class CutoffJob:
    """The rows, the pretrained model, and the models that are fitted already.

    Attributes
    ----------
    workspace : Path
    log : Log
    split : TimeSplit
    task : ChurnTask, SpendTask or RepeatTask
        Whatever it is, ``models.cutoff.target_of(rows)`` is what a model is fitted to.
    rows : ChurnRows, SpendRows or RepeatRows
        Of all slices.
    base : Path
        Folder of the pretrained model.
    card : mapping
        The pretrained model's.
    options : Options
        As of intent; ``positive_weight`` means nothing to spend.
    zone : str
        IANA name of the shop's time zone.
    done : dict of str to CutoffModel
        By name, without calibration: blends are made of them.
    """

    workspace: Path
    log: Log
    split: TimeSplit
    task: CutoffTask
    rows: AnsweredRows
    base: Path
    card: Mapping[str, Any]
    options: Options = field(default_factory=Options)
    zone: str = "UTC"
    done: dict[str, CutoffModel] = field(default_factory=dict)
    _parts: dict[str, AnsweredRows] = field(default_factory=dict, init=False, repr=False)

    @property
    def name(self) -> str:
        """``churn``, ``spend`` or ``repeat``."""
        return {ChurnTask: "churn", SpendTask: "spend", RepeatTask: "repeat"}[type(self.task)]

    @property
    def of_amounts(self) -> bool:
        """Whether an amount is asked for, rather than a probability."""
        return isinstance(self.task, SpendTask)

    @cached_property
    def pretrained(self) -> Pretrained:
        """The pretrained model, not to be changed: what is fine-tuned is loaded anew."""
        return Pretrained.load(self.base)

    @property
    def encoder(self) -> PathEncoder:
        """Fields and values of the training period, for every model the same."""
        return self.pretrained.encoder

    def of(self, name: str) -> AnsweredRows:
        """Return the rows of a slice: each time the same object, so that what is known of them can be kept."""
        if name not in self._parts:
            self._parts[name] = self.rows.of(name)
        return self._parts[name]

    @cached_property
    def learned_from(self) -> AnsweredRows:
        """The rows of the training slice, of so many users as do not give too many."""
        return self._some(self.of("train"))

    @cached_property
    def chosen_by(self) -> AnsweredRows:
        """The rows of the validation slice, of so many users as do not give too many."""
        return self._some(self.of("validation"))

    @cached_property
    def can_choose(self) -> bool:
        """Whether validation can tell models apart: it has rows, and their answers differ."""
        rows = self.chosen_by
        answer = rows.value if isinstance(rows, SpendRows) else rows.label
        return len(rows) > 0 and bool((answer != answer[0]).any())

    def _some(self, rows: AnsweredRows) -> AnsweredRows:
        if len(rows) <= MOST_ROWS:
            return rows
        # Drawn by their ids, so that users who come later change nothing in the draw.
        key = hash_strings(self.log.view.user_id) * np.uint64(2 * self.options.seed + 1)
        return rows.take(np.flatnonzero((key / 2**64)[rows.user] < MOST_ROWS / len(rows)))


@dataclass(frozen=True)
class Fitted:
    """A model, not calibrated, and what its fitting took.

    Attributes
    ----------
    model : CutoffModel
    about : dict
        For the model's card.
    weight : float
        What the loss of a positive was multiplied by; the calibration takes it out again.
    """

    model: CutoffModel
    about: dict[str, Any] = field(default_factory=dict)
    weight: float = 1.0
