"""No feature looks ahead, of any kind: of a moment, of users, of pairs, of text; and one that does is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.features import Log, encode, feature_columns, fit_encoder, fit_reference, fit_texts, user_features
from cartpath.features.moment import Column, columns, session_features
from cartpath.features.moment import features as of_moment
from cartpath.features.moment.block import Block
from cartpath.models.cutoff import describe
from cartpath.tasks import CutoffRows, Cutoffs, IntentRows, RepeatTask, asked_users, intent_rows, repeat_at
from cartpath.tasks.cutoff_rows import ends_at
from cartpath.training.leak import Score, fit_changes, score_changes
from tests.features.logs import split_by_share
from tests.features.moment.logs import rich_log

SEEDS = st.integers(0, 10_000)
TEXTS = ("tfidf", "word2vec", "item2vec")
NEVER = 2**62


def steps_of(log: Log) -> IntentRows:
    return intent_rows(log, split_by_share(log.view))


def users_of(log: Log) -> CutoffRows:
    """Users at two moments in the middle of the log."""
    return asked_users(log, moments_of(log))


def moments_of(log: Log) -> Cutoffs:
    return Cutoffs(np.quantile(log.view.ts, [0.4, 0.7]).astype(np.int64), np.array([0, 1]), 86_400 * 10**6)


def changed(names: list[str], found: Any) -> list[str]:
    return [name for name, any_ in zip(names, found.any(axis=0), strict=True) if any_]


def of_a_moment(log: Log, encoder: Any, texts: Any = None) -> Score:
    def values(log: Log, rows: IntentRows) -> Any:
        return session_features(encode(log, encoder), encoder, rows.session, rows.ends, texts=texts).values

    return values


def of_users(log: Log, rows: CutoffRows, **beside: Any) -> Any:
    """The profile of the rows' users, each at its cut-off."""
    values = np.zeros((len(rows), 0), np.float32)
    for at in np.unique(rows.cutoff).tolist():
        mine, found = rows.cutoff == at, user_features(log, at, **beside)
        values = values if values.shape[1] else np.zeros((len(rows), found.values.shape[1]), np.float32)
        active = np.flatnonzero(ends_at(log.view, at) > log.view.offsets[:-1])
        values[mine] = found.values[np.searchsorted(active, rows.user[mine])]
    return values


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_features_of_a_moment(seed: int) -> None:
    log = rich_log(seed)
    encoder = fit_encoder(log, NEVER)
    names = [column.name for column in columns(encoder)]
    assert len(names) > 200
    assert changed(names, score_changes(of_a_moment(log, encoder), log, steps_of(log), seed=seed)) == []


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_features_of_users(seed: int) -> None:
    log = rich_log(seed, users=12)
    names = [column.name for column in feature_columns()]
    rows = users_of(log)
    assert changed(names, score_changes(of_users, log, rows, seed=seed, catalogue=False)) == []
    # The catalogue is taken as it is now: docs/features.md says of this one column that it may know of later items.
    assert changed(names, score_changes(of_users, log, rows, seed=seed)) in ([], ["price_to_category"])


@pytest.mark.parametrize("of", ["item", "category", "brand"])
@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_features_of_what_is_bought_again(of: str, seed: int) -> None:
    log = rich_log(seed, users=12)
    rows = repeat_at(log, moments_of(log), RepeatTask("1d", of))
    names = [column.name for column in describe(log, rows).columns]
    assert len(names) > len(feature_columns())

    def values(log: Log, rows: CutoffRows) -> Any:
        return describe(log, rows).values

    assert changed(names, score_changes(values, log, rows, seed=seed)) in ([], ["price_to_category"])


@pytest.mark.parametrize("seed", range(2))
def test_features_of_text(seed: int) -> None:
    pytest.importorskip("gensim")
    log = rich_log(seed, users=25, events=30)
    split, encoder, rows = split_by_share(log.view), fit_encoder(log, NEVER), steps_of(log)
    texts = fit_texts(log, split.train_until, TEXTS, dims=3)
    names = [column.name for column in columns(encoder, texts)]
    assert sum(name.startswith(TEXTS) for name in names) >= 9
    assert changed(names, score_changes(of_a_moment(log, encoder, texts), log, rows, seed=seed)) == []
    first = fit_texts(log, int(moments_of(log).at[0]), TEXTS, dims=3)
    assert not score_changes(
        lambda log, rows: of_users(log, rows, texts=first), log, users_of(log), catalogue=False
    ).any()


def test_encoders_and_vectorisers_are_fitted_on_the_past() -> None:
    pytest.importorskip("gensim")
    log = rich_log(1, users=25, events=30)
    until, rows = split_by_share(log.view).train_until, steps_of(log)

    def fit(one: Log) -> Score:
        return of_a_moment(one, fit_encoder(one, until), fit_texts(one, until, TEXTS, dims=3))

    assert not fit_changes(fit, log, until, rows).any()
    assert fit_changes(lambda one: of_a_moment(one, fit_encoder(one, NEVER)), log, until, rows).any()


@pytest.mark.parametrize("name", TEXTS)
def test_a_vectoriser_of_the_whole_log_is_found(name: str) -> None:
    pytest.importorskip("gensim")
    # TF-IDF counts texts, however often each is read: in a log of a few events not all of them are.
    log = rich_log(6, users=3, events=9) if name == "tfidf" else rich_log(1, users=25, events=30)
    until = int(np.sort(log.view.ts)[6])
    encoder = fit_encoder(log, until)

    def greedy(one: Log) -> Score:
        return of_a_moment(one, encoder, fit_texts(one, NEVER, (name,), dims=3))

    assert fit_changes(greedy, log, until, steps_of(log)).any()


def _left(block: Block) -> Any:
    size = np.bincount(block.session_of, minlength=len(block.encoded.log.view.sessions))
    yield (
        Column("left", "events", "events of the session that are still to come"),
        size[block.sessions] - block.session.n,
    )


def _next_price(block: Block) -> Any:
    following = np.append(block.encoded.log.view.price, np.nan)[block.ends]
    yield Column("next_price", "money", "price of the event after"), following


@pytest.mark.parametrize(("group", "name"), [(_left, "left"), (_next_price, "next_price")])
def test_a_column_of_a_moment_that_looks_ahead_is_named(group: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log = rich_log(4, users=20)
    monkeypatch.setattr(of_moment, "_GROUPS", (*of_moment._GROUPS, group))
    encoder = fit_encoder(log, NEVER)
    names = [column.name for column in columns(encoder)]
    assert changed(names, score_changes(of_a_moment(log, encoder), log, steps_of(log))) == [name]


def test_a_profile_of_a_moment_too_late_is_found() -> None:
    log = rich_log(4, users=20)

    def late(log: Log, rows: CutoffRows) -> Any:
        values = np.zeros(len(rows))
        for at in np.unique(rows.cutoff).tolist():
            found = user_features(log, at + 86_400 * 10**6)
            visits = dict(zip(found.user_id.to_pylist(), found.values[:, 0].tolist(), strict=True))
            mine = rows.cutoff == at
            values[mine] = [visits[user] for user in log.view.user_id.take(rows.user[mine]).to_pylist()]
        return values

    rows = users_of(log)
    assert set(rows.cutoff[score_changes(late, log, rows)].tolist()) == set(rows.cutoff.tolist())


def test_prices_that_others_pay_later_are_found() -> None:
    log = rich_log(4, users=20)
    reference = fit_reference(log, NEVER)
    found = score_changes(
        lambda log, rows: of_users(log, rows, reference=fit_reference(log, NEVER)), log, users_of(log)
    )
    assert set(changed([column.name for column in feature_columns()], found)) >= {"share_below_usual"}
    kept = score_changes(
        lambda log, rows: of_users(log, rows, reference=reference), log, users_of(log), catalogue=False
    )
    assert not kept.any()
