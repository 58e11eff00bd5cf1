"""One pass over a bucket: its journeys and its conversions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.attribution import windows as win
from cartpath.paths.attribution.channels import Channels
from cartpath.paths.attribution.conversions import Conversions, conversions_of, goal_mask
from cartpath.paths.attribution.journeys import Codes, Floats, Ints, intern
from cartpath.paths.attribution.question import Question
from cartpath.paths.counted import Basis, Paths
from cartpath.paths.matching import Matcher
from cartpath.paths.rule import Rule
from cartpath.store import PathView


@dataclass(frozen=True)
class Tally:
    """What was left out, or stands in for something.

    Attributes
    ----------
    without_touch : int
        Conversions without any touch, credited to ``(none)``.
    beyond_lookback : int
        Conversions that lost touches to the lookback.
    cut : int
        Conversions cut at the most touches.
    lost_beyond_lookback : int
        Journeys without a conversion that lost touches to the lookback.
    """

    without_touch: int = 0
    beyond_lookback: int = 0
    cut: int = 0
    lost_beyond_lookback: int = 0


@dataclass(frozen=True)
class Part:
    """What one bucket says; ``codes`` and ``offsets`` are its distinct journeys.

    Attributes
    ----------
    codes : uint8 array
    offsets : int64 array (n_journeys + 1,)
    lost : int64 array (n_journeys,)
        How many ended without a conversion.
    journey, order : int64 array (n_conversions,)
    value, lines : float64 array (n_conversions,)
        As ``Conversions`` has them.
    non_direct : uint8 array (n_conversions,)
        Channel of the last touch that is not direct.
    decay : tuple of arrays
        Conversion, channel and part by time decay.
    tally : Tally
    """

    codes: Codes
    offsets: Ints
    lost: Ints
    journey: Ints
    order: Ints
    value: Floats
    lines: Floats
    non_direct: Codes
    decay: tuple[Ints, Codes, Floats]
    tally: Tally


def scan_attribution(
    view: PathView, rule: Rule, question: Question, channels: Channels, matcher: Matcher, purchase: int
) -> tuple[Basis, Part]:
    """Gather the journeys of one bucket."""
    counted = rule.counted(view)
    paths = counted.paths(rule.counting.unit)
    starts = counted.along(paths, counted.step)
    goal = paths.take(goal_mask(view, matcher))
    found = conversions_of(view, paths, goal, starts, purchase)
    touches, own = _touches(view, paths, channels, found, goal, starts)
    return counted.basis(), _part(view, paths, question, channels, found, touches, own)


def _touches(
    view: PathView,
    paths: Paths,
    channels: Channels,
    found: Conversions,
    goal: npt.NDArray[np.bool_],
    starts: npt.NDArray[np.uint8],
) -> tuple[win.Touches, Ints]:
    """Return the touches of a bucket, and for each conversion that of its own session (-1 where steps are touches)."""
    values, direct = channels.of.codes(view), channels.direct(view)
    own = np.full(len(found.place), -1, np.int64)
    if channels.by_session:
        session = paths.take(view.session)
        place, rank = win.session_starts(session, len(view.sessions))
        own = rank[session[found.place]]
        codes = values[session[place]]
    else:
        begins = starts.astype(np.bool_)
        goals = np.flatnonzero(goal)
        begins[_steps_of(goals, begins)] = False  # the goal itself is no touch
        place = np.flatnonzero(begins)
        codes = paths.take(values)[place]
        place, codes = place[codes >= 0], codes[codes >= 0]
    row = place if paths.rows is None else paths.rows[place]
    session_direct = direct[view.session[row]] if channels.by_session else np.zeros(len(row), np.bool_)
    return win.Touches(place, channels.table[codes], view.ts[row], session_direct), own


def _steps_of(place: Ints, begins: npt.NDArray[np.bool_]) -> Ints:
    at = np.flatnonzero(begins)
    return at[np.searchsorted(at, place, side="right") - 1] if len(at) else at


def _part(
    view: PathView,
    paths: Paths,
    question: Question,
    channels: Channels,
    found: Conversions,
    touches: win.Touches,
    own: Ints,
) -> Part:
    head, of = _by_step(found.step)
    together = np.bincount(of, minlength=len(head)).astype(np.int64)
    place, own = found.place[head], own[head]
    row = place if paths.rows is None else paths.rows[place]
    low, high, own, counts = win.windows(
        (win.bounds_of(touches.place, paths.offsets), win.bounds_of(place, paths.offsets)),
        (touches.place, touches.ts),
        (place, together, view.ts[row], own),
        question.lookback,
        question.reset,
        win.MOST_TOUCHES,
    )
    number, codes, offsets = intern(*win.lay_out(low, high, own, touches.code, channels.none))
    n = len(head)
    without = together[(high[:n] <= low[:n]) & (own < 0)].sum()
    decay = win.decayed(
        low, high, own, touches.code, touches.ts, question.half_life, channels.none, len(channels.names)
    )
    return Part(
        codes=codes,
        offsets=offsets,
        lost=np.bincount(number[n:], minlength=len(offsets) - 1).astype(np.int64),
        journey=number[:n][of],
        order=found.order,
        value=found.value,
        lines=found.lines,
        non_direct=win.last_non_direct(low, high, own, touches.code, touches.direct, channels.none)[of],
        decay=win.handed_down(*decay, together) if n < len(of) else decay,
        tally=Tally(int(without), int(counts[0]), int(counts[1]), int(counts[2])),
    )


def _by_step(step: Ints) -> tuple[Ints, Ints]:
    """Return the first conversion of each step, and of each conversion which of them it goes with."""
    begins = np.diff(step, prepend=-1) != 0
    return np.flatnonzero(begins), np.cumsum(begins) - 1
