"""Single trials of a search: which values they may have, and what is told of them."""

from __future__ import annotations

import math
from typing import Any

from optuna.trial import FrozenTrial, Trial

from cartpath.schema import CartpathError
from cartpath.training.setting import Setting, Value


def row_of(trial: FrozenTrial) -> dict[str, Any]:
    """Return a trial as a history has it; its loss is the best on the way, where it was ended early."""
    on_the_way = trial.intermediate_values
    return {
        "trial": trial.number,
        "state": {"FAIL": "failed"}.get(trial.state.name, trial.state.name.lower()),
        "loss": trial.value if trial.value is not None else min(on_the_way.values(), default=None),
        "steps": len(on_the_way),
        "settings": dict(trial.params),
        "seconds": trial.user_attrs.get("seconds"),
        **({"error": trial.user_attrs["error"]} if "error" in trial.user_attrs else {}),
    }


def finite(loss: float) -> float:
    """Return a loss, and refuse one that is no number: it ends the trial."""
    if not math.isfinite(loss):
        raise CartpathError("the loss is no number any more", "a lower learning rate may keep it one")
    return loss


def fits(setting: Setting, value: Value) -> bool:
    """Whether a value is among those that are tried.

    Examples
    --------
    >>> fits(Setting("highest learning rate", float, 0.0, 1.0, None, (0.1, 0.5)), 0.7)
    False
    """
    return value in setting.tried if setting.choice else min(setting.tried) <= value <= max(setting.tried)


def suggested(trial: Trial, name: str, setting: Setting) -> Value:
    """Return the value of a setting that the sampler would try."""
    if setting.choice:
        return trial.suggest_categorical(name, setting.tried)
    low, high = min(setting.tried), max(setting.tried)
    if setting.kind is int:
        return trial.suggest_int(name, int(low), int(high), log=setting.log)
    return trial.suggest_float(name, low, high, log=setting.log)
