"""The pace of the session so far: gaps between steps, how long pages held the user, what is how long ago."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.kernels import lower_bound
from cartpath.features.moment.ranges import Ranges, at, ratio
from cartpath.schema import MICROSECONDS, Event

_RECENT = (60, 300)
_LATEST = 3
_HELD_BY = (Event.page_view, Event.click, Event.view, Event.add_to_cart, Event.checkout)
_LAST_OF = (
    Event.click,
    Event.view,
    Event.search,
    Event.promotion_click,
    Event.add_to_cart,
    Event.remove_from_cart,
    Event.checkout,
)


def pace(block: Block) -> Described:
    """Describe the time from step to step."""
    since = (block.now - block.began) / MICROSECONDS
    gaps = block.session.summary(block.gap)
    recent = _latest_steps(block, _LATEST).summary(block.gap)
    about = "between steps of the session so far; unknown at the first step"
    yield Column("since_start", "seconds", "from the session's first event to the latest known"), since
    yield Column("mean_gap", "seconds", f"mean time {about}"), gaps.mean
    yield Column("least_gap", "seconds", f"shortest time {about}"), gaps.least
    yield Column("longest_gap", "seconds", f"longest time {about}"), gaps.most
    yield Column("last_gap", "seconds", f"latest time {about}"), gaps.last
    yield Column("gap_deviation", "seconds", f"standard deviation of the time {about}"), gaps.deviation
    yield Column("gap_trend", "ratio", "latest gap over the mean one", True), ratio(gaps.last, gaps.mean)
    about = f"mean of the latest {_LATEST} gaps over the mean of all"
    yield Column("gap_trend_of_3", "ratio", about, True), ratio(recent.mean, gaps.mean)
    about = "steps of the session so far a minute; unknown while no time has passed"
    yield Column("pace", "steps a minute", about), ratio(60 * block.steps.n, since)
    for seconds in _RECENT:
        about = f"steps of the session in the {seconds} seconds up to the latest event"
        yield Column(f"steps_in_{seconds}s", "steps", about, True), _within(block, seconds).count(block.is_step)


def _latest_steps(block: Block, n: int) -> Ranges:
    steps = block.steps
    return Ranges(steps.order, np.maximum(steps.begin, steps.stop - n), steps.stop)


def _within(block: Block, seconds: int) -> Ranges:
    session = block.session
    after = block.now - seconds * MICROSECONDS + 1
    begin = lower_bound(block.ts[session.order], session.begin, session.stop, after)
    return Ranges(session.order, begin, session.stop)


def held(block: Block) -> Described:
    """Describe how long events of a type held the user: the time to the session's next step, once that has come."""
    total = block.session.summary(block.gap).total
    for name in block.known(*_HELD_BY):
        kind = 2 + block.encoder.events.values.index(name)
        found = block.session.summary(np.where(block.kind_before == kind, block.gap, np.nan))
        about = f"that steps beginning with {name} held the user in the session so far"
        yield Column(f"held_by_{name}", "seconds", f"time {about}"), found.total
        yield Column(f"mean_held_by_{name}", "seconds", f"mean time {about}"), found.mean
        if name == Event.view:
            yield Column("longest_view", "seconds", f"longest time {about}"), found.most
            yield Column("latest_view", "seconds", f"latest time {about}"), found.last
            yield (
                Column("view_time", "share", "share of the session so far spent on views", True),
                ratio(found.total, total),
            )


def ago(block: Block) -> Described:
    """Say how long ago the session last had an event of a type; unknown where it had none."""
    for name in block.known(*_LAST_OF):
        place = block.session.last(block.is_kind(name))
        seconds = (block.now - at(block.ts, place)) / MICROSECONDS
        about = f"since the session's latest {name}; unknown without one"
        yield Column(f"since_{name}", "seconds", f"time {about}"), seconds
        steps = block.steps.n - at(block.step_number, place)
        yield Column(f"steps_since_{name}", "steps", f"steps {about}"), steps
        first = _first(block, name)
        about = f"number of the session's first step with {name}; unknown without one"
        yield Column(f"first_{name}_step", "steps", about), at(block.step_number, first)


def _first(block: Block, name: str) -> np.ndarray:
    """Return the place of the session's first event of a type (n,)."""
    place = block.session.last(block.is_kind(name))
    first = block.first_in_session(np.where(block.is_kind(name), 0, -1))
    return at(first, place, -1).astype(np.int64)
