"""Models of intent: will a purchase follow? Each gives log odds; a calibration makes them probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cartpath.models.artefact import read_json
from cartpath.models.intent.base_rate import BaseRate
from cartpath.models.intent.behaviour import BehaviourIntent
from cartpath.models.intent.blend import BlendIntent
from cartpath.models.intent.drivers import Driver, Explanation, explain
from cartpath.models.intent.logistic import Design, LogisticIntent
from cartpath.models.intent.scorer import (
    CALIBRATION,
    GROUPS,
    Answered,
    Intent,
    IntentScorer,
    StepCalibration,
    fit_step_calibration,
    group_of,
    held_out_probabilities,
    read_scorer,
    steps_at,
)
from cartpath.models.intent.trees import TreeIntent, frozen_features, tree_features
from cartpath.schema import CartpathError

__all__ = [
    "GROUPS",
    "Answered",
    "BaseRate",
    "BehaviourIntent",
    "BlendIntent",
    "Design",
    "Driver",
    "Explanation",
    "Intent",
    "IntentScorer",
    "LogisticIntent",
    "StepCalibration",
    "TreeIntent",
    "explain",
    "fit_step_calibration",
    "frozen_features",
    "group_of",
    "held_out_probabilities",
    "load_intent",
    "steps_at",
    "tree_features",
]

_KINDS: Mapping[str, Callable[[Path], Intent]] = {
    "base-rate": BaseRate.load,
    "behaviour": BehaviourIntent.load,
    "blend": lambda folder: BlendIntent.load(folder, load_model),
    "logistic": LogisticIntent.load,
    "trees": TreeIntent.load,
}


def load_model(folder: Path) -> Intent:
    """Read a model of any kind, without its calibration."""
    kind = str(read_scorer(folder).get("kind"))
    if kind not in _KINDS:
        raise CartpathError(f"{folder} holds an intent model of an unknown kind {kind!r}", "fine-tune again")
    try:
        return _KINDS[kind](folder)
    except KeyError as error:
        raise CartpathError(
            f"{folder} is of an earlier version or damaged: it has no {error}", "fine-tune again"
        ) from None


def load_intent(folder: Path) -> IntentScorer:
    """Read a model of any kind with its calibration.

    Parameters
    ----------
    folder : Path
        What ``IntentScorer.save`` wrote into.

    Raises
    ------
    CartpathError
        If it is missing, damaged or of an unknown kind.
    """
    model = load_model(folder)
    raw = read_json(folder / CALIBRATION)
    if raw is None:
        raise CartpathError(f"{folder} holds no calibration (no {CALIBRATION})", "fine-tune again: cartpath finetune")
    answered = raw.get("answered")
    return IntentScorer(model, StepCalibration.from_dict(raw), None if answered is None else Answered(**answered))
