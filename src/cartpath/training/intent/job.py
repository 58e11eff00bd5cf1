"""What every recipe of an intent model is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cartpath.features import PathEncoder
from cartpath.models import Pretrained
from cartpath.models.intent import Intent, IntentScorer
from cartpath.training.intent.data import IntentData


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
        Of the method of fine-tuning, such as ``rank`` of LoRA.
    """

    epochs: int | None = None
    minutes: float | None = None
    seed: int = 0
    positive_weight: float = 1.0
    resume: bool = True
    save_every: float = 20.0
    settings: Mapping[str, Any] = field(default_factory=dict)


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
    """

    workspace: Path
    data: IntentData
    base: Path
    card: Mapping[str, Any]
    options: Options = field(default_factory=Options)
    done: dict[str, IntentScorer] = field(default_factory=dict)
    zone: str = "UTC"

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
    """

    model: Intent
    about: dict[str, Any] = field(default_factory=dict)
    weight: float = 1.0
