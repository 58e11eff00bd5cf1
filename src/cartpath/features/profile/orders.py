"""What a user bought: orders, spend, carts that became orders, and what was bought again."""

from __future__ import annotations

import numpy as np

from cartpath.features.profile.column import Column, counted
from cartpath.features.profile.past import DAY, Array, Floats, Past, ratio
from cartpath.schema import Event

COLUMNS: tuple[Column, ...] = (
    counted("orders", "orders", "Orders; the purchases of one step without an order id are one."),
    Column("orders_per_30_days", "orders per 30 days", "`orders` over `tenure`, which counts as a day at least."),
    Column("spend", "money", "Sum over orders of the order value, else of price × quantity; once an order."),
    Column("spend_per_order", "money", "Mean over the orders whose amount is known."),
    Column("spend_max", "money", "The largest order."),
    Column("spend_last", "money", "The last order."),
    Column("repeat_order_share", "share of orders", "Orders after the first."),
    counted("bought_items", "items", "Different items bought."),
    Column("item_repurchase_rate", "share of items", "Of `bought_items` those in two orders or more."),
    counted("carted_items", "items", "Different items put into the cart."),
    Column("cart_conversion", "share of items", "Of `carted_items` those bought after they were first put there."),
    counted("cart_visits", "visits", "Sessions with an `add_to_cart`."),
    Column("cart_abandonment", "share of visits", "Of `cart_visits` those without a purchase."),
)
#: A user seen for an hour, with an order, does not order 720 times in 30 days.
_LEAST_TENURE = 1.0


def orders(past: Past) -> dict[str, Floats]:
    """Measure ``COLUMNS``, arrays (n_users,)."""
    n = np.bincount(past.bought.user, minlength=past.n_users).astype(np.float64)
    return {
        "orders": n,
        "orders_per_30_days": 30 * n / np.maximum(_tenure(past), _LEAST_TENURE),
        **_spend(past),
        "repeat_order_share": ratio(n - 1, n),
        **_items(past),
        **_carts(past),
    }


def _tenure(past: Past) -> Floats:
    """Return the days since the first event; 0 without one."""
    found = np.zeros(past.n_users)
    there = np.flatnonzero(np.diff(past.view.offsets))
    found[there] = (past.at - past.view.ts[past.view.offsets[there]]) / DAY
    return found


def _spend(past: Past) -> dict[str, Floats]:
    bought = past.bought
    known = ~np.isnan(bought.amount)
    user, amount = bought.user[known], bought.amount[known]
    total = past.sum(user, amount)
    largest, last = np.full(past.n_users, np.nan), np.full(past.n_users, np.nan)
    np.fmax.at(largest, user, amount)
    last[bought.user] = bought.amount  # of several the last one stays
    mean = ratio(total, np.bincount(user, minlength=past.n_users).astype(np.float64))
    return {"spend": total, "spend_per_order": mean, "spend_max": largest, "spend_last": last}


def _items(past: Past) -> dict[str, Floats]:
    user, _, times = past.bought_items
    items = np.bincount(user, minlength=past.n_users).astype(np.float64)
    again = np.bincount(user[times > 1], minlength=past.n_users).astype(np.float64)
    return {"bought_items": items, "item_repurchase_rate": ratio(again, items)}


def _carts(past: Past) -> dict[str, Floats]:
    carted, first = _pairs(past, Event.add_to_cart, first=True)
    bought, last = _pairs(past, Event.purchase, first=False)
    place = np.minimum(np.searchsorted(bought, carted), max(len(bought) - 1, 0))
    converted = (bought[place] == carted) & (last[place] > first) if len(bought) else np.zeros(len(carted), np.bool_)
    user = past.user[first]
    items = np.bincount(user, minlength=past.n_users).astype(np.float64)
    with_cart = past.sessions_with(past.is_(Event.add_to_cart))
    left = with_cart & ~past.sessions_with(past.is_(Event.purchase))
    visits = past.count_sessions(with_cart)
    return {
        "carted_items": items,
        "cart_conversion": ratio(np.bincount(user[converted], minlength=past.n_users).astype(np.float64), items),
        "cart_visits": visits,
        "cart_abandonment": ratio(past.count_sessions(left), visits),
    }


def _pairs(past: Past, event: str, first: bool) -> tuple[Array, Array]:
    """Return a key of each pair of a user and an item of an event, ascending, and its first or last place."""
    item = past.view.item
    at = np.flatnonzero(past.is_(event) & (item >= 0))
    at = at if first else at[::-1]
    span = int(item.max(initial=0)) + 1
    key, where = np.unique(past.user[at].astype(np.int64) * span + item[at], return_index=True)
    return key, at[where]
