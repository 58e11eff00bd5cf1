"""Models on features: LightGBM, alone, with text or with a network's view of the path, and logistic regression."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import log_loss
from cartpath.features import FeatureTable, Texts, fit_texts
from cartpath.models import Pretrained, need
from cartpath.models.intent import BaseRate, Design, LogisticIntent, TreeIntent, tree_features
from cartpath.tasks import IntentRows
from cartpath.training.data import Progress
from cartpath.training.intent.data import weights_of
from cartpath.training.intent.job import Fitted, Job

#: What is tried for trees, and for how strongly a linear model's weights are held.
_TREES: tuple[dict[str, Any], ...] = (
    {"num_leaves": 7, "min_data_in_leaf": 40, "lambda_l2": 5.0},
    {"num_leaves": 15, "min_data_in_leaf": 40, "lambda_l2": 5.0},
    {"num_leaves": 31, "min_data_in_leaf": 100, "lambda_l2": 10.0},
)
_STRENGTHS = (0.003, 0.03, 0.3)
#: Vectors of what sessions came to that trees of text have.
_TEXTS = ("tfidf", "item2vec")
_MOST_TREES, _PATIENCE, _UNCHECKED = 1500, 60, 200


def base_rate(job: Job, told: Progress) -> Fitted:
    """Take the share of positives at each step of training."""
    rows = job.data.rows.of("train")
    return Fitted(BaseRate.of(rows.label, rows.step), {"n_rows": len(rows)})


def boosted(job: Job, frozen: bool, told: Progress, text: bool = False) -> Fitted:
    """Fit LightGBM; its shape and the number of trees are chosen on validation.

    Parameters
    ----------
    job : Job
    frozen : bool
        Whether the pretrained network's vector of the path is input too. It has seen no label.
    told : callable
    text : bool
        Whether TF-IDF and item2vec of the session so far are input too, fitted on the training period: as far as the
        log has words, and sessions of several items.

    Raises
    ------
    CartpathError
        If it has neither, and text is asked for.
    """
    lightgbm = need("lightgbm", "the LightGBM model")
    network = job.pretrained if frozen else None
    told("features", 0.0)
    texts = _texts(job) if text else None
    train, valid = job.data.learned_from(job.options.seed), job.data.chosen_by()
    tables = [_table(job, rows, network, texts) for rows in (train, valid)]
    learned = _dataset(lightgbm, tables[0], train, weights_of(train, job.options.positive_weight))
    checked = None
    if 0 < valid.label.sum() < len(valid):
        checked = _dataset(lightgbm, tables[1], valid, None, learned)
    tried = []
    for number, shape in enumerate(_TREES if checked is not None else _TREES[:1]):
        told(f"trees, {number + 1} of {len(_TREES)}", 0.1 + 0.3 * number)
        trees = _grow(lightgbm, learned, checked, {**shape, "seed": job.options.seed})
        tried.append((_loss(trees, tables[1], valid), number, trees))
    loss, number, trees = min(tried, key=lambda found: found[:2])
    about = {
        "columns": len(tables[0].names),
        "n_rows": len(train),
        "trees": trees.num_trees(),
        "settings": _TREES[number],
        "tried": [found[0] for found in tried],
        "validation_loss": loss,
    }
    about |= {"text": list(texts.vectorisers)} if texts is not None else {}
    return Fitted(TreeIntent(trees, job.encoder, network, job.zone, texts), about, job.options.positive_weight)


def logistic(job: Job, told: Progress) -> Fitted:
    """Fit logistic regression; how strongly weights are held is chosen on validation."""
    need("sklearn", "logistic regression")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    told("features", 0.0)
    train, valid = job.data.learned_from(job.options.seed, 200_000), job.data.chosen_by()
    tables = [_table(job, rows, None) for rows in (train, valid)]
    design = Design.of(tables[0])
    columns, checked = (design.columns(table) for table in tables)
    best: tuple[float, LogisticIntent, float] | None = None
    for number, strength in enumerate(_STRENGTHS):
        told(f"{number + 1} of {len(_STRENGTHS)}", 0.2 + 0.25 * number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = LogisticRegression(C=strength, max_iter=300).fit(
                columns, train.label, weights_of(train, job.options.positive_weight)
            )
        odds = checked @ found.coef_[0] + found.intercept_[0]
        loss = log_loss(valid.label, 1 / (1 + np.exp(-odds))) if len(valid) else 0.0
        if best is None or loss < best[0]:
            best = (
                loss,
                LogisticIntent(design, found.coef_[0], float(found.intercept_[0]), job.encoder, job.zone),
                strength,
            )
    assert best is not None
    about = {"columns": columns.shape[1], "n_rows": len(train), "C": best[2], "validation_loss": best[0]}
    return Fitted(best[1], about, job.options.positive_weight)


def _texts(job: Job) -> Texts:
    until, seed = job.data.split.train_until, job.options.seed
    return fit_texts(job.data.log, until, _TEXTS, seed=seed, where_possible=True)


def _table(job: Job, rows: IntentRows, network: Pretrained | None, texts: Texts | None = None) -> FeatureTable:
    return tree_features(job.data.log, job.encoder, rows.ends, network, job.zone, texts)


def _dataset(
    lightgbm: Any,
    table: FeatureTable,
    rows: IntentRows,
    weight: npt.NDArray[np.float32] | None,
    reference: Any = None,
) -> Any:
    return lightgbm.Dataset(
        np.asarray(table.values, np.float32),
        label=rows.label,
        weight=weight,
        categorical_feature=[table.names.index(name) for name in table.categorical],
        reference=reference,
        free_raw_data=False,
    )


def _grow(lightgbm: Any, learned: Any, checked: Any, shape: dict[str, Any]) -> Any:
    parameters = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": 0.03,
        "feature_fraction": 0.3,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        # Hundreds of columns, few buyers: categories are split on only where many rows agree.
        "cat_smooth": 20,
        "cat_l2": 20,
        "max_cat_threshold": 16,
        "min_data_per_group": 50,
        "num_threads": 2,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        **shape,
    }
    if checked is None:
        return lightgbm.train(parameters, learned, num_boost_round=_UNCHECKED)
    stop = [lightgbm.early_stopping(_PATIENCE, verbose=False)]
    return lightgbm.train(parameters, learned, _MOST_TREES, valid_sets=[checked], callbacks=stop)


def _loss(trees: Any, table: FeatureTable, rows: IntentRows) -> float:
    if not len(rows):
        return 0.0
    return log_loss(rows.label, np.asarray(trees.predict(table.values, num_threads=2), np.float64))
