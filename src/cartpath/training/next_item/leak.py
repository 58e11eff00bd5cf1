"""The leak guard: what comes after a moment is changed at random, and no score may change by a bit.

A test of models and features, not a part of them: ``score_leaks`` finds scores that look ahead, ``fit_leaks`` fits that
read what may not be learned from, ``feature_leaks`` features that do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, encode, fit_encoder, moments, session_features, user_of_event
from cartpath.models.next_item import NextItemModel
from cartpath.schema import MICROSECONDS
from cartpath.store import NO_CODE, NO_QUANTITY, Sessions
from cartpath.tasks import NextItemSplit, Questions
from cartpath.training.data import silent
from cartpath.training.next_item.recipe import Fit, FitOptions

Index = npt.NDArray[np.int64]
Array = npt.NDArray[Any]
#: Codes of events that are changed, and whether there may be none.
_CODED = (("event", False), ("item", True), ("page", True), ("query", True))
_LONGEST_GAP = 3 * 86_400 * MICROSECONDS


def changed_after(log: Log, ends: Index, seed: int = 0, until: int | None = None) -> Log:
    """Change everything from some place of each path on: items, events, times, prices, pages, contexts.

    Parameters
    ----------
    log : Log
    ends : int64 array (n_users,)
        The first place of each user's path that is changed.
    seed : int
    until : int, optional
        Changed events happen at or after it, microseconds since 1970; by default not before the last that stays.

    Returns
    -------
    Log
        Of the same users, with as many events each.
    """
    rng, view = np.random.default_rng(seed), log.view
    places = np.arange(view.n_events)
    after = np.flatnonzero(places >= ends[user_of_event(view)])
    arrays = {name: getattr(view, name).copy() for name in (*[n for n, _ in _CODED], "ts", "price", "order_value")}
    for name, may_be_none in _CODED:
        n = len(log.codes(name))
        arrays[name][after] = rng.integers(NO_CODE if may_be_none or not n else 0, max(n, 1), len(after))
        if not n:
            arrays[name][after] = NO_CODE
    for name in ("price", "order_value"):
        arrays[name][after] = np.where(rng.random(len(after)) < 0.3, np.nan, rng.uniform(0, 900, len(after)))
    quantity = view.quantity.copy()
    quantity[after] = rng.choice(np.array([NO_QUANTITY, 1, 7], np.int32), len(after))
    arrays["ts"][after] = _later(log, after, ends, rng, until)
    changed = replace(view, **arrays, quantity=quantity, sessions=_sessions(log, arrays["ts"], ends, rng))
    return replace(log, view=changed)


def _later(log: Log, after: Index, ends: Index, rng: np.random.Generator, until: int | None) -> Index:
    """Return new times of the changed events: none before what stays of the path, and in order."""
    view = log.view
    users = user_of_event(view)[after]
    first = np.where(ends > view.offsets[:-1], view.ts[np.maximum(ends - 1, 0)], int(view.ts.min(initial=0)))
    if until is not None:
        first = np.maximum(first, until)
    # Gaps from nothing to days, so that sessions, hours and days all change.
    gaps = (rng.random(len(after)) ** 6 * _LONGEST_GAP).astype(np.int64)
    gone = np.cumsum(gaps)
    starts = np.searchsorted(users, users, side="left")
    return first[users] + gone - gone[starts] + gaps[starts]


def _sessions(log: Log, ts: Index, ends: Index, rng: np.random.Generator) -> Sessions:
    """Return the sessions as they are with other events: ends change, and what no event that stays has shown."""
    view, sessions = log.view, log.view.sessions
    n = len(sessions)
    start, end = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(start, view.session, ts)
    np.maximum.at(end, view.session, ts)
    stays = np.arange(view.n_events) < ends[user_of_event(view)]
    known_until = np.full(n, np.iinfo(np.int64).min)
    np.maximum.at(known_until, view.session[stays], view.ts[stays])
    open_ = np.zeros(n, np.bool_)
    open_[view.session[~stays]] = True
    # What a changed event shows: no context at all, or that of any session, at the session's last event.
    hidden = open_ & ((sessions.context_ts < 0) | (sessions.context_ts > known_until))
    none = hidden & (rng.random(n) < 0.5)
    context = {
        name: np.where(none, -1, np.where(hidden, rng.permutation(values), values)).astype(np.int32)
        for name, values in sessions.context.items()
    }
    # Context is known by its time, so that of events at the moment of the last that stays would be known, too.
    later = np.maximum(end, known_until + 1)
    context_ts = np.where(none, -1, np.where(hidden, later, sessions.context_ts))
    return replace(sessions, start=start, end=end, context=context, context_ts=context_ts)


def score_leaks(model: NextItemModel, split: NextItemSplit, questions: Questions, seed: int = 0) -> Index:
    """Return the questions whose scores change with what comes after their ends; of each user one is looked at.

    Models are asked with and without the time of the answer, which they may know, and nothing else of it.

    Parameters
    ----------
    model : NextItemModel
    split : NextItemSplit
    questions : Questions
    seed : int
    """
    order = np.random.default_rng(seed).permutation(len(questions))
    rows = np.sort(order[np.unique(questions.user[order], return_index=True)[1]])
    asked = questions.take(rows)
    ends = split.log.view.offsets[1:].copy()
    ends[asked.user] = asked.ends
    other = changed_after(split.log, ends, seed)
    different = np.zeros(len(rows), np.bool_)
    for time in (None, asked.time) if split.log.timed else (None,):
        before, after = (model.score(log, asked.user, asked.ends, time) for log in (split.log, other))
        different |= _differ(before, after)
    return rows[different]


def fit_leaks(fit: Fit, split: NextItemSplit, options: FitOptions | None = None, seed: int = 0) -> Index:
    """Return the test questions whose scores change when a model is fitted with other events after what it may read.

    It may read the events that are learned from, and the validation questions with the paths before them; with
    ``options.refit`` all events before the test.

    Parameters
    ----------
    fit : callable
        As of a ``Recipe``.
    split : NextItemSplit
    options : FitOptions, optional
        Without a budget of time: that makes two fits of the same differ.
    seed : int
    """
    options, asked = options or FitOptions(), split.test
    known = split.whole() if options.refit else split
    ends = known.train_ends.copy()
    np.maximum.at(ends, split.valid.user, split.valid.ends)
    other = replace(split, log=changed_after(split.log, ends, seed, known.until), test=_unknown(split, seed))
    models = [fit(one, options, silent).model for one in (split, other)]
    if models[0].items != models[1].items:
        return np.arange(len(asked))
    before, after = (model.score(split.log, asked.user, asked.ends) for model in models)
    return np.flatnonzero(_differ(before, after))


def _unknown(split: NextItemSplit, seed: int) -> Questions:
    """Return the test questions with any items for answers."""
    asked, n = split.test, len(split.log.codes("item"))
    truth = np.random.default_rng(seed).integers(0, n, len(asked)).astype(np.int32)
    return replace(asked, truth=truth, time=asked.time + MICROSECONDS)


def feature_leaks(log: Log, until: int, ends: Index, seed: int = 0) -> list[str]:
    """Return the features that look ahead: of the encoder past a cut-off, of events and sessions past the ends.

    Parameters
    ----------
    log : Log
    until : int
        Cut-off of the encoder, microseconds since 1970.
    ends : int64 array (n_users,)
        Place after the last event of each user that may be known.
    seed : int
    """
    view = log.view
    cut = view.offsets[:-1] + np.bincount(user_of_event(view)[view.ts < until], minlength=view.n_users)
    encoder = fit_encoder(log, until)
    found = []
    if fit_encoder(changed_after(log, cut, seed, until), until).to_dict() != encoder.to_dict():
        found.append("fit_encoder")
    logs = (log, changed_after(log, ends, seed))
    ours, theirs = (encode(one, encoder) for one in logs)
    known = np.arange(view.n_events) < ends[user_of_event(view)]
    parts = {"events": (ours.events, theirs.events), "event_id": (ours.event_id, theirs.event_id)}
    parts |= {"item_id": (ours.item_id, theirs.item_id)}
    facts = [vars(moments(one.view)) for one in logs]
    parts |= {f"moments.{name}": (facts[0][name], facts[1][name]) for name in facts[0]}
    found += [name for name, (a, b) in parts.items() if not np.array_equal(a[known], b[known], equal_nan=True)]
    last = ends[ends > view.offsets[:-1]]
    sessions = view.session[last - 1].astype(np.int64)
    rows = [session_features(one, encoder, sessions, last) for one in (ours, theirs)]
    equal = ((rows[0].values == rows[1].values) | np.isnan(rows[0].values) & np.isnan(rows[1].values)).all(axis=0)
    return found + [f"session_features.{name}" for name, same in zip(rows[0].names, equal, strict=True) if not same]


def _differ(before: Array, after: Array) -> npt.NDArray[np.bool_]:
    """Mark the rows that are not equal bit for bit."""
    different: npt.NDArray[np.bool_] = (before.view(np.uint32) != after.view(np.uint32)).any(axis=1)
    return different
