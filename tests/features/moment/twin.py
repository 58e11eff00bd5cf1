"""Every column of a moment's features once more, in plain Python: lists of events, and loops."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cartpath.features import Log, PathEncoder
from cartpath.features.encoder import section_of
from cartpath.schema import CODED_CONTEXT
from cartpath.store import NO_QUANTITY

NAN = math.nan
DAY, MINUTE = 86_400, 60
OF_ITEM = ("category_1", "category_2", "category_3", "brand")
SEVERAL = {
    "item": "items",
    "category_1": "categories_1",
    "category_2": "categories_2",
    "category_3": "categories_3",
    "brand": "brands",
    "page": "pages",
    "section": "sections",
    "query": "queries",
}


@dataclass
class Event:
    """An event with its texts; ``None`` is absent. Times are seconds."""

    ts: float
    kind: str
    session: int
    step: bool
    price: float
    quantity: int
    line: float
    order: int
    order_value: float
    texts: dict[str, str | None]
    place: int
    number: int = 0
    gap: float = NAN
    kind_before: str = ""


def events_of(log: Log, user: int, end: int) -> list[Event]:
    """The path up to a place."""
    view, rows = log.view, []
    items = {row["item_id"]: row for row in log.items.to_pylist()}
    for at in range(int(view.offsets[user]), end):
        codes = {name: int(getattr(view, name)[at]) for name in ("event", "item", "page", "query")}
        text = {name: log.codes(name)[code] if code >= 0 else None for name, code in codes.items()}
        row = items.get(text["item"], {})
        parts = (row.get("category") or "").split(" > ")
        for level in range(3):
            text[f"category_{level + 1}"] = " > ".join(parts[: level + 1]) if parts[0] and level < len(parts) else None
        text["brand"] = row.get("brand")
        text["section"] = None if text["page"] is None else section_of(text["page"])
        rows.append(
            Event(
                view.ts[at] / 1e6,
                str(text.pop("event")),
                int(view.session[at]),
                bool(view.step[at]),
                float(view.price[at]),
                max(int(view.quantity[at]), 0) or 1,
                float(view.price[at]) * (1 if view.quantity[at] == NO_QUANTITY else int(view.quantity[at])),
                int(view.order[at]),
                float(view.order_value[at]),
                text,
                at,
            )
        )
    _number(rows)
    return rows


def _number(rows: list[Event]) -> None:
    """Number the steps of each session, and say how long after which each came."""
    latest: dict[int, Event] = {}
    for event in rows:
        known = latest.get(event.session)
        event.number = (known.number if known else 0) + event.step
        if event.step:
            if known:
                event.gap, event.kind_before = event.ts - known.ts, known.kind
            latest[event.session] = event


def ratio(part: float, whole: float) -> float:
    return NAN if not whole or math.isnan(whole) else part / whole


def known(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def mean(values: Iterable[float]) -> float:
    found = known(values)
    return sum(found) / len(found) if found else NAN


def most(values: Iterable[float]) -> float:
    return max(known(values), default=NAN)


def least(values: Iterable[float]) -> float:
    return min(known(values), default=NAN)


def latest(values: Sequence[float]) -> float:
    return ([NAN, *known(values)])[-1]


def deviation(values: Iterable[float]) -> float:
    found = known(values)
    return math.sqrt(sum((value - mean(found)) ** 2 for value in found) / len(found)) if found else NAN


def cart_of(events: Sequence[Event]) -> tuple[float, float, float]:
    """Items, units and worth in a cart after some events; NaN without any."""
    held: dict[str | None, int] = {}
    paid: dict[str | None, float] = {}
    for event in events:
        item = event.texts["item"]
        if event.kind == "purchase":
            held = {}
        elif event.kind in ("add_to_cart", "remove_from_cart"):
            if not math.isnan(event.price):
                paid[item] = event.price
            there = held.get(item, 0)
            held[item] = there + event.quantity if event.kind == "add_to_cart" else max(there - event.quantity, 0)
    if not events:
        return NAN, NAN, NAN
    worth = sum(n * paid.get(item, 0.0) for item, n in held.items())
    return sum(n > 0 for n in held.values()), sum(held.values()), worth


def orders_of(events: Sequence[Event]) -> list[float]:
    """Worth of the orders whose lines are among some events, in the order of their latest lines."""
    lines: dict[Any, list[Event]] = {}
    for event in events:
        if event.kind == "purchase":
            key = event.order or f"alone {event.place}"
            lines[key] = [*lines.pop(key, []), event]
    return [_worth(key, found) for key, found in lines.items()]


def _worth(key: Any, lines: list[Event]) -> float:
    value = most(line.order_value for line in lines)
    if isinstance(key, str) or math.isnan(value):
        return sum(known(line.line for line in lines))
    return value


class Moment:
    """What is known at one place, and the row it makes."""

    def __init__(self, log: Log, encoder: PathEncoder, session: int, end: int, zone: str) -> None:
        self.log, self.encoder, self.zone = log, encoder, ZoneInfo(zone)
        self.number = session
        self.user = int(log.view.sessions.user[session])
        self.path = events_of(log, self.user, end)
        self.mine = [event for event in self.path if event.session == session]
        self.steps = [event for event in self.mine if event.step]
        self.first, self.now = self.mine[0], self.path[-1].ts
        self.before = [event for event in self.path if event.place < self.first.place]
        self.earlier = sorted({event.session for event in self.before})
        self.previous = [event for event in self.before if event.session == (self.earlier or [-1])[-1]]
        self.kinds = encoder.events.values
        self.row: dict[str, float] = {}

    def id(self, field: str, text: str | None) -> int:
        return int(self.encoder.vocabularies[field].ids([text])[0])

    def text(self, event: Event, field: str) -> str | None:
        """What tells values apart: those that the encoder puts together are one where it decides."""
        text = event.texts[field]
        return text if field in ("item", "page", "query") or text is None else str(self.id(field, text))

    def context_of(self, events: list[Event]) -> dict[str, str | None]:
        """Texts of the context of a session, as far as some of its events have shown it; empty while none has."""
        sessions = self.log.view.sessions
        carried = int(sessions.context_ts[events[-1].session]) if events else -1
        if carried < 0 or events[-1].ts * 1e6 < carried:
            return {}
        codes = {name: int(values[events[-1].session]) for name, values in sessions.context.items()}
        return {name: self.log.codes(name)[codes[name]] if codes[name] >= 0 else None for name in CODED_CONTEXT}

    def all(self) -> dict[str, float]:
        for part in (so_far, variety, rhythm, worth, latest_steps, context, history, previous, familiar, windows):
            part(self, self.row)
        return self.row


def n_of(events: Iterable[Event], kind: str) -> int:
    return sum(event.kind == kind for event in events)


def so_far(m: Moment, row: dict[str, float]) -> None:
    others = [event for event in m.path if event.session != m.number]
    row |= {"events": len(m.mine), "steps": len(m.steps), "events_before": len(others)}
    for kind in m.kinds:
        row |= {f"n_{kind}": n_of(m.mine, kind), f"before_{kind}": n_of(others, kind)}
    row["n_other"] = sum(event.kind not in m.kinds for event in m.mine)
    pairs = "click/page_view view/page_view view/click add_to_cart/view remove_from_cart/add_to_cart"
    for part, whole in (pair.split("/") for pair in pairs.split()):
        if part in m.kinds and whole in m.kinds:
            row[f"{part}_per_{whole}"] = ratio(n_of(m.mine, part), n_of(m.mine, whole))

    def searches(events: list[Event]) -> int:
        return sum(event.texts["query"] is not None or event.kind == "search" for event in events)

    row |= {"searches": searches(m.mine), "searches_before": searches(m.before)}
    for name in m.encoder.vocabularies["section"].values[:40] if "section" in m.encoder.vocabularies else ():
        row[f"at_{name}"] = sum(event.texts["section"] == name for event in m.steps)


def variety(m: Moment, row: dict[str, float]) -> None:
    for field, several in SEVERAL.items():
        if field not in m.encoder.event_fields and field not in ("item", "page"):
            continue
        texts = [m.text(event, field) for event in m.mine]
        on_steps = field in ("page", "section", "query")
        counted = [at for at, text in enumerate(texts) if text is not None and (m.mine[at].step or not on_steps)]
        times = Counter(texts[at] for at in counted)
        row[several] = len(set(texts) - {None})
        row[f"most_of_{field}"] = max(times.values(), default=NAN)
        row[f"last_{field}_times"] = times[texts[counted[-1]]] if counted else NAN
        row[f"{field}_repeats"] = ratio(sum(texts[at] in texts[:at] for at in counted), len(counted))
        row[f"{field}_focus"] = ratio(max(times.values(), default=0), len(counted))
    looks = [event for event in m.mine if event.texts["item"] and event.kind == "view"]
    views = Counter(event.texts["item"] for event in looks)
    row["items_viewed"], row["most_views"] = len(views), max(views.values(), default=NAN)
    row["items_viewed_again"] = sum(n > 1 for n in views.values())


def rhythm(m: Moment, row: dict[str, float]) -> None:
    gaps = [event.gap for event in m.steps]
    since = m.now - m.first.ts
    row |= {"since_start": since, "mean_gap": mean(gaps), "least_gap": least(gaps), "longest_gap": most(gaps)}
    row |= {"last_gap": latest(gaps), "gap_deviation": deviation(gaps), "gap_trend": ratio(latest(gaps), mean(gaps))}
    row["gap_trend_of_3"] = ratio(mean(gaps[-3:]), mean(gaps))
    row["pace"] = ratio(60 * len(m.steps), since)
    for seconds in (60, 300):
        row[f"steps_in_{seconds}s"] = sum(event.ts > m.now - seconds for event in m.steps)
    for kind in ("page_view", "click", "view", "add_to_cart", "checkout"):
        if kind in m.kinds:
            held = [event.gap for event in m.steps if event.kind_before == kind]
            row |= {f"held_by_{kind}": sum(held), f"mean_held_by_{kind}": mean(held)}
            if kind == "view":
                row |= {"longest_view": most(held), "latest_view": latest(held)}
                row["view_time"] = ratio(sum(held), sum(known(gaps)))
    for kind in ("click", "view", "search", "promotion_click", "add_to_cart", "remove_from_cart", "checkout"):
        if kind in m.kinds:
            there = [event for event in m.mine if event.kind == kind]
            row[f"since_{kind}"] = m.now - there[-1].ts if there else NAN
            row[f"steps_since_{kind}"] = len(m.steps) - there[-1].number if there else NAN
            row[f"first_{kind}_step"] = there[0].number if there else NAN


def worth(m: Moment, row: dict[str, float]) -> None:
    prices = [event.price for event in m.mine]
    row |= {"priced": len(known(prices)), "mean_price": mean(prices), "least_price": least(prices)}
    row |= {"highest_price": most(prices), "last_price": latest(prices), "price_deviation": deviation(prices)}
    row["last_price_ratio"] = ratio(latest(prices), mean(prices))
    carted = [event.price for event in m.mine if event.kind == "add_to_cart"]
    row |= {"mean_carted_price": mean(carted), "highest_carted_price": most(carted)}
    row["carted_price_ratio"] = ratio(mean(carted), mean(prices))
    row["cart_items"], row["cart_units"], row["cart_value"] = cart_of(m.mine)
    row["highest_cart_value"] = max(cart_of(m.mine[: n + 1])[2] for n in range(len(m.mine)))
    orders = orders_of(m.before)
    row["cart_to_order"] = ratio(row["cart_value"], mean(orders))
    row["open_cart_items"], row["open_cart_units"], row["open_cart_value"] = cart_of(m.path)
    row["left_items"], _, row["left_value"] = cart_of(m.previous)
    row |= {"orders": len(orders), "spend": sum(orders), "mean_order": mean(orders)}
    row |= {"largest_order": most(_so_far_worth(m.before)), "last_order": latest(orders)}
    row["orders_per_session"] = ratio(len(orders), len(m.earlier))
    row["last_bought_price"] = ([NAN] + [event.price for event in m.before if event.kind == "purchase"])[-1]


def _so_far_worth(events: list[Event]) -> list[float]:
    """What the order of each line was worth at that line."""
    return [orders_of(events[: at + 1])[-1] for at, event in enumerate(events) if event.kind == "purchase"]


def latest_steps(m: Moment, row: dict[str, float]) -> None:
    back = m.steps[::-1]
    for n in range(10):
        row[f"event_{n}"] = m.id("event", back[n].kind) if n < len(back) else 0
    for field, n_back in (("section", 5), ("page", 5)):
        for n in range(n_back if field in m.encoder.event_fields else 0):
            row[f"{field}_{n}"] = m.id(field, back[n].texts[field]) if n < len(back) else 0
    for n in range(5):
        row[f"gap_{n}"] = back[n].gap if n < len(back) else NAN
    row["first_event"] = m.id("event", m.first.kind)
    for field in ("page", "section"):
        if field in m.encoder.event_fields:
            row[f"first_{field}"] = m.id(field, m.first.texts[field])
    items = [event for event in m.mine if event.texts["item"]]
    for field in OF_ITEM:
        if field in m.encoder.event_fields:
            row[f"last_{field}"] = m.id(field, items[-1].texts[field]) if items else 0
    values = m.encoder.items.values
    row["last_item_rank"] = NAN
    if items:
        text = items[-1].texts["item"]
        row["last_item_rank"] = values.index(text) + 1 if text in values else len(values) + 1
    if "query" in m.encoder.event_fields:
        queries = [event.texts["query"] for event in m.mine if event.texts["query"]]
        row["last_query"] = m.id("query", queries[-1]) if queries else 0


def context(m: Moment, row: dict[str, float]) -> None:
    sessions = m.log.view.sessions
    found = m.context_of(m.mine)
    row["context_known"] = bool(found)
    for name in m.encoder.session_fields:
        if name == "visit_number":
            row[name] = row["visits_unseen"] = NAN
            if found and (visit := int(sessions.context[name][m.number])) >= 0:
                row |= {name: visit, "visits_unseen": visit - len(m.earlier) - 1}
        elif name == "is_direct":
            row[name] = int(sessions.context[name][m.number]) + 1 if found else 0
        else:
            row[name] = m.id(name, found.get(name))
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=m.now)).astimezone(m.zone)
    hour = local.hour + local.minute / 60 + local.second / 3600
    day, week = 2 * math.pi * hour / 24, 2 * math.pi * (local.weekday() + hour / 24) / 7
    row |= {"hour": hour, "hour_sin": math.sin(day), "hour_cos": math.cos(day), "weekday": local.weekday()}
    row |= {"week_sin": math.sin(week), "week_cos": math.cos(week), "weekend": local.weekday() >= 5}


def history(m: Moment, row: dict[str, float]) -> None:
    n, began = len(m.earlier), m.first.ts
    row |= {"sessions_before": n, "is_first_session": n == 0, "mean_session_events": ratio(len(m.before), n)}
    length = ratio(sum(known(event.gap for event in m.before)), n)
    row |= {"mean_session_seconds": length, "events_to_mean": ratio(len(m.mine) * n, len(m.before))}
    row["seconds_to_mean"] = ratio(m.now - began, length)
    row["items_before"] = len({event.texts["item"] for event in m.before} - {None})
    starts = {event.session: event.ts for event in m.before[::-1]}
    row["days_known"] = (began - m.before[0].ts) / DAY if n else NAN
    row["days_away"] = (began - m.before[-1].ts) / DAY if n else NAN
    row["days_between"] = ratio(row["days_known"], n)
    row["away_to_mean"] = ratio((began - starts[m.earlier[-1]]) / DAY, row["days_between"]) if n else NAN
    for kind in ("view", "add_to_cart", "checkout", "purchase", "remove_from_cart"):
        if kind in m.kinds:
            there = [event for event in m.before if event.kind == kind]
            row[f"days_since_{kind}"] = (began - there[-1].ts) / DAY if there else NAN
            row[f"sessions_since_{kind}"] = m.number - there[-1].session if there else NAN
            if kind != "remove_from_cart":
                came = len({event.session for event in there})
                row |= {f"sessions_with_{kind}": came, f"share_with_{kind}": ratio(came, n)}
    if {"add_to_cart", "purchase"} <= set(m.kinds):
        row["purchase_per_cart"] = ratio(row["sessions_with_purchase"], row["sessions_with_add_to_cart"])


def previous(m: Moment, row: dict[str, float]) -> None:
    there = m.previous
    row["previous_events"] = len(there) or NAN
    row["previous_seconds"] = there[-1].ts - there[0].ts if there else NAN
    for kind in ("view", "add_to_cart", "checkout", "purchase"):
        if kind in m.kinds:
            row[f"previous_{kind}"] = n_of(there, kind) if there else NAN
    row["previous_last_event"] = m.id("event", there[-1].kind) if there else 0
    if "section" in m.encoder.event_fields:
        row["previous_last_section"] = m.id("section", there[-1].texts["section"]) if there else 0
    for name in ("channel", "source", "device"):
        if name in m.encoder.session_fields:
            row[f"previous_{name}"] = m.id(name, m.context_of(there).get(name))


def familiar(m: Moment, row: dict[str, float]) -> None:
    for field in ("item", "category_1", "category_2", "brand", "page"):
        if field not in m.encoder.event_fields and field not in ("item", "page"):
            continue
        met: dict[str, int] = {}
        for event in m.mine:
            text = m.text(event, field)
            if text is not None:
                met.setdefault(text, event.place)
        texts = [text for text in (m.text(event, field) for event in m.mine) if text is not None]

        def before(text: str, met: dict[str, int] = met, field: str = field) -> list[Event]:
            return [event for event in m.path if event.place < met[text] and m.text(event, field) == text]

        row[f"last_{field}_before"] = len(before(texts[-1])) if texts else NAN
        row[f"{field}_familiar"] = ratio(sum(bool(before(text)) for text in met), len(met))
        if field == "item":
            found = before(texts[-1]) if texts else []
            for kind in ("view", "add_to_cart", "purchase"):
                if kind in m.kinds:
                    row[f"last_item_{kind}_before"] = n_of(found, kind) if texts else NAN
            at = next((event.ts for event in m.path if texts and event.place == met[texts[-1]]), NAN)
            row["last_item_days"] = (at - found[0].ts) / DAY if found else 0.0 if texts else NAN


def windows(m: Moment, row: dict[str, float]) -> None:
    def within(since: int, until: int = 0) -> list[Event]:
        began = m.first.ts
        return [e for e in m.before if e.ts >= began - since * DAY and (not until or e.ts < began - until * DAY)]

    opened = [_first_lines(m.before), {event.session: event.place for event in m.before[::-1]}.values()]
    for days in (1, 7, 28):
        found = within(days)
        places = {event.place for event in found}
        row |= {f"events_{days}d": len(found), f"sessions_{days}d": len(places & set(opened[1]))}
        row |= {f"{kind}_{days}d": n_of(found, kind) for kind in ("view", "add_to_cart") if kind in m.kinds}
        row[f"orders_{days}d"] = len(places & set(opened[0]))
    row["day_change"] = len(within(1)) - len(within(2, 1))
    row["week_change"] = len(within(7)) - len(within(14, 7))
    starts = [_local(m, event) for event in m.before if event.place in set(opened[1])]
    mine = _local(m, m.first)
    like: dict[str, Callable[[datetime], bool]] = {
        "same_part_of_day": lambda when: when.hour // 4 == mine.hour // 4,
        "same_weekday": lambda when: when.weekday() == mine.weekday(),
        "weekend_sessions": lambda when: when.weekday() >= 5,
    }
    row |= {name: ratio(sum(map(alike, starts)), len(starts)) for name, alike in like.items()}


def _first_lines(events: list[Event]) -> list[int]:
    first: dict[Any, int] = {}
    for event in events:
        if event.kind == "purchase":
            first.setdefault(event.order or -event.place - 1, event.place)
    return list(first.values())


def _local(m: Moment, event: Event) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=event.ts)).astimezone(m.zone)
