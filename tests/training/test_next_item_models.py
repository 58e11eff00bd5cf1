"""What holds for every next-item model, by whatever name it is registered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cartpath.features import Log, log_from_table
from cartpath.models.baselines import Popularity
from cartpath.models.next_item import Index, NextItemModel, Scores
from cartpath.store import PathView
from cartpath.store.path import EVENT_ARRAYS
from cartpath.tasks import NextItemSplit, time_split_last
from cartpath.training.next_item import MODELS, FitOptions, Fitted, fit_model, judge, ndcg_10
from tests.features.logs import make_log, path_of, shop_table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
QUICK = FitOptions(preset="tiny", settings={"max_epochs": 2})
TESTED_ON = 12


@dataclass(frozen=True)
class Case:
    """A model, fitted, and the split it was fitted on."""

    name: str
    split: NextItemSplit
    fitted: Fitted

    @property
    def model(self) -> NextItemModel:
        return self.fitted.model

    def scores(self, log: Log | None = None, user: Index | None = None, ends: Index | None = None) -> Scores:
        """Scores of some paths; by default those of the first test questions."""
        asked = self.split.test.take(np.arange(TESTED_ON))
        if log is None:
            return self.model.score(self.split.log, asked.user, asked.ends, asked.time)
        users = np.arange(log.view.n_users) if user is None else user
        return self.model.score(log, users, log.view.offsets[1:][users] if ends is None else ends)


@lru_cache
def split_of_shop() -> NextItemSplit:
    return time_split_last(make_log(shop_table(160, seed=3)))


@lru_cache
def fitted(name: str) -> Case:
    return Case(name, split_of_shop(), fit_model(name, split_of_shop(), QUICK))


@pytest.fixture(params=list(MODELS))
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "als":
        pytest.importorskip("implicit")
    return fitted(request.param)


def path(*items: str | None, user: str = "newcomer") -> Log:
    """The path of a user who was never learned from."""
    return log_from_table(path_of([float(n) for n in range(len(items))], ["view"] * len(items), list(items), user))


def changed_at(log: Log, places: np.ndarray) -> Log:
    """The same users, some events changed to another item, event, time, page and price, and their sessions too."""
    view = log.view
    arrays = {name: getattr(view, name).copy() for name in EVENT_ARRAYS}
    rng = np.random.default_rng(0)
    for name in ("event", "page", "query"):
        arrays[name][places] = rng.permutation(arrays[name][places])
    arrays["item"][places] = rng.integers(0, len(log.codes("item")), len(places))
    arrays["ts"][places] += 17_000_000
    arrays["price"][places] = 1.0
    start, end = np.full_like(view.sessions.start, 2**62), np.zeros_like(view.sessions.end)
    np.minimum.at(start, view.session, arrays["ts"])
    np.maximum.at(end, view.session, arrays["ts"])
    sessions = replace(view.sessions, start=start, end=end)
    return replace(log, view=PathView(offsets=view.offsets, user_id=view.user_id, sessions=sessions, **arrays))


def longer_than(events: int) -> tuple[Index, Index]:
    """Some users of the split with more events, and the end after so many."""
    offsets = split_of_shop().log.view.offsets
    users = np.flatnonzero(np.diff(offsets) > events)[:TESTED_ON]
    return users, offsets[users] + events


def places_from(ends: Index) -> Index:
    """The places of the users' events from an end on."""
    offsets = split_of_shop().log.view.offsets
    last = offsets[np.searchsorted(offsets, ends, side="right")]
    return np.concatenate([np.arange(end, after) for end, after in zip(ends, last, strict=True)])


def same(found: Scores, expected: Scores) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_learning_from_validation_too_changes_nothing_that_was_chosen(case: Case) -> None:
    split = split_of_shop()
    again = fit_model(case.name, split, replace(QUICK, refit=True))
    assert again.valid == pytest.approx(ndcg_10(case.model, split), abs=1e-6)
    assert again.chosen == case.fitted.chosen
    whole = split.log.view.item[split.whole().train_places()]
    texts = split.log.codes("item")
    assert set(again.model.items.texts) == {texts[code] for code in np.unique(whole[whole >= 0])}
    asked = split.test.take(np.arange(TESTED_ON))
    scores = again.model.score(split.log, asked.user, asked.ends)
    assert np.isfinite(scores).all()
    columns = [again.model.items.texts.index(text) for text in case.model.items.texts]
    assert not np.allclose(scores[:, columns], case.model.score(split.log, asked.user, asked.ends))


def test_there_is_a_finite_score_of_every_item(case: Case) -> None:
    scores = case.scores()
    assert scores.shape == (TESTED_ON, len(case.model.items))
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_only_items_that_may_be_learned_are_ranked(case: Case) -> None:
    texts = case.split.log.codes("item")
    assert set(case.model.items.texts) <= {texts[code] for code in case.split.train_items()}


def test_it_is_better_than_chance(case: Case) -> None:
    ranks = judge(case.model, case.split, case.split.test)
    by_chance = 10 / len(case.model.items)
    assert (ranks <= 10).mean() > by_chance


def test_what_was_chosen_and_how_it_went_is_told(case: Case) -> None:
    seconds = [point["seconds"] for point in case.fitted.curve]
    assert seconds == sorted(seconds)
    assert all(0 <= point["NDCG@10"] <= 1 for point in case.fitted.curve)
    if case.fitted.chosen.get("valid_NDCG@10") is not None:
        assert case.fitted.chosen["valid_NDCG@10"] == pytest.approx(ndcg_10(case.model, case.split), abs=1e-6)


def test_what_is_loaded_gives_the_same_scores(case: Case, tmp_path: Path) -> None:
    case.model.save(tmp_path)
    loaded = type(case.model).load(tmp_path)
    assert loaded.items.texts == case.model.items.texts
    assert np.array_equal(replace(case, fitted=Fitted(loaded)).scores(), case.scores())
    assert not [file for file in tmp_path.rglob("*") if file.suffix in (".pkl", ".pickle", ".bin", ".pt")]


def test_two_fits_with_one_seed_are_equal(case: Case) -> None:
    again = fit_model(case.name, case.split, QUICK)
    assert np.array_equal(replace(case, fitted=again).scores(), case.scores())


def test_an_unknown_user_is_scored_by_the_path(case: Case) -> None:
    known = path("i1", "i2", "i3")
    scores = case.scores(known)
    assert np.isfinite(scores).all()
    # The name of the user and what else is in the log make no difference.
    both = log_from_table(
        pa.concat_tables(
            [
                path_of([0.0, 1.0, 2.0], ["view"] * 3, ["i7", "i1", "i9"], "another"),
                path_of([0.0, 1.0, 2.0], ["view"] * 3, ["i1", "i2", "i3"], "somebody"),
            ]
        )
    )
    row = both.view.user_id.to_pylist().index("somebody")
    same(case.scores(both, np.array([row])), scores)


def test_unknown_items_on_the_path_do_no_harm(case: Case) -> None:
    assert np.isfinite(case.scores(path("never seen", "i2", "nor this", None))).all()
    nothing_known = case.scores(path("never seen"))
    assert np.isfinite(nothing_known).all()


def test_an_empty_path_is_scored(case: Case) -> None:
    log = path("i1", "i2")
    scores = case.scores(log, np.array([0]), np.array([0]))
    assert scores.shape == (1, len(case.model.items))
    assert np.isfinite(scores).all()
    # What comes later is not known: another path's beginning looks the same.
    same(case.scores(path("i8", "i4"), np.array([0]), np.array([0])), scores)


def test_a_path_of_one_item_is_scored(case: Case) -> None:
    assert np.isfinite(case.scores(path("i4"))).all()


def test_no_questions_have_no_scores(case: Case) -> None:
    none = np.zeros(0, np.int64)
    assert case.scores(case.split.log, none, none).shape == (0, len(case.model.items))


def test_nothing_at_or_after_the_end_is_read(case: Case) -> None:
    log = case.split.log
    users, ends = longer_than(2)
    assert np.array_equal(case.scores(changed_at(log, places_from(ends)), users, ends), case.scores(log, users, ends))


def test_a_planted_leak_is_caught() -> None:
    class Leak(Popularity):
        """Knows a little of the event at the end."""

        def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
            scores = super().score(log, user, ends, time)
            columns = self.items.columns_of(log)[log.view.item[ends]]
            scores[np.arange(len(ends)), np.maximum(columns, 0)] += 0.001
            return scores

    honest = fitted("popularity").model
    assert isinstance(honest, Popularity)
    case = Case("leak", split_of_shop(), Fitted(Leak(honest.items, honest.weights)))
    with pytest.raises(AssertionError):
        test_nothing_at_or_after_the_end_is_read(case)


def test_a_batch_is_its_single_questions(case: Case) -> None:
    asked = case.split.test.take(np.arange(TESTED_ON))
    one_by_one = [
        case.model.score(case.split.log, asked.user[at], asked.ends[at], asked.time[at])
        for at in (slice(n, n + 1) for n in range(TESTED_ON))
    ]
    same(np.concatenate(one_by_one), case.scores())


def test_fitting_reads_nothing_after_training_ends_but_the_validation_questions(case: Case) -> None:
    split = case.split
    view = split.log.view
    read = np.concatenate([split.train_places(), *(np.arange(view.offsets[u], e + 1) for u, e in
                                                   zip(split.valid.user, split.valid.ends, strict=True))])  # fmt: skip
    hidden = np.setdiff1d(np.arange(view.n_events), read)
    assert len(hidden)
    other = replace(split, log=changed_at(split.log, hidden), test=split.test.take(np.arange(1)))
    again = fit_model(case.name, other, QUICK)
    assert again.model.items.texts == case.model.items.texts
    assert np.array_equal(replace(case, fitted=again).scores(), case.scores())
