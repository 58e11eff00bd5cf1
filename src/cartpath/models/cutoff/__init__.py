"""Models of users at cut-offs: churn, spend, and what is bought again. Calibration makes of them what is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from cartpath.models.artefact import SCORER, read_json, read_scorer
from cartpath.models.cutoff.amounts import AmountCurve
from cartpath.models.cutoff.behaviour import BehaviourCutoff
from cartpath.models.cutoff.blend import BlendModel
from cartpath.models.cutoff.calibrated import CALIBRATION, Band, LabelScorer, SpendScorer, amounts_of
from cartpath.models.cutoff.columns import ColumnSet, Described, describe
from cartpath.models.cutoff.constant import Constant
from cartpath.models.cutoff.linear import LinearModel
from cartpath.models.cutoff.scorer import CutoffModel, target_of
from cartpath.models.cutoff.trees import TreeModel, tree_inputs
from cartpath.schema import CartpathError

__all__ = [
    "SCORER",
    "AmountCurve",
    "Band",
    "BehaviourCutoff",
    "BlendModel",
    "ColumnSet",
    "Constant",
    "CutoffModel",
    "Described",
    "LabelScorer",
    "LinearModel",
    "SpendScorer",
    "TreeModel",
    "amounts_of",
    "describe",
    "load_cutoff",
    "load_model",
    "read_scorer",
    "target_of",
    "tree_inputs",
]

_KINDS: Mapping[str, Callable[[Path], CutoffModel]] = {
    "behaviour": BehaviourCutoff.load,
    "blend": lambda folder: BlendModel.load(folder, load_model),
    "constant": Constant.load,
    "lifetime-churn": lambda folder: _lifetime().LifetimeChurn.load(folder),
    "lifetime-spend": lambda folder: _lifetime().LifetimeSpend.load(folder),
    "linear": LinearModel.load,
    "trees": TreeModel.load,
}


def _lifetime() -> Any:
    # They are read lazily: they are built on this room.
    return import_module("cartpath.models.lifetime")


def load_model(folder: Path) -> CutoffModel:
    """Read a model of any kind, without its calibration."""
    kind = str(read_scorer(folder).get("kind"))
    if kind not in _KINDS:
        raise CartpathError(f"{folder} holds a model of an unknown kind {kind!r}", "fit it again")
    try:
        return _KINDS[kind](folder)
    except KeyError as error:
        raise CartpathError(
            f"{folder} is of an earlier version or damaged: it has no {error}", "fit it again"
        ) from None


def load_cutoff(folder: Path) -> LabelScorer | SpendScorer:
    """Read a model of any kind with its calibration.

    Parameters
    ----------
    folder : Path
        What ``save`` of a scorer wrote into.

    Raises
    ------
    CartpathError
        If it is missing, damaged or of an unknown kind.
    """
    model = load_model(folder)
    raw = read_json(folder / CALIBRATION)
    if raw is None:
        raise CartpathError(f"{folder} holds no calibration (no {CALIBRATION})", "fit the model again")
    return SpendScorer.read(model, raw) if raw["of"] == "amounts" else LabelScorer.read(model, raw)
