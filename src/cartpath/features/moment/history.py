"""The user before the session began: visits, how long ago what was, how often a session came to what."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.ranges import at, ratio
from cartpath.schema import MICROSECONDS, Event

_DAY = 86_400 * MICROSECONDS
_REACHED = (Event.view, Event.add_to_cart, Event.checkout, Event.purchase)


def visits(block: Block) -> Described:
    """Count earlier sessions, and compare this one with them."""
    before, begins = block.before, block.begins_session
    sessions = before.count(begins)
    yield Column("sessions_before", "sessions", "sessions of the user that began before this one"), sessions
    yield Column("is_first_session", "flag", "1 where the path has no earlier session"), sessions == 0
    per_session = ratio(before.n, sessions)
    length = ratio(before.summary(block.gap).total, sessions)
    about = "of the earlier sessions, as far as they had come; unknown without one"
    yield Column("mean_session_events", "events", f"mean number of events {about}"), per_session
    yield Column("mean_session_seconds", "seconds", f"mean length {about}"), length
    about = "of the session so far over the mean of earlier sessions"
    yield Column("events_to_mean", "ratio", f"events {about}"), ratio(block.session.n, per_session)
    since = (block.now - block.began) / MICROSECONDS
    yield Column("seconds_to_mean", "ratio", f"seconds {about}", True), ratio(since, length)
    item = np.where(block.codes("item") >= 0, block.codes("item"), -1)
    distinct = before.count((item >= 0) & (block.first_of_user(item) == np.arange(block.n_events)))
    yield Column("items_before", "items", "different items of the path before the session"), distinct


def recency(block: Block) -> Described:
    """Say how long before the session the user came first and last, and had an event of a type last."""
    before, began = block.before, block.began
    first = (began - at(block.ts, before.first())) / _DAY
    last = (began - at(block.ts, before.nth_last(0))) / _DAY
    sessions = before.count(block.begins_session)
    between = ratio(first, sessions)
    yield (
        Column("days_known", "days", "from the user's first event to the session; unknown at the first session"),
        first,
    )
    yield Column("days_away", "days", "from the event before the session to it; unknown at the first session"), last
    about = "mean days from one beginning of a session to the next, this one included"
    yield Column("days_between", "days", about), between
    about = "days from the latest earlier session's beginning to this one over that mean"
    latest = (began - at(block.ts, before.last(block.begins_session))) / _DAY
    yield Column("away_to_mean", "ratio", about, True), ratio(latest, between)
    for name in block.known(*_REACHED, Event.remove_from_cart):
        place = before.last(block.is_kind(name))
        about = f"since the user's latest {name} before the session; unknown without one"
        yield Column(f"days_since_{name}", "days", f"days {about}"), (began - at(block.ts, place)) / _DAY
        session = at(block.session_of, place, 0).astype(np.int64)
        passed = np.where(place >= 0, block.ordinal[block.sessions] - block.ordinal[session], np.nan)
        yield Column(f"sessions_since_{name}", "sessions", f"sessions begun {about}"), passed


def reached(block: Block) -> Described:
    """Say in how many of the earlier sessions an event of a type came."""
    before = block.before
    sessions = before.count(block.begins_session)
    came = {}
    for name in block.known(*_REACHED):
        first = block.first_in_session(np.where(block.is_kind(name), 0, -1))
        came[name] = before.count(first == np.arange(block.n_events))
        yield Column(f"sessions_with_{name}", "sessions", f"earlier sessions with {name}"), came[name]
        about = f"share of the earlier sessions with {name}; unknown without one"
        yield Column(f"share_with_{name}", "share", about), ratio(came[name], sessions)
    if Event.add_to_cart in came and Event.purchase in came:
        about = "earlier sessions with a purchase over those with a cart"
        yield Column("purchase_per_cart", "ratio", about), ratio(came[Event.purchase], came[Event.add_to_cart])
