"""Cleaning in plain Python: event by event, values written out. Slow, obvious, what the rules are held to."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from cartpath.config import CleaningSettings, OutlierSettings
from cartpath.schema import Columns, event_schema
from cartpath.store import NO_QUANTITY
from cartpath.store.codes import Codes
from cartpath.store.memory import run_from_table
from cartpath.store.run import Run

GAP = 1800
SECOND = 1_000_000
START = 1_704_067_200 * SECOND
#: Events that should have a price; a quantity, only purchases.
PRODUCT = ("click", "view", "wishlist", "add_to_cart", "remove_from_cart", "checkout", "purchase", "refund")
LEAST = {"price": 0.25, "quantity": 0.6, "dwell": 0.1}
LIMITS = {"robust_z": 4.0, "zscore": 4.0, "iqr": 3.0}


@dataclass(frozen=True)
class Event:
    """An event of the path table; times in microseconds, ``session`` any mark that tells sessions of a user apart."""

    user: str
    ts: int
    event: str
    item: str | None = None
    page: str | None = None
    price: float | None = None
    quantity: int | None = None
    order: str | None = None
    received: int | None = None
    session_id: str | None = None
    mark: int = 0
    session: Any = None
    step: int = 1


@dataclass
class Result:
    """What became of the events, by their mark."""

    kept: dict[int, tuple[int, float | None, int | None, frozenset[str]]]
    removed: dict[int, str]


def table_of(log: list[Event]) -> pa.Table:
    """Events as an adapter gives them; ``mark`` is the event id."""
    types = {field.name: field.type for field in event_schema()} | {Columns.received: pa.timestamp("us", tz="UTC")}
    names = {
        "user_id": "user", "ts": "ts", "event": "event", "item_id": "item", "page": "page", "price": "price",
        "quantity": "quantity", "order_id": "order", "session_id": "session_id", Columns.received: "received",
    }  # fmt: skip
    columns = {name: pa.array([getattr(e, own) for e in log], types[name]) for name, own in names.items()}
    return pa.table({**columns, "event_id": pa.array([f"e{e.mark}" for e in log])})


def run_of(log: list[Event], codes: Codes | None = None) -> tuple[Run, list[str]]:
    """The run of a log, and the names of events by code."""
    codes = codes or Codes()
    run = run_from_table(table_of(log), GAP, codes)
    return run, [str(v) for v in codes["event"].values().to_pylist()]


def paths(log: list[Event]) -> dict[str, list[Event]]:
    """Each user's events in path order, with sessions and steps, as the store has them."""
    users: dict[str, list[Event]] = {}
    for event in sorted(log, key=lambda e: e.ts):
        users.setdefault(event.user, []).append(event)
    return {user: in_sessions(path) for user, path in users.items()}


def in_sessions(path: list[Event]) -> list[Event]:
    out: list[Event] = []
    number, last = 0, None
    for event in path:
        if event.session_id is None:
            number += last is not None and event.ts - last > GAP * SECOND
            last = event.ts
        session = ("id", event.session_id) if event.session_id is not None else ("gap", number)
        before = out[-1] if out else None
        together = (
            before is not None
            and (before.ts, before.session, before.event) == (event.ts, session, event.event)
            and before.order == event.order is not None
        )
        out.append(replace(event, session=session, step=int(not together)))
    return out


def near(path: list[Event], window: int) -> list[bool]:
    same = [False] * len(path)
    for i in range(1, len(path)):
        a, b = path[i - 1], path[i]
        alike = (a.event, a.item, a.page, a.order) == (b.event, b.item, b.page, b.order)
        named = b.item is not None or b.page is not None
        same[i] = bool(b.step) and alike and named and b.ts - a.ts < window
    return same


def is_robot(path: list[Event]) -> bool:
    steps = [e for e in path if e.step]
    pauses = [b.ts - a.ts for a, b in pairwise(steps) if a.session == b.session and b.ts > a.ts]
    if len(pauses) >= 20:
        middle = statistics.median(pauses)
        if statistics.median(abs(p - middle) for p in pauses) <= 0.1 * middle:
            return True
    times = [e.ts for e in steps]
    return any(sum(0 <= t - first < 60 * SECOND for t in times) >= 60 for first in times)


def dwell(path: list[Event]) -> list[float]:
    out = [math.nan] * len(path)
    for i, event in enumerate(path):
        following = next((e for e in path[i + 1 :] if e.session == event.session), None)
        if following is not None:
            out[i] = (following.ts - event.ts) / SECOND
    return out


def on_scale(value: float, scale: str) -> float | None:
    if scale == "linear":
        return value
    return math.log(abs(value)) if value else None


def fences(values: list[float], rule: OutlierSettings, least: float) -> tuple[float, float]:
    limit = rule.limit or LIMITS[rule.method]
    if rule.method == "iqr":
        low, high = np.quantile(values, [0.25, 0.75])
        reach = limit * max(high - low, 1.349 * least)
        return low - reach, high + reach
    if rule.method == "zscore":
        middle, spread = statistics.fmean(values), float(np.std(values))
    else:
        middle = statistics.median(values)
        away = [abs(v - middle) for v in values]
        spread = 1.4826 * statistics.median(away) or 1.2533 * statistics.fmean(away)
    reach = limit * max(spread, least)
    return middle - reach, middle + reach


class Fences:
    """Bounds of a column; ``of(item)`` on the scale of the rule, None where nothing can be judged."""

    def __init__(
        self, values: list[tuple[str | None, float]], rule: OutlierSettings, least: float, above_only: bool
    ) -> None:
        judged = [(item, x) for item, v in values if (x := on_scale(v, rule.scale)) is not None]
        self.rule, self.fitted = rule, len(judged) >= 5
        if not self.fitted:
            return
        if rule.scale == "linear":
            least *= abs(statistics.median(x for _, x in judged))
        self.whole = fences([x for _, x in judged], rule, least)
        if above_only:
            self.whole = -1e9, self.whole[1]
        own: dict[str, list[float]] = {}
        for item, x in judged:
            if item is not None and rule.by == "item":
                own.setdefault(item, []).append(x)
        middle = statistics.fmean if rule.method == "zscore" else statistics.median
        self.centre = {item: middle(xs) for item, xs in own.items() if len(xs) >= 5}
        away = [x - self.centre[item] for item, x in judged if item in self.centre]
        self.around = fences(away, rule, least) if away else (0.0, 0.0)

    def of(self, item: str | None) -> tuple[float, float]:
        if item in self.centre:
            return self.centre[item] + self.around[0], self.centre[item] + self.around[1]
        return self.whole

    def outside(self, item: str | None, value: float) -> bool:
        x = on_scale(value, self.rule.scale) if self.fitted else None
        return x is not None and not self.of(item)[0] <= x <= self.of(item)[1]

    def clip(self, item: str | None, value: float) -> float:
        x = on_scale(value, self.rule.scale)
        assert x is not None
        x = min(max(x, self.of(item)[0]), self.of(item)[1])
        return x if self.rule.scale == "linear" else math.copysign(math.exp(x), value)


def fitted(log: list[Event], settings: CleaningSettings) -> dict[str, Any]:
    """Fences of each column that has a rule, and what is put in by item (None: any other)."""
    log = [e for e in log if settings.until_ts is None or e.ts < settings.until_ts]
    values: dict[str, list[tuple[str | None, float]]] = {"price": [], "quantity": [], "dwell": []}
    for path in paths(log).values():
        gone = near(path, settings.near_window_us) if settings.near_duplicates == "drop" else [False] * len(path)
        if settings.robots == "drop" and is_robot(path):
            continue
        left = [e for e, out in zip(path, gone, strict=True) if not out]
        for column in ("price", "quantity"):
            values[column] += [(e.item, float(v)) for e in left if (v := getattr(e, column)) is not None]
        values["dwell"] += [(None, d) for d in dwell(left) if not math.isnan(d)]
    out: dict[str, Any] = {"fences": {}, "fills": {}}
    for column, found in values.items():
        rule = settings.outliers.of(column)
        if rule is not None:
            out["fences"][column] = Fences(found, rule, LEAST[column], column == "dwell")
    for column in ("price", "quantity"):
        out["fills"][column] = _fills(values[column], column, settings, out["fences"].get(column))
    return out


def _fills(
    values: list[tuple[str | None, float]], column: str, settings: CleaningSettings, bounds: Fences | None
) -> dict[str | None, float]:
    method, constant = getattr(settings.missing, column), settings.missing.constant(column)
    if constant is not None:
        return {None: constant}
    if method == "leave":
        return {}
    if bounds is not None and bounds.rule.action != "flag":
        if bounds.rule.action == "clip":
            values = [(i, bounds.clip(i, v) if bounds.outside(i, v) else v) for i, v in values]
        else:
            values = [(i, v) for i, v in values if not bounds.outside(i, v)]
    middle = statistics.fmean if method == "mean" else statistics.median
    own: dict[str | None, list[float]] = {}
    for item, value in values:
        own.setdefault(item, []).append(value)
    put = {i: middle(vs) for i, vs in own.items() if i is not None and len(vs) >= 5 and settings.missing.by == "item"}
    if values:
        put[None] = middle([v for _, v in values])
    return {item: float(round(v)) if column == "quantity" else v for item, v in put.items()}


def typical_delay(log: list[Event], settings: CleaningSettings) -> float | None:
    log = [e for e in log if settings.until_ts is None or e.ts < settings.until_ts]
    found = [d for path in paths(log).values() for d in session_delays(path).values()]
    return statistics.median(found) if found else None


def session_delays(path: list[Event]) -> dict[Any, int]:
    out: dict[Any, list[int]] = {}
    for event in path:
        if event.received is not None:
            out.setdefault(event.session, []).append(event.received - event.ts)
    return {session: math.floor(statistics.median(delays)) for session, delays in out.items()}


def in_time(log: list[Event], settings: CleaningSettings, delay: float | None) -> list[Event]:
    """Set the clocks of sessions right."""
    if settings.clock_skew_us is None or delay is None:
        return log
    out = []
    for path in paths(log).values():
        off = {session: d - round(delay) for session, d in session_delays(path).items()}
        for event in path:
            by = off.get(event.session, 0)
            out.append(replace(event, ts=event.ts + (by if abs(by) > settings.clock_skew_us else 0)))
    return out


def cleaned(log: list[Event], settings: CleaningSettings, found: dict[str, Any], delay: float | None) -> Result:
    """Apply the rules to every event, with the statistics of ``fitted``; random draws are not covered."""
    result = Result({}, {})
    for path in paths(in_time(log, settings, delay)).values():
        robot = settings.robots != "leave" and is_robot(path)
        gone = near(path, settings.near_window_us) if settings.near_duplicates == "drop" else [False] * len(path)
        reasons, flags = [""] * len(path), [set[str]() for _ in path]
        values = [{"price": e.price, "quantity": e.quantity} for e in path]
        for i in range(len(path)):
            if robot:
                flags[i].add("robot")
            reasons[i] = "robot" if robot and settings.robots == "drop" else "near_duplicate" if gone[i] else ""
        for column in ("price", "quantity", "dwell"):
            _judge(path, column, found["fences"].get(column), reasons, flags, values)
        for i, event in enumerate(path):
            if reasons[i]:
                result.removed[event.mark] = reasons[i]
                continue
            for column, of in (("price", PRODUCT), ("quantity", ("purchase",))):
                put = found["fills"].get(column, {})
                should = event.event in of and (column == "quantity" or event.item is not None)
                if values[i][column] is None and should and (event.item in put or None in put):
                    values[i][column] = put.get(event.item, put.get(None))  # type: ignore[typeddict-item]
                    flags[i].add(f"imputed_{column}")
            quantity = values[i]["quantity"]
            whole = None if quantity is None else round(quantity)
            result.kept[event.mark] = (event.ts, values[i]["price"], whole, frozenset(flags[i]))
    return result


def _judge(
    path: list[Event], column: str, bounds: Fences | None, reasons: list[str], flags: list[set[str]], values: Any
) -> None:
    if bounds is None:
        return
    rows = [i for i in range(len(path)) if not reasons[i]]
    if column == "dwell":
        judged = dict(zip(rows, dwell([path[i] for i in rows]), strict=True))
    else:
        judged = {i: values[i][column] for i in rows}
    for i in rows:
        value = judged[i]
        if value is None or math.isnan(value) or not bounds.outside(path[i].item, value):
            continue
        flags[i].add(f"outlier_{column}")
        if bounds.rule.action == "quarantine":
            reasons[i] = f"outlier_{column}"
        elif column != "dwell" and bounds.rule.action != "flag":
            values[i][column] = None if bounds.rule.action == "blank" else bounds.clip(path[i].item, value)


FLAGS = {
    4: "imputed_price", 8: "imputed_quantity", 16: "outlier_price", 32: "outlier_quantity", 64: "outlier_dwell",
    128: "robot",
}  # fmt: skip


def marks_of(log: list[Event]) -> dict[int, int]:
    """Fingerprint -> mark; one by one, as a path may hold the same event at any place."""
    out = {}
    for event in log:
        run, _ = run_of([event])
        out[int(run.array("row_hash")[0])] = event.mark
    return out


def result_of(run: Run, removed: pa.Table | None, marks: dict[int, int]) -> Result:
    """A cleaned run in the form of ``cleaned``."""
    out = Result({}, {})
    names = ("row_hash", "ts", "price", "quantity", "flags")
    for row, ts, price, quantity, flags in zip(*(run.array(name).tolist() for name in names), strict=True):
        known = None if math.isnan(price) else price, None if quantity == int(NO_QUANTITY) else quantity
        out.kept[marks[row]] = (ts, *known, frozenset(name for bit, name in FLAGS.items() if flags & bit))
    for row in removed.to_pylist() if removed is not None else []:
        out.removed[marks[row["row_hash"]]] = row["reason"]
    return out


def logs(users: int = 3, size: int = 40) -> st.SearchStrategy[list[Event]]:
    """Random logs with few distinct values: ties, double clicks, beats and slips are common."""
    prices = st.sampled_from([None, None, 1.0, 1.5, 2.0, 2.0, 2.0, 0.0, 200.0, 0.01])
    second = st.one_of(st.integers(0, 120).map(lambda s: s * 30), st.integers(0, 40).map(lambda s: s * 0.4))
    kind = st.sampled_from(["view", "view", "purchase", "page_view", "add_to_cart"])
    delay = st.sampled_from([None, None, 2, 2, 3, 7200, -9000])
    one = st.builds(
        lambda user, s, kind, item, page, price, quantity, order, delay, session: Event(
            user, START + round(s * SECOND), kind, item, page, price, quantity, order,
            None if delay is None else START + round((s + delay) * SECOND), session,
        ),
        st.sampled_from([f"u{i}" for i in range(users)]), second, kind, st.sampled_from([None, "a", "a", "a", "b"]),
        st.sampled_from([None, "/p"]), prices, st.sampled_from([None, 1, 1, 2, 400, -3]),
        st.sampled_from([None, None, "o"]), delay, st.sampled_from([None, None, "s", "t"]),
    )  # fmt: skip
    many = st.lists(one, min_size=1, max_size=size)
    beats = st.sampled_from(
        [[], [], [Event("robot", START + i * 20 * SECOND, "view", "a", f"/{i}", 2.0) for i in range(23)]]
    )
    return st.builds(lambda log, beat: [replace(e, mark=i) for i, e in enumerate(log + beat)], many, beats)


def rules() -> st.SearchStrategy[OutlierSettings | None]:
    return st.one_of(
        st.none(),
        st.builds(
            OutlierSettings, st.sampled_from(["robust_z", "zscore", "iqr"]), st.sampled_from([None, 0.5, 1.5]),
            st.sampled_from(["flag", "clip", "blank", "quarantine"]), st.sampled_from(["log", "linear"]),
            st.sampled_from(["item", "all"]),
        ),
    )  # fmt: skip


def settings(random: bool = False) -> st.SearchStrategy[CleaningSettings]:
    from cartpath.config import MissingSettings, OutliersSettings

    how = ["leave", "mean", "median", "constant:3.0"] + (["random"] if random else [])
    return st.builds(
        CleaningSettings,
        missing=st.builds(
            MissingSettings, st.sampled_from(how), st.sampled_from(how), st.sampled_from(["item", "all"])
        ),
        outliers=st.builds(OutliersSettings, rules(), rules(), rules()),
        near_duplicates=st.sampled_from(["leave", "drop"]),
        near_window=st.sampled_from(["1s", "30s"]),
        robots=st.sampled_from(["leave", "flag", "drop"]),
        clock_skew=st.sampled_from(["", "", "1h"]),
        seed=st.integers(0, 3),
    )
