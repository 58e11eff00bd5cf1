"""Brute-force twin of attribution in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from cartpath.store import PathView
from tests.paths.twin import EVENTS, SECOND, Row, path_order, paths_of, step_starts, view_of

LABELS = ("Search", "Direct", "Mail", "Social")


@dataclass(frozen=True)
class Visit:
    """What is known of a session."""

    channel: str | None
    direct: bool | None


@dataclass(frozen=True)
class Log:
    """A log, and the visits of its sessions by user and session."""

    rows: list[Row]
    visits: dict[tuple[int, int], Visit]

    def visit(self, row: Row) -> Visit:
        return self.visits.get((row.user, row.session), Visit(None, None))

    def is_direct(self, row: Row) -> bool:
        visit = self.visit(row)
        return visit.channel == "Direct" if visit.direct is None else visit.direct


@dataclass(frozen=True)
class Ask:
    by: str = "channel"
    lookback: int | None = None
    half_life: int = 3
    reset: bool = True
    unit: str = "users"
    since: int | None = None
    until: int | None = None
    without: str | None = None


@dataclass(frozen=True)
class Touch:
    name: str
    at: int
    direct: bool


@dataclass
class Converted:
    touches: list[Touch]
    order: int
    value: float | None
    lines: float
    worth: float = 1.0
    revenue: float = 0.0


def twin(log: Log, ask: Ask, goal: str = "buy") -> tuple[list[Converted], Counter[tuple[str, ...]]]:
    """Return the conversions with their touches, and the journeys that ended without one."""
    ordered = path_order(log.rows)
    step, number = [], -1
    for start in step_starts(ordered):
        number += start
        step.append(number)
    of_row = {id(row): n for row, n in zip(ordered, step, strict=True)}
    counted = [
        row
        for row in ordered
        if (ask.since is None or row.at >= ask.since)
        and (ask.until is None or row.at < ask.until)
        and row.event != ask.without
    ]
    converted: list[Converted] = []
    lost: Counter[tuple[str, ...]] = Counter()
    for path in paths_of(counted, ask.unit):
        found, rest = _of_path(log, ask, path, [of_row[id(row)] for row in path], goal)
        converted += found
        if rest:
            lost[tuple(touch.name for touch in rest)] += 1
    _share(converted)
    return converted, lost


def _of_path(log: Log, ask: Ask, path: list[Row], steps: list[int], goal: str) -> tuple[list[Converted], list[Touch]]:
    touches = _touches(log, ask, path, steps, goal)
    heads: dict[Any, list[int]] = defaultdict(list)
    for i, row in enumerate(path):
        if row.event == goal:
            heads[("order", row.order) if row.order else ("step", steps[i])].append(i)
    found = []
    for key, places in sorted(heads.items(), key=lambda pair: pair[1][0]):
        first = places[0]
        earlier = [p[0] for p in heads.values() if p[0] < first and steps[p[0]] != steps[first]]
        floor = max(earlier, default=-1) if ask.reset else -1
        mine = [(i, t) for i, t in touches if floor < i <= first and _near(ask, t, path[first].at)]
        if ask.by == "channel":
            own = next((i, t) for i, t in touches if path[i].session == path[first].session)
            mine = [pair for pair in mine if pair != own] + ([own] if _near(ask, own[1], path[first].at) else [])
        lines = [path[i] for i in places]
        values = [r.value for r in lines if r.value is not None and key[0] == "order"]
        amount = sum(r.price * (1 if r.quantity is None else r.quantity) for r in lines if r.price is not None)
        order = path[first].order if key[0] == "order" else 0
        found.append(Converted([t for _, t in mine], order, max(values, default=None), amount))
    last = max((p[0] for p in heads.values()), default=-1)
    rest = [t for i, t in touches if i > last]
    return found, [t for t in rest if _near(ask, t, rest[-1].at)]


def _near(ask: Ask, touch: Touch, at: int) -> bool:
    return ask.lookback is None or at - touch.at <= ask.lookback


def _touches(log: Log, ask: Ask, path: list[Row], steps: list[int], goal: str) -> list[tuple[int, Touch]]:
    found, seen = [], set()
    goals = {steps[i] for i, row in enumerate(path) if row.event == goal}
    for i, row in enumerate(path):
        key = row.session if ask.by == "channel" else steps[i]
        if key in seen:
            continue
        seen.add(key)
        if ask.by == "channel":
            found.append((i, Touch(log.visit(row).channel or "(none)", row.at, log.is_direct(row))))
        elif steps[i] not in goals:
            found.append((i, Touch(row.event, row.at, False)))
    return found


def _share(converted: list[Converted]) -> None:
    """An order of several paths is one conversion, in equal parts; revenue by the rule of status."""
    for one in converted:
        same = [other for other in converted if other.order == one.order] if one.order else [one]
        values = [other.value for other in same if other.value is not None]
        one.worth = 1 / len(same)
        one.revenue = (max(values) if values else sum(other.lines for other in same)) / len(same)


def parts(touches: list[Touch], model: str, half_life: int) -> dict[str, float]:
    """Divide one conversion."""
    if not touches:
        return {"(none)": 1.0}
    n = len(touches)
    if model == "first":
        weights = [1.0] + [0.0] * (n - 1)
    elif model == "last":
        weights = [0.0] * (n - 1) + [1.0]
    elif model == "last_non_direct":
        best = max((i for i in range(n) if not touches[i].direct), default=n - 1)
        weights = [float(i == best) for i in range(n)]
    elif model == "linear":
        weights = [1 / n] * n
    elif model == "position":
        weights = [1 / n] * n if n <= 2 else [0.4, *[0.2 / (n - 2)] * (n - 2), 0.4]
    elif model == "time_decay":
        raw = [0.5 ** ((max(t.at for t in touches) - t.at) / half_life) for t in touches]
        weights = [w / sum(raw) for w in raw]
    else:
        names = sorted({t.name for t in touches})
        return {name: 1 / len(names) for name in names}
    found: dict[str, float] = defaultdict(float)
    for touch, weight in zip(touches, weights, strict=True):
        found[touch.name] += weight
    return dict(found)


def credit_twin(converted: list[Converted], model: str, half_life: int) -> dict[str, tuple[float, float]]:
    """Conversions and revenue by channel."""
    found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for one in converted:
        for name, part in parts(one.touches, model, half_life).items():
            found[name][0] += part * one.worth
            found[name][1] += part * one.revenue
    return {name: (n, revenue) for name, (n, revenue) in found.items()}


def with_visits(log: Log) -> PathView:
    """Lay a log out as a path table with the channels of its sessions."""
    view = view_of(log.rows)
    keys = list(dict.fromkeys((row.user, row.session) for row in path_order(log.rows)))
    visits = [log.visits.get(key, Visit(None, None)) for key in keys]
    context = dict(view.sessions.context)
    context["channel"] = np.array([-1 if v.channel is None else LABELS.index(v.channel) for v in visits], np.int32)
    context["is_direct"] = np.array([-1 if v.direct is None else int(v.direct) for v in visits], np.int32)
    return replace(view, sessions=replace(view.sessions, context=context))


def in_buckets(log: Log, n_buckets: int) -> list[PathView]:
    return [with_visits(Log([r for r in log.rows if r.user % n_buckets == b], log.visits)) for b in range(n_buckets)]


_visits = st.builds(Visit, st.sampled_from([None, *LABELS]), st.sampled_from([None, None, True, False]))
_rows = st.builds(
    Row,
    user=st.integers(0, 4),
    at=st.integers(0, 12),
    event=st.sampled_from([*EVENTS, "buy"]),
    session=st.integers(0, 3),
    hit=st.one_of(st.none(), st.integers(0, 1)),
    order=st.sampled_from([0, 1, 2, 3, 4]),
    value=st.sampled_from([None, 10.0, 25.0]),
    price=st.sampled_from([None, 2.0, 3.0]),
    quantity=st.sampled_from([None, 2]),
)
logs_of_visits = st.builds(
    Log,
    st.lists(_rows, max_size=40),
    st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 3)), _visits, max_size=20),
)
#: Hits of many orders, with and without a touch before them.
logs_of_orders_in_hits = st.builds(
    Log,
    st.lists(
        st.builds(
            Row,
            user=st.integers(0, 1),
            at=st.integers(0, 3),
            event=st.sampled_from(["buy", "buy", "buy", "view", "cart"]),
            session=st.integers(0, 1),
            hit=st.integers(0, 1),
            order=st.integers(0, 12),
            value=st.sampled_from([None, 10.0, 25.0]),
        ),
        max_size=40,
    ),
    st.dictionaries(st.tuples(st.integers(0, 1), st.integers(0, 1)), _visits, max_size=4),
)
asks = st.builds(
    Ask,
    by=st.sampled_from(["channel", "event"]),
    lookback=st.sampled_from([None, 1, 4]),
    half_life=st.sampled_from([1, 3]),
    reset=st.booleans(),
    unit=st.sampled_from(["users", "sessions"]),
    since=st.sampled_from([None, 0, 4]),
    until=st.sampled_from([None, 9]),
    without=st.sampled_from([None, None, "cart"]),
)

__all__ = ["LABELS", "SECOND", "Ask", "Log", "Visit"]
