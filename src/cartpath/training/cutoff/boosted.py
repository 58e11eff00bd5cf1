"""LightGBM on the columns of users at cut-offs; its shape and the number of trees are chosen on validation."""

from __future__ import annotations

from typing import Any

import numpy as np

from cartpath.features import FeatureTable
from cartpath.models import need
from cartpath.models.cutoff import ColumnSet, TreeModel, describe, target_of, tree_inputs
from cartpath.models.cutoff.scorer import Floats
from cartpath.tasks import CutoffRows
from cartpath.training.cutoff.classical import chosen, loss_of, weight_of, weights_of
from cartpath.training.cutoff.job import CutoffJob, Fitted
from cartpath.training.data import Progress

#: What is tried, from few and careful leaves to many.
_SHAPES: tuple[dict[str, Any], ...] = (
    {"num_leaves": 4, "min_data_in_leaf": 20, "lambda_l2": 5.0},
    {"num_leaves": 8, "min_data_in_leaf": 40, "lambda_l2": 5.0},
    {"num_leaves": 16, "min_data_in_leaf": 40, "lambda_l2": 5.0},
    {"num_leaves": 31, "min_data_in_leaf": 100, "lambda_l2": 10.0},
)
_MOST_TREES, _PATIENCE, _UNCHECKED = 1500, 60, 150


def boosted(job: CutoffJob, frozen: bool, told: Progress) -> Fitted:
    """Fit LightGBM on every column: log loss, or of spend squared error on ``LogScale``.

    Parameters
    ----------
    job : CutoffJob
    frozen : bool
        Whether the pretrained network's view of the user is input too. It has seen no answer.
    told : callable
    """
    lightgbm = need("lightgbm", "the LightGBM model")
    network = job.pretrained if frozen else None
    told("features", 0.0)
    train, valid = job.learned_from, job.chosen_by
    columns = ColumnSet.of(describe(job.log, train))
    table = tree_inputs(job.log, train, columns, network)
    learned = _dataset(lightgbm, table, train, weights_of(job, train))
    checked = checked_table = None
    if job.can_choose:
        checked_table = tree_inputs(job.log, valid, columns, network)
        checked = _dataset(lightgbm, checked_table, valid, None, learned)
    shapes = _SHAPES if checked is not None else _SHAPES[1:2]
    tried: list[tuple[float, int, TreeModel]] = []
    for number, shape in enumerate(shapes):
        told(f"trees, {number + 1} of {len(shapes)}", 0.1 + 0.22 * number)
        trees = _grow(lightgbm, learned, checked, {**_goal(job), **shape, "seed": job.options.seed})
        model = TreeModel(trees, columns, job.of_amounts, network)
        tried.append((0.0 if checked_table is None else loss_of(job, model.of(checked_table), valid), number, model))
    loss, number, model = min(tried, key=lambda one: one[:2])
    about = {
        "columns": len(table.names),
        "n_rows": len(train),
        "trees": model.trees.num_trees(),
        "settings": shapes[number],
        "tried": [one[0] for one in tried] if checked is not None else [],
        **chosen(job, loss),
    }
    return Fitted(model, about, weight_of(job))


def _goal(job: CutoffJob) -> dict[str, str]:
    if job.of_amounts:
        return {"objective": "regression", "metric": "l2"}
    return {"objective": "binary", "metric": "binary_logloss"}


def _dataset(lightgbm: Any, table: FeatureTable, rows: CutoffRows, weight: Floats | None, reference: Any = None) -> Any:
    return lightgbm.Dataset(
        table.values,
        label=target_of(rows),
        weight=None if weight is None else weight.astype(np.float32),
        categorical_feature=[table.names.index(name) for name in table.categorical],
        reference=reference,
        free_raw_data=False,
    )


def _grow(lightgbm: Any, learned: Any, checked: Any, asked: dict[str, Any]) -> Any:
    parameters = {
        "learning_rate": 0.03,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "cat_smooth": 20,
        "cat_l2": 20,
        "max_cat_threshold": 16,
        "num_threads": 2,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        **asked,
    }
    if checked is None:
        return lightgbm.train(parameters, learned, num_boost_round=_UNCHECKED)
    stop = [lightgbm.early_stopping(_PATIENCE, verbose=False)]
    return lightgbm.train(parameters, learned, _MOST_TREES, valid_sets=[checked], callbacks=stop)
