"""One pass over a bucket: its journeys and conversions; and those of all buckets as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.attribution import windows as win
from cartpath.paths.attribution.channels import Channels
from cartpath.paths.attribution.conversions import Conversions, conversions_of, goal_mask, step_starts
from cartpath.paths.attribution.journeys import Codes, Floats, Ints, Journeys, intern, sums
from cartpath.paths.attribution.question import Question
from cartpath.paths.counted import Basis, Paths, merge_basis
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


@dataclass(frozen=True)
class Evidence:
    """What all buckets say.

    Attributes
    ----------
    journeys : Journeys
    worth : float64 array (n, 2)
        Of each conversion (of each part, where several users share one): conversions and revenue.
    non_direct : uint8 array (n,)
    decay : tuple of arrays
    orders, steps, shared : int
        Orders, conversions that are steps, and orders that several paths share.
    tally : Tally
    """

    journeys: Journeys
    worth: Floats
    non_direct: Codes
    decay: tuple[Ints, Codes, Floats]
    orders: int
    steps: int
    shared: int
    tally: Tally


def scan_attribution(
    view: PathView, rule: Rule, question: Question, channels: Channels, matcher: Matcher, purchase: int
) -> tuple[Basis, Part]:
    """Gather the journeys of one bucket."""
    counted = rule.counted(view)
    paths = counted.paths(rule.counting.unit)
    starts = step_starts(counted, paths)
    goal = paths.take(goal_mask(view, matcher))
    found = conversions_of(view, paths, goal, starts, purchase)
    touches, own = _touches(view, paths, channels, found, goal, starts)
    return counted.basis(), _part(view, paths, question, channels, found, touches, own)


def merge_attribution(parts: Sequence[tuple[Basis, Part]], width: int) -> tuple[Basis, Evidence]:
    """Join buckets: journeys that are equal become one, an order of several users is shared between them."""
    found = [part for _, part in parts]
    number, codes, offsets = intern(_join(found, "codes"), _offsets([part.offsets for part in found]))
    sizes = [len(part.offsets) - 1 for part in found]
    journey = number[_shifted([part.journey for part in found], sizes)]
    worth, orders, shared = _worth(*(_join(found, name) for name in ("order", "value", "lines")))
    n = len(offsets) - 1
    conversions, revenue = (sums(journey, worth[:, i], n) for i in (0, 1))
    lost = sums(number, _join(found, "lost"), n)
    rows = _shifted([part.decay[0] for part in found], [len(part.journey) for part in found])
    channel, parted = (np.concatenate([part.decay[i] for part in found]) for i in (1, 2))
    tally = Tally(**{f.name: sum(getattr(part.tally, f.name) for part in found) for f in fields(Tally)})
    evidence = Evidence(
        Journeys(codes, offsets, conversions, revenue, lost, width),
        worth,
        _join(found, "non_direct"),
        (rows, channel, parted),
        orders,
        int(np.count_nonzero(_join(found, "order") == 0)),
        shared,
        tally,
    )
    return merge_basis([basis for basis, _ in parts]), evidence


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
    row = found.place if paths.rows is None else paths.rows[found.place]
    bounds = (np.searchsorted(touches.place, paths.offsets), np.searchsorted(found.place, paths.offsets))
    low, high, own, counts = win.windows(
        bounds,
        (touches.place, touches.ts),
        (found.place, found.step, view.ts[row], own),
        question.lookback,
        question.reset,
        win.MOST_TOUCHES,
    )
    codes, offsets, without = win.lay_out(low, high, own, touches.code, channels.none)
    number, codes, offsets = intern(codes, offsets)
    n = len(found.place)
    return Part(
        codes=codes,
        offsets=offsets,
        lost=np.bincount(number[n:], minlength=len(offsets) - 1).astype(np.int64),
        journey=number[:n],
        order=found.order,
        value=found.value,
        lines=found.lines,
        non_direct=win.last_non_direct(low, high, own, touches.code, touches.direct, channels.none),
        decay=win.decayed(
            low, high, own, touches.code, touches.ts, question.half_life, channels.none, len(channels.names)
        ),
        tally=Tally(int(without), int(counts[0]), int(counts[1]), int(counts[2])),
    )


def _worth(order: Ints, value: Floats, lines: Floats) -> tuple[Floats, int, int]:
    """Return what each conversion is worth, how many orders there are, and how many of them are shared.

    Revenue follows ``status``: the largest order value, else the sum of price x quantity.
    """
    ids, place, n = np.unique(order, return_inverse=True, return_counts=True)
    largest, total = np.full(len(ids), np.nan), np.zeros(len(ids))
    np.fmax.at(largest, place, value)
    np.add.at(total, place, np.nan_to_num(lines))
    revenue = np.where(np.isnan(largest), total, largest) / n
    single = order == 0
    share = np.where(single, 1.0, 1.0 / n[place])
    worth = np.column_stack([share, np.where(single, np.nan_to_num(lines), revenue[place])])
    return worth, int(np.count_nonzero(ids)), int(np.count_nonzero(n[ids != 0] > 1))


def _join(parts: Sequence[Part], name: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in parts])


def _offsets(parts: Sequence[Ints]) -> Ints:
    return np.cumsum(np.concatenate([[0], *(np.diff(part) for part in parts)])).astype(np.int64)


def _shifted(rows: Sequence[Ints], sizes: Sequence[int]) -> Ints:
    starts = np.cumsum([0, *sizes])[:-1]
    return np.concatenate([part + start for part, start in zip(rows, starts, strict=True)])
