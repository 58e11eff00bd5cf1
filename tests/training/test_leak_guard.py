"""Nothing after a moment changes a score, of any model or feature; and the guard sees it where something does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.features import Log, user_of_event
from cartpath.models import ItemIndex
from cartpath.models.baselines import Popularity
from cartpath.tasks import NextItemSplit, leave_one_out, session_last, time_cuts, time_split_last
from cartpath.training.data import Progress
from cartpath.training.leak import changed_after, feature_leaks
from cartpath.training.next_item import MODELS, FitOptions, fit_model
from cartpath.training.next_item.leak import fit_leaks, score_leaks
from cartpath.training.next_item.recipe import Fitted
from tests.features.logs import make_log, random_table, shop_table
from tests.tasks.test_protocols import log_of_rows

SEEDS = st.integers(0, 10_000)
#: Networks learn for a moment here; the number of epochs is fixed, since a budget of time differs from fit to fit.
QUICK = FitOptions(preset="tiny", settings={"max_epochs": 1})


def options_for(name: str) -> FitOptions:
    return QUICK if MODELS[name].is_network else FitOptions()


def some_log(seed: int, users: int = 30) -> Log:
    return make_log(random_table(seed, users=users, events=14))


def some_splits(seed: int) -> list[NextItemSplit]:
    log = some_log(seed, users=60)
    return [leave_one_out(log), leave_one_out(log, filter_seen=True), time_split_last(log)]


def sessions_of_three_parts() -> NextItemSplit:
    """Sessions without times, of which files say the part; some items are of the validation sessions alone."""
    rows = [
        (f"u{user}", place, "view", f"v{user % 3}" if user // 20 == 1 and place == 2 else f"i{(7 * user + place) % 9}")
        for user in range(60)
        for place in range(4)
    ]
    log = log_of_rows(rows, timed=False)
    part = np.array([int(user[1:]) // 20 for user in log.view.user_id.to_pylist()], np.int8)
    return session_last(log, part=part)


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_reads_nothing_it_may_not(name: str) -> None:
    splits = some_splits(3)
    for split in splits if not MODELS[name].is_network else splits[1:]:
        assert fit_leaks(MODELS[name].fit, split, options_for(name)).tolist() == []


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_on_validation_too_reads_nothing_of_the_test(name: str) -> None:
    split, options = some_splits(3)[2], replace(options_for(name), refit=True)
    sessions = sessions_of_three_parts()
    assert len(sessions.whole().train_items()) > len(sessions.train_items())
    for one in (split, sessions):
        assert fit_leaks(MODELS[name].fit, one, options).tolist() == []


@pytest.mark.parametrize("name", MODELS)
def test_scores_do_not_look_ahead(name: str) -> None:
    split = some_splits(4)[2]
    model = fit_model(name, split, options_for(name)).model

    @settings(max_examples=10 if MODELS[name].is_network else 30)
    @given(SEEDS)
    def on_any_future(seed: int) -> None:
        for questions in (split.valid, split.test):
            assert score_leaks(model, split, questions, seed).tolist() == []

    on_any_future()


@settings(max_examples=60)
@given(SEEDS, st.floats(0, 1))
def test_features_do_not_look_ahead(seed: int, share: float) -> None:
    log = some_log(seed)
    until = time_cuts(log.view).valid
    sizes = np.diff(log.view.offsets)
    assert feature_leaks(log, until, log.view.offsets[:-1] + np.floor(sizes * share).astype(np.int64), seed) == []


@given(SEEDS)
def test_what_is_changed_and_what_stays(seed: int) -> None:
    log = some_log(seed)
    view = log.view
    ends = view.offsets[:-1] + np.diff(view.offsets) // 2
    other = changed_after(log, ends, seed).view
    stays = np.arange(view.n_events) < ends[user_of_event(view)]
    for name in ("ts", "event", "item", "page", "query", "price", "order_value", "quantity", "session", "step"):
        assert np.array_equal(getattr(other, name)[stays], getattr(view, name)[stays], equal_nan=True)
    same_user = user_of_event(view)[1:] == user_of_event(view)[:-1]
    assert (np.diff(other.ts)[same_user] >= 0).all()
    assert other.offsets.tolist() == view.offsets.tolist()
    sessions = other.sessions
    assert (sessions.start[other.session] <= other.ts).all()
    assert (sessions.end[other.session] >= other.ts).all()
    later = changed_after(log, ends, seed, until=int(view.ts.max()) + 5).view
    assert (later.ts[~stays] >= view.ts.max() + 5).all()


def test_changes_are_many() -> None:
    log = make_log(shop_table(50))
    view = log.view
    other = changed_after(log, view.offsets[:-1], 0).view
    for name in ("ts", "item", "event", "price"):
        assert (getattr(other, name) != getattr(view, name)).mean() > 0.4


@dataclass(frozen=True)
class Peeking:
    """Popularity that adds a hair for the item that comes next, as a window one too long would."""

    popular: Popularity

    @property
    def items(self) -> ItemIndex:
        return self.popular.items

    def score(self, log: Log, user: Any, ends: Any, time: Any = None) -> Any:
        scores = self.popular.score(log, user, ends)
        column = self.items.columns_of(log)[log.view.item[np.minimum(ends, log.view.n_events - 1)]]
        scores[np.arange(len(ends)), np.maximum(column, 0)] += 1e-3
        return scores


def peeking_fit(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Count all events, those of the test too, the mistake that is made most."""
    whole = replace(split, train_ends=split.log.view.offsets[1:])
    return fit_model("popularity", whole)


def test_the_guard_catches_a_score_that_looks_one_event_ahead() -> None:
    split = some_splits(5)[0]
    model = Peeking(fit_model("popularity", split).model)  # type: ignore[arg-type]
    assert len(score_leaks(model, split, split.test)) > len(split.test) / 2  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [0, 2])
def test_the_guard_catches_a_fit_on_the_test(place: int) -> None:
    split = some_splits(5)[place]
    assert len(fit_leaks(peeking_fit, split)) == len(split.test)


def test_the_guard_catches_a_last_fit_on_the_test() -> None:
    recipe, split = MODELS["popularity"], some_splits(5)[2]
    further = replace(split, whole_ends=split.log.view.offsets[1:])

    def fit(one: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
        return recipe.fit(replace(one, whole_ends=further.whole_ends), options, progress)

    assert len(fit_leaks(fit, split, FitOptions(refit=True))) == len(split.test)
    assert len(fit_leaks(fit, split, FitOptions())) == 0


def test_the_guard_catches_a_choice_by_the_test() -> None:
    def chosen_by_test(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
        popular = fit_model("popularity", split).model
        wanted = popular.items.columns_of(split.log)[split.test.truth]
        return Fitted(Popularity.of(popular.items, wanted[wanted >= 0], np.ones((wanted >= 0).sum())))

    assert len(fit_leaks(chosen_by_test, some_splits(6)[0])) > 0


def test_the_guard_catches_an_encoder_of_the_whole_log(monkeypatch: pytest.MonkeyPatch) -> None:
    from cartpath.features import fit_encoder
    from cartpath.training.leak import features as leak

    log = some_log(7)
    monkeypatch.setattr(leak, "fit_encoder", lambda log, until: fit_encoder(log, 2**62))
    ends = log.view.offsets[:-1] + np.diff(log.view.offsets) // 2
    assert feature_leaks(log, time_cuts(log.view).valid, ends) == ["fit_encoder"]
