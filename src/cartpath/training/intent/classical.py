"""Models on features: LightGBM, alone, with text or with a network's view of the path, and logistic regression."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import log_loss
from cartpath.features import FeatureTable, Texts, fit_texts
from cartpath.models import Pretrained, need, sigmoid
from cartpath.models.intent import BaseRate, Design, LogisticIntent, TreeIntent, tree_features
from cartpath.tasks import IntentRows
from cartpath.training.data import Progress
from cartpath.training.intent.data import weights_of
from cartpath.training.intent.job import Fitted, Job
from cartpath.training.intent.settings import usual_settings

#: What is tried for trees, and for how strongly a linear model's weights are held, where nobody says.
_TREES: tuple[dict[str, Any], ...] = (
    {"num_leaves": 7, "min_data_in_leaf": 40, "lambda_l2": 5.0},
    {"num_leaves": 15, "min_data_in_leaf": 40, "lambda_l2": 5.0},
    {"num_leaves": 31, "min_data_in_leaf": 100, "lambda_l2": 10.0},
)
_STRENGTHS = (0.003, 0.03, 0.3)
#: Vectors of what sessions came to that trees of text have.
_TEXTS = ("tfidf", "item2vec")
_MOST_TREES, _PATIENCE, _UNCHECKED = 1500, 60, 200
#: Learning rates of trees that add up to a step of ``Options.judged``: slow and fast learners are compared alike far.
STEP = 0.3


def base_rate(job: Job, told: Progress) -> Fitted:
    """Take the share of positives at each step of training."""
    rows = job.data.rows.of("train")
    return Fitted(BaseRate.of(rows.label, rows.step), {"n_rows": len(rows)})


def boosted(job: Job, frozen: bool, told: Progress, text: bool = False) -> Fitted:
    """Fit LightGBM; its shape, where it is not set, and the number of trees are chosen on validation.

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
    which = " and ".join(name for name, wanted in (("frozen", frozen), ("text", text)) if wanted) or "plain"
    tables = [
        _table(job, f"{which} {part}", rows, network, texts) for part, rows in (("train", train), ("valid", valid))
    ]
    weight, given = job.options.positive_weight, dict(job.options.settings)
    learned = _dataset(lightgbm, tables[0], train, weights_of(train, weight))
    checked = None
    if 0 < valid.label.sum() < len(valid):
        # What the weight adds to the log odds is taken out again before the loss is looked at.
        shift = None if weight == 1 else np.full(len(valid), -np.log(weight))
        checked = _dataset(lightgbm, tables[1], valid, None, learned, shift)
    tried = []
    shapes = _shapes(given) if checked is not None else _shapes(given)[:1]
    for number, shape in enumerate(shapes):
        told(f"trees, {number + 1} of {len(shapes)}", 0.1 + 0.9 * number / len(shapes))
        trees = _grow(lightgbm, learned, checked, {**shape, "seed": job.options.seed}, job)
        tried.append((_loss(trees, tables[1], valid, weight), number, trees))
    loss, number, trees = min(tried, key=lambda found: found[:2])
    about = {
        "columns": len(tables[0].names),
        "n_rows": len(train),
        "trees": trees.num_trees(),
        "settings": {**usual_settings("lightgbm"), **shapes[number], "positive_weight": weight},
        "tried": [found[0] for found in tried],
        "validation_loss": loss,
    }
    about |= {"text": list(texts.vectorisers)} if texts is not None else {}
    again = {"settings": {**shapes[number], "trees": trees.num_trees()}}
    return Fitted(TreeIntent(trees, job.encoder, network, job.zone, texts), about, weight, loss, again)


def _shapes(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the settings to try: the usual shapes, as far as nobody said what the shape is.

    Examples
    --------
    >>> len(_shapes({})), len(_shapes({"num_leaves": 7})), len(_shapes(_TREES[0]))
    (3, 2, 1)
    """
    shapes: list[dict[str, Any]] = []
    for shape in ({**shape, **given} for shape in _TREES):
        shapes += [] if shape in shapes else [shape]
    return shapes


def logistic(job: Job, told: Progress) -> Fitted:
    """Fit logistic regression; how strongly weights are held is chosen on validation, where it is not set."""
    need("sklearn", "logistic regression")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    told("features", 0.0)
    train, valid = job.data.learned_from(job.options.seed, 200_000), job.data.chosen_by()
    tables = [_table(job, f"few {part}", rows, None) for part, rows in (("train", train), ("valid", valid))]
    design = Design.of(tables[0])
    columns, checked = (design.columns(table) for table in tables)
    weight, given = job.options.positive_weight, job.options.settings
    strengths = (given["C"],) if "C" in given else _STRENGTHS
    best: tuple[float, LogisticIntent, float] | None = None
    for number, strength in enumerate(strengths):
        told(f"{number + 1} of {len(strengths)}", 0.2 + 0.8 * number / len(strengths))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = LogisticRegression(C=strength, max_iter=300).fit(columns, train.label, weights_of(train, weight))
        odds = checked @ found.coef_[0] + found.intercept_[0] - np.log(weight)
        loss = log_loss(valid.label, sigmoid(odds)) if len(valid) else 0.0
        if best is None or loss < best[0]:
            model = LogisticIntent(design, found.coef_[0], float(found.intercept_[0]), job.encoder, job.zone)
            best = loss, model, strength
    assert best is not None
    settings = {"C": best[2], "positive_weight": weight}
    about = {"columns": columns.shape[1], "n_rows": len(train), "settings": settings, "validation_loss": best[0]}
    return Fitted(best[1], about, weight, best[0], {"settings": {"C": best[2]}})


def _texts(job: Job) -> Texts:
    until, seed = job.data.split.train_until, job.options.seed
    return fit_texts(job.data.log, until, _TEXTS, seed=seed, where_possible=True)


def _table(
    job: Job, name: str, rows: IntentRows, network: Pretrained | None, texts: Texts | None = None
) -> FeatureTable:
    found: FeatureTable = job.once(
        f"features, {name}", lambda: tree_features(job.data.log, job.encoder, rows.ends, network, job.zone, texts)
    )
    return found


def _dataset(
    lightgbm: Any,
    table: FeatureTable,
    rows: IntentRows,
    weight: npt.NDArray[np.float32] | None,
    reference: Any = None,
    shift: npt.NDArray[np.float64] | None = None,
) -> Any:
    return lightgbm.Dataset(
        np.asarray(table.values, np.float32),
        label=rows.label,
        weight=weight,
        categorical_feature=[table.names.index(name) for name in table.categorical],
        reference=reference,
        init_score=shift,
        free_raw_data=False,
    )


def _grow(lightgbm: Any, learned: Any, checked: Any, shape: Mapping[str, Any], job: Job) -> Any:
    usual = usual_settings("lightgbm")
    parameters = {
        **{name: usual[name] for name in usual if name != "positive_weight"},
        "objective": "binary",
        "metric": "binary_logloss",
        "bagging_freq": 1,
        # Hundreds of columns, few buyers: categories are split on only where many rows agree.
        "cat_l2": 20,
        "max_cat_threshold": 16,
        "min_data_per_group": 50,
        "num_threads": 2,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        **{name: value for name, value in shape.items() if name != "trees"},
    }
    rounds = shape.get("trees")
    if checked is None:
        return lightgbm.train(parameters, learned, num_boost_round=rounds or _UNCHECKED)
    stop = [] if rounds else [lightgbm.early_stopping(_PATIENCE, verbose=False)]
    told = [] if job.options.judged is None else [_teller(job.options.judged, parameters["learning_rate"])]
    return lightgbm.train(parameters, learned, rounds or _MOST_TREES, valid_sets=[checked], callbacks=[*told, *stop])


def _teller(judged: Callable[[int, float, bool], None], rate: float) -> Callable[[Any], None]:
    """Return a LightGBM callback that tells the validation loss whenever another ``STEP`` of learning is done."""

    def tell(where: Any) -> None:
        before, now = (int(rounds * rate / STEP + 1e-9) for rounds in (where.iteration, where.iteration + 1))
        if now > before:
            judged(now, float(where.evaluation_result_list[0][2]), where.iteration + 1 == where.end_iteration)

    return tell


def _loss(trees: Any, table: FeatureTable, rows: IntentRows, weight: float) -> float:
    if not len(rows):
        return 0.0
    odds = np.asarray(trees.predict(table.values, num_threads=2, raw_score=True), np.float64)
    return log_loss(rows.label, sigmoid(odds - np.log(weight)))
