"""Brute-force twins of retention, lifecycle, stickiness, repurchase and time to purchase, in plain Python."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.paths.stores import NAMES
from tests.paths.twin import SECOND, Row, path_order, step_starts, within

ZONES = ("UTC", "America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata")
HOUR = 3600
#: A few days before clocks were put back in Berlin and a week more before Los Angeles.
BASE = int(datetime(2016, 10, 27, tzinfo=UTC).timestamp())

Period = tuple[int | None, int | None]

#: Logs over five weeks: an event every six hours, with ties, hits, interleaved sessions and orders.
events = st.builds(
    lambda k, **more: Row(at=BASE + 6 * HOUR * k, **more),
    k=st.integers(0, 140),
    user=st.integers(0, 3),
    event=st.sampled_from(NAMES),
    session=st.integers(0, 2),
    hit=st.one_of(st.none(), st.integers(0, 1)),
)
logs = st.one_of(st.lists(events, max_size=6), st.lists(events, min_size=15, max_size=40))
#: Orders: few ids, so that several lines share one; 0 is none.
buying = st.lists(
    st.builds(
        lambda k, user, event, order, value, price, hit: Row(
            user=user, at=BASE + 12 * HOUR * k, event=event, session=0, hit=hit,
            order=0 if order == 0 else 10 * (user + 1) + order, value=value, price=price, quantity=2,
        ),
        k=st.integers(0, 60),
        user=st.integers(0, 3),
        event=st.sampled_from(("purchase", "purchase", "view")),
        order=st.integers(0, 4),
        value=st.one_of(st.none(), st.integers(1, 9).map(float)),
        price=st.one_of(st.none(), st.integers(1, 9).map(float)),
        hit=st.one_of(st.none(), st.integers(0, 1)),
    ),
    max_size=30,
)  # fmt: skip
periods = st.tuples(
    st.one_of(st.none(), st.integers(0, 80).map(lambda k: BASE + 5 * HOUR * k)),
    st.one_of(st.none(), st.integers(90, 200).map(lambda k: BASE + 5 * HOUR * k)),
)


def local_day(at: int, zone: str) -> date:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).date()


def first_day(day: date, unit: str) -> date:
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[unit]


def after(day: date, unit: str) -> date:
    """The first day of the period after that of ``day``."""
    following = first_day(day, unit) + timedelta(days={"day": 1, "week": 7, "month": 32}[unit])
    return first_day(following, unit)


def number(day: date, unit: str) -> int:
    return {"day": day.toordinal(), "week": (day.toordinal() - 1) // 7, "month": day.year * 12 + day.month}[unit]


def begins(day: date, zone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def watched(rows: list[Row], period: Period, zone: str) -> tuple[float, float]:
    """From when to when, in seconds; a microsecond after the last event is a fraction."""
    since, until = period
    first, last = min(row.at for row in rows), max(row.at for row in rows)
    begin = first if since is None else max(since, begins(local_day(first, zone), zone))
    end = last + 1e-6 if until is None else min(until, begins(after(local_day(last, zone), "day"), zone))
    return begin, end


def labels(rows: list[Row], period: Period, unit: str, zone: str) -> list[date]:
    """First days of the periods from the one that is watched first to the last."""
    begin, end = watched(rows, period, zone)
    found = [first_day(local_day(int(begin), zone), unit)]
    last = first_day(local_day(int(end - 1e-6 if end > begin else begin), zone), unit)
    while found[-1] < last:
        found.append(after(found[-1], unit))
    return found


def whole(day: date, rows: list[Row], period: Period, unit: str, zone: str) -> bool:
    begin, end = watched(rows, period, zone)
    return begins(day, zone) >= begin and over(day, end, unit, zone)


def over(day: date, end: float, unit: str, zone: str) -> bool:
    return begins(after(day, unit), zone) <= end


def users_of(rows: list[Row], period: Period) -> list[list[tuple[Row, int]]]:
    """Each user's path, every row with the number of its step."""
    kept = within(path_order(rows), *period)
    step, found = 0, defaultdict(list)
    for row, first in zip(kept, step_starts(kept), strict=True):
        step += first
        found[row.user].append((row, step))
    return list(found.values())


def is_(row: Row, event: str) -> bool:
    return event == "*" or row.event == event


def retention_twin(
    rows: list[Row], period: Period, start: str, back: str, unit: str, zone: str, mode: str, most: int
) -> dict[tuple[date, int], tuple[int, int]]:
    """(cohort, k) -> (users back, users of the cohort), for every cohort that anybody is in."""
    size: dict[date, int] = defaultdict(int)
    found: dict[tuple[date, int], int] = defaultdict(int)
    for path in users_of(rows, period):
        place = next((i for i, (row, _) in enumerate(path) if is_(row, start)), None)
        if place is None:
            continue
        cohort = first_day(local_day(path[place][0].at, zone), unit)
        size[cohort] += 1
        later = [row for row, step in path[place + 1 :] if step != path[place][1] and is_(row, back)]
        ks = {number(local_day(row.at, zone), unit) - number(cohort, unit) for row in later}
        for k in range(most + 1):
            found[cohort, k] += k in ks if mode == "classic" else any(other >= k for other in ks)
    return {(cohort, k): (n, size[cohort]) for (cohort, k), n in found.items()}


def lifecycle_twin(rows: list[Row], period: Period, event: str, unit: str, zone: str) -> list[tuple[int, ...]]:
    """(active, new, retained, resurrected, dormant) of each period."""
    active: dict[date, set[int]] = defaultdict(set)
    for row in within(rows, *period):
        if is_(row, event):
            active[first_day(local_day(row.at, zone), unit)].add(row.user)
    seen: set[int] = set()
    before: set[int] = set()
    found = []
    for day in labels(rows, period, unit, zone):
        now = active[day]
        found.append((len(now), len(now - seen), len(now & before), len(now & seen - before), len(before - now)))
        seen, before = seen | now, now
    return found


def days_twin(rows: list[Row], period: Period, event: str, zone: str) -> dict[int, set[date]]:
    """The local days on which each user was active."""
    found: dict[int, set[date]] = defaultdict(set)
    for row in within(rows, *period):
        if is_(row, event):
            found[row.user].add(local_day(row.at, zone))
    return found


def orders_twin(rows: list[Row], period: Period) -> dict[int, list[tuple[int, float]]]:
    """Each buyer's orders in time order: when, and what it is worth."""
    found = {}
    for path in users_of(rows, period):
        lines = defaultdict(list)
        for row, step in path:
            if row.event == "purchase":
                lines[("id", row.order) if row.order else ("step", step)].append(row)
        worth = []
        for (kind, _), of in lines.items():
            values = [row.value for row in of if row.value is not None and kind == "id"]
            total = sum((row.price or 0) * (row.quantity or 1) for row in of)
            worth.append((of[0].at, max(values) if values else total))
        if worth:
            found[path[0][0].user] = sorted(worth, key=lambda order: order[0])
    return found


def durations_twin(
    rows: list[Row], period: Period, start: str, goal: str, unit: str, zone: str
) -> list[tuple[float, bool, str]]:
    """(seconds to the goal or to the end, whether there was a goal, the start's event)."""
    end = watched(rows, period, zone)[1]
    paths = defaultdict(list)
    for row in within(path_order(rows), *period):
        paths[row.user if unit == "users" else (row.user, row.session)].append(row)
    found = []
    for path in paths.values():
        place = next((i for i, row in enumerate(path) if is_(row, start)), None)
        if place is not None:
            stop = next((row.at for row in path[place:] if is_(row, goal)), None)
            waited = (end - 1e-6 if stop is None else stop) - path[place].at
            found.append((round(waited, 6), stop is not None, path[place].event))
    return sorted(found)


def dense_log(seed: int) -> list[Row]:
    """A log in which sessions interleave, times tie and gaps take every length."""
    rng = random.Random(seed)
    return [
        Row(
            user=rng.randrange(4), at=BASE + 6 * HOUR * rng.randrange(140), event=rng.choice(NAMES),
            session=rng.randrange(3), hit=rng.choice((None, 0, 1)),
        )
        for _ in range(60)
    ]  # fmt: skip


def micros(at: int | None, missing: int) -> int:
    return missing if at is None else at * SECOND
