"""What the session's context says, as far as it was known, and what the clock shows."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.ranges import Bools, Index, at
from cartpath.features.times import local_times
from cartpath.features.vocabulary import ABSENT
from cartpath.schema import MICROSECONDS, Columns

_DAY = 86_400 * MICROSECONDS


def context(block: Block) -> Described:
    """Give the session's context from the event on that carried it."""
    of_sessions, sessions = block.encoded.log.view.sessions, block.sessions
    known = shown(block, sessions, block.session.nth_last(0))
    yield Column("context_known", "flag", "1 once an event of the session has carried its context"), known
    for name in block.encoder.session_fields:
        if name == Columns.visit_number:
            visits = of_sessions.context[name][sessions]
            number = np.where(known & (visits >= 0), visits, np.nan)
            yield Column(name, "sessions", "number of the visit among the user's, as the source counts"), number
            about = "earlier visits by the source's count that are not in the log"
            yield Column("visits_unseen", "sessions", about), number - block.ordinal[sessions]
        else:
            about = f"{name} of the session; 0 before it is known"
            yield Column(name, "id", about), context_ids(block, name, sessions, known)


def shown(block: Block, sessions: Index, latest: Index) -> Bools:
    """Mark the sessions whose context has been carried by their events up to the latest one (n,); -1 is none."""
    carried = block.encoded.log.view.sessions.context_ts[sessions]
    return (carried >= 0) & (latest >= 0) & (at(block.ts, latest, -1) >= carried)


def context_ids(block: Block, name: str, sessions: Index, known: Bools) -> Index:
    """Return the ids of a field of sessions (n,), 0 where they are not known."""
    place = block.encoder.session_fields.index(name)
    ids = np.maximum(block.encoded.sessions[sessions, place] - block.offset_of[name], ABSENT)
    return np.where(known, ids, ABSENT)


def clock(block: Block) -> Described:
    """Give hour and weekday of the latest known event, on the clocks of the zone."""
    local = local_times(block.now, block.zone)
    # 1970-01-01 was a Thursday.
    of_day, of_week = local % _DAY / _DAY, (local + 3 * _DAY) % (7 * _DAY) / (7 * _DAY)
    weekday = np.floor(7 * of_week)
    yield Column("hour", "hours", "local time of day, 0 to 24"), 24 * of_day
    yield Column("hour_sin", "turns", "sine of it, a day being one turn"), np.sin(2 * np.pi * of_day)
    yield Column("hour_cos", "turns", "cosine of it"), np.cos(2 * np.pi * of_day)
    yield Column("weekday", "days", "local weekday, 0 (Monday) to 6"), weekday
    yield Column("week_sin", "turns", "sine of the time of week, a week being one turn"), np.sin(2 * np.pi * of_week)
    yield Column("week_cos", "turns", "cosine of it"), np.cos(2 * np.pi * of_week)
    yield Column("weekend", "flag", "1 on Saturday and Sunday", True), weekday >= 5
