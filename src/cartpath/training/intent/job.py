"""What every recipe of an intent model is given, and what it gives back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import PathEncoder
from cartpath.models import Pretrained
from cartpath.models.intent import Intent, IntentScorer
from cartpath.tasks import IntentRows
from cartpath.training.intent.data import IntentData

INTENT = "intent"


@dataclass(frozen=True)
class HeldOut:
    """What a model said of the validation rows when it had not learned from them.

    Attributes
    ----------
    ends : int64 array (n,)
        Places in the path, ascending.
    logits : float64 array (n,)

    Examples
    --------
    >>> HeldOut(np.array([3, 8]), np.array([0.5, -1.0])).at(np.array([8])).tolist()
    [-1.0]
    """

    ends: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float64]

    def at(self, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the log odds at some of the places."""
        found: npt.NDArray[np.float64] = self.logits[np.searchsorted(self.ends, ends)]
        return found


@dataclass(frozen=True)
class Options:
    """How to fit.

    Attributes
    ----------
    epochs, minutes : optional
        Of networks; by default by the size of the log, and as long as it takes.
    seed : int
    positive_weight : float
        Of the loss of a positive, against a negative's 1; taken out again by the calibration.
    resume : bool
        Whether a network goes on from its last checkpoint.
    save_every : float
        Seconds between checkpoints.
    settings : mapping
        Of the model; see ``known_settings``.
    searched : bool
        Whether the best settings that a search found are taken, where ``settings`` do not say otherwise.
    refit : bool
        Whether a model is fitted again on training and validation, once everything is chosen.
    stop : int, optional
        End after so many of the epochs, as in ``Plan``.
    judged : callable, optional
        Told a step of the fitting, the validation loss there, and whether it was the last: epochs of networks; of
        trees so many that their learning rates add up to ``classical.STEP``. What it raises ends the fitting.
    """

    epochs: int | None = None
    minutes: float | None = None
    seed: int = 0
    positive_weight: float = 1.0
    resume: bool = True
    save_every: float = 20.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    searched: bool = True
    refit: bool = False
    stop: int | None = None
    judged: Callable[[int, float, bool], None] | None = None


@dataclass
class Job:
    """The rows, the pretrained model, and the models that are fitted already.

    Attributes
    ----------
    workspace : Path
    data : IntentData
    base : Path
        Folder of the pretrained model.
    card : mapping
        The pretrained model's.
    options : Options
    done : dict of str to IntentScorer
        By name: blends are made of them.
    zone : str
        IANA name of the shop's time zone, whose hours and days are features.
    held : dict of str to HeldOut
        What models that were fitted again said of validation before.
    checkpoints : Path, optional
        Where networks keep them; by default beside the model's versions.
    kept : dict, optional
        What is the same in every fit of this job, such as features; kept where there is a dictionary to keep it in.
    """

    workspace: Path
    data: IntentData
    base: Path
    card: Mapping[str, Any]
    options: Options = field(default_factory=Options)
    done: dict[str, IntentScorer] = field(default_factory=dict)
    zone: str = "UTC"
    held: dict[str, HeldOut] = field(default_factory=dict)
    checkpoints: Path | None = None
    kept: dict[str, Any] | None = None

    @property
    def question(self) -> dict[str, Any]:
        """What is asked, and of which pretrained model: models and searches of another question are not mixed in."""
        return {
            "task": INTENT,
            "cuts": list(self.data.split.cuts),
            "target": self.data.task.target,
            "horizon": self.data.task.horizon,
            "pretrained": str(self.card["made"]),
        }

    def logits_of(self, name: str, rows: IntentRows) -> npt.NDArray[np.float64]:
        """Return the log odds that a fitted model gives to rows of validation that it has not learned from (n,)."""
        held = self.held.get(name)
        return self.done[name].model.logits(self.data.log, rows.ends) if held is None else held.at(rows.ends)

    def scores_of(self, name: str, rows: IntentRows) -> npt.NDArray[np.float64]:
        """Return the probabilities of the same, by the model's calibration (n,)."""
        return self.done[name].calibration.apply(self.logits_of(name, rows), rows.step)

    def variant(self, **changed: Any) -> Job:
        """Return the same job but for some attributes; what is fitted is in both."""
        other = copy.copy(self)
        for name, value in changed.items():
            setattr(other, name, value)
        return other

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what is made, or what was made before by that name where ``kept`` keeps it."""
        if self.kept is None:
            return make()
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    @cached_property
    def pretrained(self) -> Pretrained:
        """The pretrained model, not to be changed: what is fine-tuned is loaded anew."""
        return Pretrained.load(self.base)

    @property
    def encoder(self) -> PathEncoder:
        """Fields and values of the training period, for every model the same."""
        return self.pretrained.encoder


@dataclass(frozen=True)
class Fitted:
    """A model, not calibrated, and what its fitting took.

    Attributes
    ----------
    model : Intent
    about : dict
        For the model's card.
    weight : float
        What the loss of a positive was multiplied by.
    loss : float, optional
        Log loss on validation, of what was chosen by it.
    again : dict
        What was chosen, as fields of ``Options``: how to fit the same on more data.
    """

    model: Intent
    about: dict[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    loss: float | None = None
    again: dict[str, Any] = field(default_factory=dict)
