"""No model of any task looks ahead, nor is fitted on what comes later: the leak guard over every one there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")
pytest.importorskip("sklearn")
pytest.importorskip("gensim")

from cartpath.features import Log, user_of_event
from cartpath.models.intent import Answered, IntentScorer
from cartpath.schema import MICROSECONDS
from cartpath.tasks import ChurnTask, IntentTask
from cartpath.training.cutoff import blends, boosted
from cartpath.training.cutoff.job import CutoffJob
from cartpath.training.cutoff.registry import RECIPES as OF_USERS
from cartpath.training.cutoff.registry import names_for
from cartpath.training.data import silent
from cartpath.training.intent import classical
from cartpath.training.intent.data import intent_data
from cartpath.training.intent.job import Job, Options
from cartpath.training.intent.registry import RECIPES as OF_SESSIONS
from cartpath.training.leak import Score, fit_changes, score_changes
from tests.features.logs import make_log, shop_table, split_by_share
from tests.training.at_cutoffs import SPLIT, TASKS, base_of, job_of, shop_log

#: Kinds of questions, and the models that are fitted for them: of two that differ in little from another, a few.
KINDS: dict[str, tuple[str, ...]] = {
    "session": tuple(OF_SESSIONS),
    "day": ("logistic", "behaviour-head", "gru"),
    "churn": tuple(names_for("churn")),
    "spend": tuple(names_for("spend")),
    "item": tuple(names_for("repeat")),
    "category": ("linear", "lightgbm", "behaviour-lora"),
}


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (boosted, classical):
            patch.setattr(module, "_MOST_TREES", 30)
        # Of so small a shop.
        patch.setattr(blends, "_LEAST", 10)
        patch.setattr(boosted, "_SHAPES", boosted._SHAPES[:2])
        patch.setattr(classical, "_TREES", classical._TREES[:2])
        yield


class AtSteps:
    """Intent models on a small shop, fitted once; a column each."""

    def __init__(self, home: Path, kind: str) -> None:
        self.home, self.names = home, KINDS[kind]
        self.task = IntentTask(horizon=86_400 * MICROSECONDS if kind == "day" else None)
        self.log = make_log(shop_table(150))
        self.split = split_by_share(self.log.view)
        self.base = base_of(self.log, home / "base", self.split.train_until)
        self.rows = intent_data(self.log, self.split, self.task).rows
        self.score = self.fit(self.log)

    def fit(self, log: Log) -> Score:
        data = intent_data(log, self.split, self.task)
        job = Job(self.home, data, self.base, {"made": "then", "size": "tiny"}, Options(epochs=1, resume=False))
        for name in self.names:
            model = OF_SESSIONS[name].fit(job, silent).model
            job.done[name] = IntentScorer(model, answers=Answered("purchase", 0.4, 7))
        return lambda log, rows: np.column_stack([job.done[name].score(log, rows.ends) for name in self.names])


class AtCutoffs:
    """Models of users at cut-offs on a small shop, fitted once; a column each."""

    def __init__(self, home: Path, kind: str) -> None:
        self.home, self.names, self.log, self.split = home, KINDS[kind], shop_log(), SPLIT
        self.task, self.rows_of = TASKS[kind]
        if kind == "churn":
            self.task = ChurnTask("7d", event="purchase")
        self.base = base_of(self.log, home / "base")
        self.rows = self.rows_of(self.log, SPLIT, self.task)
        self.score = self.fit(self.log)

    def fit(self, log: Log) -> Score:
        rows, card = self.rows_of(log, SPLIT, self.task), {"made": "then", "size": "tiny"}
        options = Options(epochs=1, resume=False)
        job = CutoffJob(self.home, log, SPLIT, self.task, rows, self.base, card, options)
        for name in self.names:
            job.done[name] = OF_USERS[name].fit(job, silent).model
        return lambda log, rows: np.column_stack([job.done[name].predicted(log, rows) for name in self.names])


@pytest.fixture(scope="module", params=KINDS)
def fitted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AtSteps | AtCutoffs:
    kind = request.param
    return (AtSteps if kind in ("session", "day") else AtCutoffs)(tmp_path_factory.mktemp(kind), kind)


def named(of: AtSteps | AtCutoffs, changed: Any) -> dict[str, int]:
    """Models whose scores changed, and how many of them."""
    return {name: int(n) for name, n in zip(of.names, changed.sum(axis=0), strict=True) if n}


@pytest.mark.parametrize("seed", range(2))
def test_scores_do_not_look_ahead(fitted: AtSteps | AtCutoffs, seed: int) -> None:
    # Of users at cut-offs every one is tried, so those of training are left out.
    rows = fitted.rows.take(np.flatnonzero(fitted.rows.slice >= (0 if isinstance(fitted, AtSteps) else 1)))
    # Columns of users have a price beside those of the whole catalogue; see test_leak_features.
    found = score_changes(fitted.score, fitted.log, rows, seed=seed, catalogue=isinstance(fitted, AtSteps))
    assert named(fitted, found) == {}


def test_every_model_says_something_of_its_rows(fitted: AtSteps | AtCutoffs) -> None:
    said = fitted.score(fitted.log, fitted.rows)
    same = {name for name, column in zip(fitted.names, said.T, strict=True) if len(np.unique(column)) < 3}
    assert same <= {"base-rate"}


def test_fits_read_nothing_after_validation(fitted: AtSteps | AtCutoffs) -> None:
    def fit(log: Log) -> Score:
        return fitted.score if log is fitted.log else fitted.fit(log)

    rows = fitted.rows.of("calibration")
    assert named(fitted, fit_changes(fit, fitted.log, fitted.split.cuts[1], rows)) == {}


def greedy(job: CutoffJob) -> CutoffJob:
    """A job that has the rows of all slices for training, the mistake that is made most."""
    return replace(job, rows=replace(job.rows, slice=np.zeros(len(job.rows), np.int64)))


@pytest.mark.parametrize("name", ["linear", "lightgbm", "behaviour-head"])
@pytest.mark.parametrize("kind", ["churn", "spend", "item"])
def test_a_fit_on_all_slices_is_found(kind: str, name: str, tmp_path: Path) -> None:
    log = shop_log()
    base_of(log, tmp_path / "base")

    def fit(log: Log) -> Score:
        job = greedy(job_of(log, tmp_path, kind, resume=False))
        model = OF_USERS[name].fit(job, silent).model
        return lambda log, rows: model.predicted(log, rows)

    rows = job_of(log, tmp_path, kind).rows.of("calibration")
    assert fit_changes(fit, log, SPLIT.cuts[1], rows).mean() > 0.5


@pytest.mark.parametrize("name", ["base-rate", "logistic", "lstm"])
def test_an_intent_fit_on_all_slices_is_found(name: str, tmp_path: Path) -> None:
    log = make_log(shop_table(60))
    split = split_by_share(log.view)
    base = base_of(log, tmp_path / "base", split.train_until)

    def fit(log: Log) -> Score:
        data = intent_data(log, split)
        data = replace(data, rows=replace(data.rows, slice=np.zeros(len(data.rows), np.int64)))
        job = Job(tmp_path, data, base, {"made": "then", "size": "tiny"}, Options(epochs=1, resume=False))
        model = OF_SESSIONS[name].fit(job, silent).model
        return lambda log, rows: model.logits(log, rows.ends)

    assert fit_changes(fit, log, split.cuts[1], intent_data(log, split).rows.of("calibration")).mean() > 0.5


@dataclass(frozen=True)
class OneTooFar:
    """A network that is asked an event too late: the mistake of a place that counts from 1."""

    model: Any

    def logits(self, log: Log, ends: Any) -> Any:
        users = user_of_event(log.view)
        further = np.minimum(ends + 1, log.view.offsets[users[ends - 1] + 1])
        return self.model.logits(log, further)


def test_a_model_that_is_asked_an_event_too_late_is_found(tmp_path: Path) -> None:
    log = make_log(shop_table(60))
    split = split_by_share(log.view)
    base = base_of(log, tmp_path / "base", split.train_until)
    job = Job(tmp_path, intent_data(log, split), base, {"made": "then", "size": "tiny"}, Options(epochs=1))
    model = OneTooFar(OF_SESSIONS["gru"].fit(job, silent).model)
    rows = job.data.rows
    found = score_changes(lambda log, rows: model.logits(log, rows.ends), log, rows)
    assert found.sum() > 20
