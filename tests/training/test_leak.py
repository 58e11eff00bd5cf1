"""The leak guard itself: what its futures are, and that it finds what looks ahead, of every kind of question."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.features import Log, user_of_event
from cartpath.features.catalogue import content_of_items, listed_prices
from cartpath.tasks import CutoffRows, IntentRows, RepeatRows, intent_rows
from cartpath.tasks.cutoff_rows import ends_at
from cartpath.training.leak import changed_after, changed_catalogue, cut_after, fit_changes, score_changes
from tests.features.logs import split_by_share
from tests.features.moment.logs import rich_log
from tests.tasks.test_protocols import log_of_rows as untimed_log
from tests.training.at_cutoffs import BEGIN, DAY, SPLIT, TASKS, shop_log

SEEDS = st.integers(0, 10_000)


def halves(log: Log) -> Any:
    return log.view.offsets[:-1] + np.diff(log.view.offsets) // 2


def steps_of(log: Log) -> IntentRows:
    return intent_rows(log, split_by_share(log.view))


def users_of(log: Log, task: str = "churn") -> CutoffRows:
    asked, rows_of = TASKS[task]
    rows: CutoffRows = rows_of(log, SPLIT, asked)
    return rows


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_what_is_cut_is_gone_and_what_came_before_is_as_it_was(seed: int) -> None:
    log = rich_log(seed)
    view, ends = log.view, halves(log)
    stays = np.arange(view.n_events) < ends[user_of_event(view)]
    other = cut_after(log, ends).view
    for name in ("ts", "event", "item", "price", "order", "step"):
        assert np.array_equal(getattr(other, name), getattr(view, name)[stays], equal_nan=True)
    assert np.diff(other.offsets).tolist() == (ends - view.offsets[:-1]).tolist()
    assert other.sessions.key.tolist() == view.sessions.key[np.unique(view.session[stays])].tolist()
    assert (other.sessions.end[other.session] >= other.ts).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_the_catalogue_changes_of_items_that_nobody_has_seen_yet_and_of_no_other(seed: int) -> None:
    log = rich_log(seed, users=2)
    ends = halves(log)
    stays = np.arange(log.view.n_events) < ends[user_of_event(log.view)]
    seen = set(log.view.item[stays].tolist()) - {-1}
    other = changed_catalogue(log, ends, seed)
    assert other.items["item_id"].equals(log.items["item_id"])
    assert other.items.schema == log.items.schema
    changed = listed_prices(other) != listed_prices(log)
    assert all(
        changed[code] != (code in seen) for code in range(len(log.codes("item"))) if log.codes("item")[code] != "i4"
    )
    ours, theirs = (content_of_items(one)["category_1"] for one in (log, other))
    for code in seen:
        assert ours[0][ours[1][code]] == theirs[0][theirs[1][code]] if ours[1][code] >= 0 else theirs[1][code] == -1


#: What looks ahead at a step of a session, and looks it: each is a mistake that has been made somewhere.
LOOKS_AHEAD: dict[str, Any] = {
    "the next event": lambda log, rows: log.view.event[np.minimum(rows.ends, log.view.n_events - 1)],
    "when the session ends": lambda log, rows: log.view.sessions.end[rows.session],
    "how long the session is": lambda log, rows: np.bincount(log.view.session, minlength=1)[rows.session],
    "how many sessions there are": lambda log, rows: np.bincount(log.view.sessions.user)[rows.user],
    "whether it buys": lambda log, rows: _buys(log)[rows.session],
    "what it will be worth": lambda log, rows: np.nan_to_num(_sums(log, log.view.price))[rows.session],
    "context that is not shown yet": lambda log, rows: log.view.sessions.context["device"][rows.session],
    "how often the item is seen": lambda log, rows: np.bincount(log.view.item + 1)[log.view.item[rows.ends - 1] + 1],
}
#: What does not: the event before the end, the time since the session began, the user's path so far.
LOOKS_BACK: dict[str, Any] = {
    "the last event": lambda log, rows: log.view.event[rows.ends - 1],
    "the session's age": lambda log, rows: log.view.ts[rows.ends - 1] - log.view.sessions.start[rows.session],
    "the path so far": lambda log, rows: rows.ends - log.view.offsets[rows.user],
    "the last item's price": lambda log, rows: listed_prices(log)[log.view.item[rows.ends - 1]],
    "nothing": lambda log, rows: np.full(len(rows), np.nan),
}


def _buys(log: Log) -> Any:
    return np.bincount(log.view.session, log.view.event == log.event_codes["purchase"])


def _sums(log: Log, of: Any) -> Any:
    return np.bincount(log.view.session, np.nan_to_num(of))


@pytest.mark.parametrize("name", LOOKS_AHEAD)
def test_a_look_ahead_at_a_step_is_found(name: str) -> None:
    log = rich_log(3, users=40)
    rows = steps_of(log)
    found = score_changes(LOOKS_AHEAD[name], log, rows)
    assert found.any()
    # One of each user is looked at.
    assert len(np.unique(rows.user[found])) == found.sum()


def test_a_look_at_the_whole_catalogue_is_found() -> None:
    log = rich_log(3, users=2)
    rows = steps_of(log)

    def usual(log: Log, rows: IntentRows) -> Any:
        return np.full(len(rows), np.nanmedian(listed_prices(log)))

    assert score_changes(usual, log, rows).any()
    assert not score_changes(usual, log, rows, catalogue=False).any()


@pytest.mark.parametrize("name", LOOKS_BACK)
@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_a_look_back_is_not(name: str, seed: int) -> None:
    log = rich_log(seed)
    assert not score_changes(LOOKS_BACK[name], log, steps_of(log), seed=seed).any()


AT_CUTOFFS: dict[str, Any] = {
    "the answer": lambda log, rows: _events_within(log, rows, 7 * DAY),
    "a day too many": lambda log, rows: _events_within(log, rows, DAY),
    "the last event of the path": lambda log, rows: log.view.ts[log.view.offsets[rows.user + 1] - 1],
    "how long the path is": lambda log, rows: np.diff(log.view.offsets)[rows.user],
    "what others do later": lambda log, rows: np.full(len(rows), np.nansum(log.view.price)),
}


def _events_within(log: Log, rows: CutoffRows, horizon: int) -> Any:
    return [ends_at(log.view, int(at) + horizon)[user] - end for user, end, at in _each(rows)]


def _each(rows: CutoffRows) -> Any:
    return zip(rows.user, rows.ends, rows.cutoff, strict=True)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", AT_CUTOFFS)
def test_a_look_past_a_cutoff_is_found_at_every_cutoff(name: str, task: str) -> None:
    log = shop_log(20)
    rows = users_of(log, task)
    found = score_changes(lambda log, rows: np.array(AT_CUTOFFS[name](log, rows)), log, rows)
    assert set(rows.cutoff[found].tolist()) == set(rows.cutoff.tolist())


@pytest.mark.parametrize("task", TASKS)
def test_what_came_before_a_cutoff_may_be_known(task: str) -> None:
    log = shop_log(20)

    def before(log: Log, rows: CutoffRows) -> Any:
        # Others' days before the cut-off, too; of what is bought again its name, not its number.
        what = [hash(rows.texts[code]) for code in rows.what] if isinstance(rows, RepeatRows) else [0] * len(rows)
        return (
            np.array([[end - log.view.offsets[user], (log.view.ts < at).sum()] for user, end, at in _each(rows)])
            + (np.array(what)[:, None])
        )

    assert not score_changes(before, log, users_of(log, task)).any()


def test_columns_are_told_apart() -> None:
    log = shop_log(20)

    def columns(log: Log, rows: CutoffRows) -> Any:
        return np.column_stack([rows.ends - log.view.offsets[rows.user], np.diff(log.view.offsets)[rows.user]])

    assert score_changes(columns, log, users_of(log)).any(axis=0).tolist() == [False, True]


@pytest.mark.parametrize(("days", "leaks"), [(42, False), (43, True), (63, True)])
def test_a_fit_on_later_days_is_found(days: int, leaks: bool) -> None:
    log = shop_log(20)

    def fit(one: Log) -> Any:
        mean = np.mean(one.view.price[one.view.ts < BEGIN + days * DAY] > 5)
        return lambda log, rows: np.full(len(rows), mean)

    assert fit_changes(fit, log, SPLIT.train_until, users_of(log)).all() == leaks


def test_a_fit_to_the_whole_catalogue_is_found_where_it_may_not_know_it() -> None:
    log = rich_log(0, users=3)

    def fit(one: Log) -> Any:
        return lambda log, rows: np.full(len(rows), np.nanmedian(listed_prices(one)))

    until = int(log.view.ts.min()) + 1
    found = [fit_changes(fit, log, until, steps_of(log), catalogue=told).any() for told in (False, True)]
    assert found == [False, True]


def test_another_shape_is_another_fit() -> None:
    log = shop_log(20)

    def fit(one: Log) -> Any:
        width = int(one.view.ts.max()) % 97
        return lambda log, rows: np.zeros((len(rows), width))

    assert fit_changes(fit, log, SPLIT.train_until, users_of(log)).all()


def test_nobody_asked_is_no_leak() -> None:
    log = rich_log(0)
    rows = steps_of(log).take(np.empty(0, np.int64))
    assert score_changes(LOOKS_AHEAD["the next event"], log, rows).tolist() == []


def test_a_catalogue_without_rows_or_items_is_left_as_it_is() -> None:
    log = untimed_log([("u", 0, "view", "a"), ("u", 1, "view", "b")], timed=False)
    ends = log.view.offsets[1:]
    assert changed_catalogue(log, ends).items.num_rows == log.items.num_rows
    assert changed_after(log, ends).view.item.tolist() == log.view.item.tolist()
