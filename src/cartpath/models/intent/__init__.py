"""Models of intent: will a purchase follow? Each gives log odds; a calibration makes them probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cartpath.models.artefact import read_json, read_scorer
from cartpath.models.intent.base_rate import BaseRate
from cartpath.models.intent.behaviour import BehaviourIntent
from cartpath.models.intent.blend import BlendIntent
from cartpath.models.intent.catalogue import check_catalogue, encoders_of
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
    "check_catalogue",
    "encoders_of",
    "explain",
    "fit_step_calibration",
    "frozen_features",
    "group_of",
    "held_out_probabilities",
    "load_intent",
    "steps_at",
    "tree_features",
]

AGAIN = "fit it again: cartpath finetune SHOP --task intent, or cartpath evaluate SHOP --task intent --models NAME"
_KINDS: Mapping[str, Callable[[Path], Intent]] = {
    "adapted": BehaviourIntent.load_adapted,
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
    except CartpathError:
        raise
    except KeyError as error:
        raise CartpathError(f"{folder} is of an earlier version or damaged: it has no {error}", AGAIN) from None
    except Exception as error:
        # Each kind of model has its own files, and each of their readers its own errors.
        raise CartpathError(f"{folder} is damaged: {error}", AGAIN) from error


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
        raise CartpathError(f"{folder} holds no calibration (no {CALIBRATION})", AGAIN)
    try:
        answered = raw.get("answered")
        return IntentScorer(model, StepCalibration.from_dict(raw), None if answered is None else Answered(**answered))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CartpathError(f"{folder / CALIBRATION} is damaged: {error}", AGAIN) from error
