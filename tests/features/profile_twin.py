"""User features in plain Python, one user and one column at a time; and the logs to hold the scans to them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import mean, median
from zoneinfo import ZoneInfo

import pyarrow as pa
from hypothesis import strategies as st

from cartpath.features import Log, log_from_table
from cartpath.schema import CANONICAL_EVENTS, Columns

#: A Thursday; clocks in Berlin are put forward on the Sunday after it.
START = datetime(2024, 3, 28, tzinfo=UTC)
HALF_HOUR = 1800
NAN = math.nan
CATALOGUE = {
    "i0": ("Home > Lamps", "oak", 10.0),
    "i1": ("Home>Lamps", "elm", 30.0),
    "i2": ("Home > Rugs", "oak", None),
    "i3": (None, None, 5.0),
    "i9": ("Home > Lamps", "fir", 100.0),
}


@dataclass(frozen=True)
class Row:
    """One event; ``at`` is seconds since START."""

    user: str
    at: int
    event: str
    item: str | None = None
    session: int = 0
    hit: int | None = None
    price: float | None = None
    quantity: int | None = None
    order: int | None = None
    value: float | None = None
    query: str | None = None

    @property
    def ts(self) -> int:
        return micro(START) + self.at * 1_000_000


def micro(when: datetime) -> int:
    return round((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


def moment(seconds: int) -> int:
    return micro(START + timedelta(seconds=seconds))


def table_of(rows: list[Row]) -> pa.Table:
    texts = {
        Columns.user_id: [row.user for row in rows],
        Columns.event: [row.event for row in rows],
        Columns.item_id: [row.item for row in rows],
        Columns.session_id: [f"{row.user}-{row.session}" for row in rows],
        Columns.order_id: [None if row.order is None else str(row.order) for row in rows],
        Columns.query: [row.query for row in rows],
        Columns.event_id: [f"e{i}" for i in range(len(rows))],
        Columns.hit: [f"row{i}" if row.hit is None else str(row.hit) for i, row in enumerate(rows)],
    }
    return pa.table(
        {
            **{name: pa.array(values, pa.string()) for name, values in texts.items()},
            Columns.ts: pa.array([row.ts for row in rows], pa.timestamp("us", tz="UTC")),
            Columns.price: pa.array([row.price for row in rows], pa.float64()),
            Columns.quantity: pa.array([row.quantity for row in rows], pa.int32()),
            Columns.order_value: pa.array([row.value for row in rows], pa.float64()),
        }
    )


def items_table() -> pa.Table:
    category, brand, price = zip(*CATALOGUE.values(), strict=True)
    return pa.table({"item_id": list(CATALOGUE), "category": category, "brand": brand, "price": price})


def log_of_rows(rows: list[Row]) -> Log:
    return log_from_table(table_of(rows), items_table())


EVENTS = ("view", "view", "click", "impression", "search", "add_to_cart", "purchase", "purchase", "refund", "oddity")
row = st.builds(
    Row,
    user=st.sampled_from(["a", "b", "c"]),
    at=st.one_of(st.integers(0, 60), st.integers(0, 45 * 48)).map(lambda n: n * HALF_HOUR),
    event=st.sampled_from(EVENTS),
    item=st.sampled_from([None, "i0", "i0", "i1", "i2", "i3", "i4"]),
    session=st.integers(0, 3),
    hit=st.one_of(st.none(), st.integers(0, 3)),
    price=st.one_of(st.none(), st.sampled_from([0.0, 4.0, 9.5, 10.0, 30.0, 31.25])),
    quantity=st.one_of(st.none(), st.integers(1, 3)),
    order=st.one_of(st.none(), st.integers(1, 4)),
    value=st.one_of(st.none(), st.sampled_from([20.0, 99.5])),
    query=st.one_of(st.none(), st.none(), st.just("lamp")),
)
logs = st.lists(row, min_size=1, max_size=40)


def twin(rows: list[Row], at: int, zone: str) -> dict[str, dict[str, float]]:
    """Features by user, as of ``at`` seconds after START."""
    past = sorted((row for row in rows if row.at < at), key=lambda row: row.at)
    facts = _Facts(past)
    return {
        user: _One([row for row in past if row.user == user], at, ZoneInfo(zone), facts).columns()
        for user in {row.user for row in past}
    }


def share(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def average(values: list[float]) -> float:
    return mean(values) if values else NAN


def entropy(values: list[str]) -> float:
    n = len(values)
    return -sum(k / n * math.log(k / n) for k in Counter(values).values()) if n else NAN


class _Facts:
    """What the catalogue and everybody's earlier events say of items."""

    def __init__(self, past: list[Row]) -> None:
        prices: dict[str, list[float]] = {}
        for row in past:
            if row.item and row.price and row.event != "refund":
                prices.setdefault(row.item, []).append(row.price)
        self.usual = {item: median(seen) for item, seen in prices.items()}
        self.category = {i: c and " > ".join(p.strip() for p in c.split(">")) for i, (c, _, _) in CATALOGUE.items()}
        self.brand = {item: brand for item, (_, brand, _) in CATALOGUE.items()}
        self.listed = {item: price for item, (_, _, price) in CATALOGUE.items() if price is not None}

    def level(self, item: str) -> float | None:
        category = self.category.get(item)
        if category is None:
            return None
        prices = [self.listed.get(i) or self.usual.get(i) for i, c in self.category.items() if c == category]
        known = [price for price in prices if price]
        return median(known) if known else None


class _One:
    def __init__(self, rows: list[Row], at: int, zone: ZoneInfo, facts: _Facts) -> None:
        self.rows, self.at, self.zone, self.facts = rows, at, zone, facts
        sessions: dict[int, list[Row]] = {}
        for row in rows:
            sessions.setdefault(row.session, []).append(row)
        self.sessions = list(sessions.values())
        self.occasions = self._occasions()

    def clock(self, seconds: int) -> datetime:
        return (START + timedelta(seconds=seconds)).astimezone(self.zone).replace(tzinfo=None)

    def n(self, event: str) -> int:
        return sum(row.event == event for row in self.rows)

    def _occasions(self) -> list[list[Row]]:
        """Lines of each order, or of each step without an order id."""
        found: dict[object, list[Row]] = {}
        step = 0
        for i, row in enumerate(self.rows):
            before = self.rows[i - 1]
            alike = (row.session, row.hit, row.at) == (before.session, before.hit, before.at)
            step += not (i and row.hit is not None and alike)
            if row.event == "purchase":
                found.setdefault(("order", row.order) if row.order is not None else ("step", step), []).append(row)
        return list(found.values())

    @staticmethod
    def amount(lines: list[Row]) -> float | None:
        values = [row.value for row in lines if row.value is not None and row.order is not None]
        if values:
            return max(values)
        totals = [row.price * (row.quantity or 1) for row in lines if row.price is not None]
        return sum(totals) if totals else None

    def columns(self) -> dict[str, float]:
        parts = (self._activity(), self._orders(), self._prices(), self._variety(), self._windows(), self._habits())
        return {name: value for part in parts for name, value in part.items()}

    def _since(self, event: str) -> float:
        times = [row.at for row in self.rows if row.event == event]
        return (self.at - max(times)) / 86400 if times else NAN

    def _activity(self) -> dict[str, float]:
        n = len(self.rows)
        dwell = [float(max(r.at for r in s) - min(r.at for r in s)) for s in self.sessions]
        return {
            "visits": len(self.sessions),
            "active_days": len({self.clock(row.at).date() for row in self.rows}),
            "events": n,
            **{f"n_{event}": self.n(event) for event in CANONICAL_EVENTS},
            "n_other": self.n("oddity"),
            "dwell_total": sum(dwell),
            "dwell_mean": mean(dwell),
            "dwell_median": median(dwell),
            "click_through": share(self.n("click"), self.n("impression")),
            "views_per_impression": share(self.n("view"), self.n("impression")),
            "search_share": sum(row.event == "search" or row.query is not None for row in self.rows) / n,
            "tenure": (self.at - self.rows[0].at) / 86400,
            "days_since_visit": (self.at - self.rows[-1].at) / 86400,
            "days_since_cart": self._since("add_to_cart"),
            "days_since_purchase": self._since("purchase"),
        }

    def _orders(self) -> dict[str, float]:
        n, tenure = len(self.occasions), (self.at - self.rows[0].at) / 86400
        amounts = [self.amount(lines) for lines in self.occasions]
        known = [amount for amount in amounts if amount is not None]
        bought = {row.item for lines in self.occasions for row in lines if row.item}
        again = [i for i in bought if sum(any(r.item == i for r in lines) for lines in self.occasions) > 1]
        carted = {row.item for row in self.rows if row.event == "add_to_cart" and row.item}
        with_cart = [s for s in self.sessions if any(row.event == "add_to_cart" for row in s)]
        left = [s for s in with_cart if not any(row.event == "purchase" for row in s)]
        return {
            "orders": n,
            "orders_per_30_days": 30 * n / max(tenure, 1),
            "spend": sum(known),
            "spend_per_order": average(known),
            "spend_max": max(known, default=NAN),
            "spend_last": (NAN if amounts[-1] is None else amounts[-1]) if amounts else NAN,
            "repeat_order_share": share(n - 1, n),
            "bought_items": len(bought),
            "item_repurchase_rate": share(len(again), len(bought)),
            "carted_items": len(carted),
            "cart_conversion": share(sum(self._converted(item) for item in carted), len(carted)),
            "cart_visits": len(with_cart),
            "cart_abandonment": share(len(left), len(with_cart)),
        }

    def _converted(self, item: str | None) -> bool:
        first = next(i for i, r in enumerate(self.rows) if r.event == "add_to_cart" and r.item == item)
        return any(r.event == "purchase" and r.item == item for r in self.rows[first + 1 :])

    def _prices(self) -> dict[str, float]:
        lines = [(row.item, row.price) for row in self.rows if row.event == "purchase" and row.price is not None]
        below = {"list": self.facts.listed, "usual": self.facts.usual}
        levels = [(price, self.facts.level(item)) for item, price in lines if item]
        return {
            "price_paid": average([price for _, price in lines]),
            **{
                f"share_below_{name}": average([float(p < known[i]) for i, p in lines if i in known])
                for name, known in below.items()
            },
            "price_to_category": average([price / level for price, level in levels if level]),
        }

    def _variety(self) -> dict[str, float]:
        items = {row.item for row in self.rows if row.item and row.event != "impression"}
        category, brand = self.facts.category, self.facts.brand

        def of(event: str) -> list[str]:
            return [c for r in self.rows if r.event == event and r.item and (c := category.get(r.item))]

        return {
            "items": len(items),
            "categories": len({category.get(i) for i in items} - {None}),
            "brands": len({brand.get(i) for i in items} - {None}),
            "viewed_category_entropy": entropy(of("view")),
            "bought_category_entropy": entropy(of("purchase")),
        }

    def _windows(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for days in (1, 7, 28):
            found |= {f"{name}_{days}d": value for name, value in self._between(0, days).items()}
        for period, days in (("day", 1), ("week", 7)):
            now, before = self._between(0, days), self._between(days, 2 * days)
            for name in now:
                found[f"{name}_{period}_change"] = now[name] - before[name]
                found[f"{name}_{period}_log_ratio"] = math.log((1 + now[name]) / (1 + before[name]))
        return found

    def _between(self, newest: int, oldest: int) -> dict[str, float]:
        now = self.clock(self.at)

        def inside(row: Row) -> bool:
            then = self.clock(row.at)
            return now - timedelta(days=oldest) <= then and (not newest or then < now - timedelta(days=newest))

        rows = [row for row in self.rows if inside(row)]
        orders = [lines for lines in self.occasions if inside(lines[0])]
        return {
            "events": len(rows),
            "visits": len({row.session for row in rows}),
            "views": sum(row.event == "view" for row in rows),
            "carts": sum(row.event == "add_to_cart" for row in rows),
            "orders": len(orders),
            "spend": sum(self.amount(lines) or 0.0 for lines in orders),
        }

    def _habits(self) -> dict[str, float]:
        starts = sorted(min(row.at for row in s) for s in self.sessions)
        local = [self.clock(start) for start in starts]
        hours = [when.hour + when.minute / 60 for when in local]
        n = len(starts)
        x, y = (sum(f(h * math.pi / 12) for h in hours) / n for f in (math.cos, math.sin))
        length = math.hypot(x, y)
        gaps = [b - a for a, b in pairwise(starts)]
        usual = mean(gaps) if gaps else 0
        parts = ("night", "morning", "afternoon", "evening")
        return {
            **{f"share_{name}": sum(h // 6 == i for h in hours) / n for i, name in enumerate(parts)},
            "hour_mean": math.atan2(y, x) * 12 / math.pi % 24 if length > 1e-9 else NAN,
            "hour_concentration": length,
            "share_weekend": sum(when.weekday() >= 5 for when in local) / n,
            "gap_mean": usual / 86400 if gaps else NAN,
            "gap_trend": self._slope([math.log1p(gap) for gap in gaps]),
            "gap_last_to_mean": gaps[-1] / usual if usual else NAN,
            "overdue": (self.at - starts[-1]) / usual if usual else NAN,
        }

    @staticmethod
    def _slope(values: list[float]) -> float:
        if len(values) < 2:
            return NAN
        centre, level = (len(values) - 1) / 2, mean(values)
        above = sum((i - centre) * (value - level) for i, value in enumerate(values))
        return above / sum((i - centre) ** 2 for i in range(len(values)))
