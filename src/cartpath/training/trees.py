"""LightGBM on the counts of the session so far: the strong classic model beside ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from cartpath.features import Log, PathEncoder
from cartpath.models import TreeIntent, need, tree_features
from cartpath.models.calibration import fit_platt
from cartpath.tasks import IntentRows

_MOST_TREES = 600
_PATIENCE = 40


def fit_trees(log: Log, encoder: PathEncoder, train: IntentRows, later: IntentRows, seed: int) -> TreeIntent:
    """Fit LightGBM on the training rows; the number of trees and the calibration come from the later slice.

    Parameters
    ----------
    log : Log
    encoder : PathEncoder
        The behaviour model's: the same fields, fitted on the same period.
    train, later : IntentRows
    seed : int

    Returns
    -------
    TreeIntent
    """
    lightgbm = need("lightgbm", "the LightGBM model")
    learned = _dataset(lightgbm, log, encoder, train)
    stop: dict[str, Any] = {}
    trees = 150
    if len(later) and 0 < later.label.sum() < len(later):
        checked = _dataset(lightgbm, log, encoder, later, learned)
        stop = {"valid_sets": [checked], "callbacks": [lightgbm.early_stopping(_PATIENCE, verbose=False)]}
        trees = _MOST_TREES
    parameters = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": 0.04,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "cat_smooth": 20,
        "num_threads": 2,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    fitted = TreeIntent(lightgbm.train(parameters, learned, num_boost_round=trees, **stop), encoder)
    if len(later):
        fitted.platt = fit_platt(fitted.logits(log, later.ends), later.label)
    return fitted


def _dataset(lightgbm: Any, log: Log, encoder: PathEncoder, rows: IntentRows, reference: Any = None) -> Any:
    table = tree_features(log, encoder, rows.ends)
    places = [table.names.index(name) for name in table.categorical]
    return lightgbm.Dataset(
        np.asarray(table.values, np.float64),
        label=rows.label,
        categorical_feature=places,
        reference=reference,
        free_raw_data=False,
    )
