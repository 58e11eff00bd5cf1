"""What can be set of each intent model: allowed values, usual ones, and where a search looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cartpath.schema import CartpathError
from cartpath.training.setting import Setting, Value, read_settings

#: Methods of fine-tuning, in the order of what they train.
METHODS: tuple[str, ...] = ("full", "head", "top", "lora", "adapter", "prefix")
#: Networks that start from random weights.
FROM_SCRATCH: tuple[str, ...] = ("gru", "lstm", "transformer")

_WEIGHT = Setting("what the loss of a positive is multiplied by; the calibration takes it out", float, 1e-3, 1e4, 1.0)
#: Highest learning rate by method: the fewer weights there are to move, the faster they may.
_RATES = {"full": 1e-3, "head": 2e-2, "top": 3e-3, "lora": 5e-3, "adapter": 5e-3, "prefix": 2e-2}
#: Of the rate from each layer to the one below, where all of them are trained.
_FULL_DECAY = 0.6
_NETWORK: Mapping[str, Setting] = {
    "learning_rate": Setting("highest learning rate, of the head", float, 1e-8, 1.0, log=True),
    "layer_decay": Setting(
        "what the rate is multiplied by from each layer to the one below", float, 0.01, 1.0, 1.0, (0.5, 0.7, 0.85, 1.0)
    ),
    "dropout": Setting("share of activations dropped in training", float, 0.0, 0.9, None, (0.0, 0.1, 0.2, 0.4)),
    "weight_decay": Setting(
        "decoupled weight decay of linear maps", float, 0.0, 10.0, 0.01, (1e-3, 1e-2, 0.1), log=True
    ),
    "warm_up": Setting("share of the training over which the rate rises", float, 0.0, 0.9, 0.05, (0.01, 0.05, 0.2)),
    "positive_weight": replace(_WEIGHT, tried=(1.0, 3.0, 10.0), log=True),
    "average": Setting(
        "decay of a running average of the weights, which is judged and kept; 0 for none",
        float,
        0.0,
        0.99999,
        0.998,
        (0.0, 0.99, 0.998),
    ),
    "patience": Setting("epochs without a better validation loss before the end", int, 1, 1000, 2),
    "epochs": Setting("passes over the training data", int, 1, 1000),
}
_SCRATCH: Mapping[str, Setting] = {
    "hidden": Setting("width", int, 1, 1024, None, (32, 64, 128, 256), choice=True),
    "layers": Setting("layers", int, 1, 24, None, (1, 2, 3)),
}
_OF_METHOD: Mapping[str, Mapping[str, Setting]] = {
    "full": {},
    "head": {},
    "top": {"layers": Setting("last layers that are trained", int, 1, 24, 1, (1, 2))},
    "lora": {
        "rank": Setting("rank of the changes", int, 1, 1024, 8, (4, 8, 16, 32), log=True),
        "alpha": Setting("changes are multiplied by alpha / rank", float, 1e-3, 1e4, 16.0, (8.0, 16.0, 32.0), log=True),
        "lora_dropout": Setting("dropout of what the changes read", float, 0.0, 0.9, 0.0, (0.0, 0.1, 0.2)),
    },
    "adapter": {
        "size": Setting("width of the bottlenecks", int, 1, 4096, 16, (8, 16, 32, 64), log=True),
        "norms": Setting("whether norms are trained", bool, 0, 1, True, (True, False), choice=True),
    },
    "prefix": {"length": Setting("places of the prefix", int, 1, 512, 8, (4, 8, 16, 32), log=True)},
}
#: A method's own name of a setting that the network has, too.
_RENAMED = {"lora_dropout": "dropout"}
_TREES: Mapping[str, Setting] = {
    "learning_rate": Setting("shrinkage of each tree", float, 1e-4, 1.0, 0.03, (0.015, 0.03, 0.06, 0.12), log=True),
    "num_leaves": Setting("leaves of a tree", int, 2, 4096, 15, (7, 15, 31, 63), log=True),
    "min_data_in_leaf": Setting("rows of a leaf at least", int, 1, 10**6, 40, (20, 40, 100, 300), log=True),
    "lambda_l2": Setting("L2 penalty of leaves", float, 0.0, 1e4, 5.0, (0.5, 5.0, 50.0), log=True),
    "feature_fraction": Setting(
        "share of the columns that a tree may use", float, 0.01, 1.0, 0.3, (0.1, 0.3, 0.6, 1.0)
    ),
    "bagging_fraction": Setting("share of the rows that a tree is grown on", float, 0.1, 1.0, 0.8, (0.5, 0.8, 1.0)),
    "cat_smooth": Setting("smoothing of categories' rates", float, 0.0, 1e4, 20.0, (5.0, 20.0, 80.0), log=True),
    "trees": Setting("number of trees, in place of stopping by the validation loss", int, 1, 10**6),
    "positive_weight": _WEIGHT,
}
_LOGISTIC: Mapping[str, Setting] = {
    "C": Setting("inverse strength of the L2 penalty", float, 1e-8, 1e4, 0.03, (3e-4, 3e-3, 0.03, 0.3, 3.0), log=True),
    "positive_weight": _WEIGHT,
}
_OTHERS: Mapping[str, Mapping[str, Setting]] = {
    "logistic": _LOGISTIC,
    "lightgbm": _TREES,
    "lightgbm-behaviour": _TREES,
    "lightgbm-text": _TREES,
}


def known_settings(model: str) -> dict[str, Setting]:
    """Return the settings of a model by name; none for one that has none.

    Examples
    --------
    >>> list(known_settings("logistic")), known_settings("base-rate")
    (['C', 'positive_weight'], {})
    >>> known_settings("behaviour-head")["learning_rate"].tried
    (0.0025, 0.005, 0.01, 0.02, 0.04)
    """
    if model in _OTHERS:
        return dict(_OTHERS[model])
    if model in FROM_SCRATCH:
        return {**_NETWORK, "learning_rate": _rate(_RATES["full"]), **_SCRATCH}
    method = model.removeprefix("behaviour-")
    if method not in METHODS:
        return {}
    found = {**_NETWORK, "learning_rate": _rate(_RATES[method]), **_OF_METHOD[method]}
    if method == "full":
        found["layer_decay"] = replace(found["layer_decay"], usual=_FULL_DECAY)
    if method == "head":
        # One layer is trained: there is none below it.
        found["layer_decay"] = replace(found["layer_decay"], tried=())
    return found


def _rate(usual: float) -> Setting:
    tried = tuple(usual * factor for factor in (0.125, 0.25, 0.5, 1.0, 2.0))
    return replace(_NETWORK["learning_rate"], usual=usual, tried=tried)


def checked_settings(model: str, given: Mapping[str, Any]) -> dict[str, Value]:
    """Return settings of a model as numbers; see ``read_settings``."""
    return read_settings(model, known_settings(model), given)


def usual_settings(model: str) -> dict[str, Value]:
    """Return the settings that a model has where nobody says, as far as they do not depend on the data.

    Examples
    --------
    >>> usual_settings("logistic")
    {'C': 0.03, 'positive_weight': 1.0}
    """
    return {name: found.usual for name, found in known_settings(model).items() if found.usual is not None}


def method_settings(method: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings that are the method's own, by the names that ``models.adaptation`` has for them.

    Examples
    --------
    >>> method_settings("lora", {"rank": 4, "lora_dropout": 0.1, "dropout": 0.2})
    {'rank': 4, 'dropout': 0.1}
    """
    own = _OF_METHOD[method]
    return {_RENAMED.get(name, name): value for name, value in settings.items() if name in own}


def search_space(model: str, over: Sequence[str] | None = None) -> dict[str, Setting]:
    """Return the settings of a model that a search looks for.

    Parameters
    ----------
    model : str
    over : sequence of str, optional
        Some of them alone.

    Raises
    ------
    CartpathError
        If the model has none, or there is no such setting.

    Examples
    --------
    >>> list(search_space("logistic"))
    ['C']
    """
    space = {name: setting for name, setting in known_settings(model).items() if setting.tried}
    if not space:
        raise CartpathError(f"{model} has no settings to search", "search behaviour-full, lightgbm, gru, logistic ...")
    if unknown := [name for name in over or () if name not in space]:
        raise CartpathError(f"{model} has no setting {unknown[0]!r} to search", f"known: {', '.join(space)}")
    return {name: setting for name, setting in space.items() if over is None or name in over}
