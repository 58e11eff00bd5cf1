"""Prices of what the session touched, and what is in the cart."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.kernels import ADDS, EMPTIES, NOTHING, REMOVES, carts
from cartpath.features.moment.orders import earlier_orders
from cartpath.features.moment.ranges import Floats, at, ratio
from cartpath.schema import Event
from cartpath.store import NO_QUANTITY


def prices(block: Block) -> Described:
    """Describe the prices of the session's events."""
    price = np.asarray(block.encoded.log.view.price, np.float64)
    found = block.session.summary(price)
    about = "price of the session's events so far; unknown where none has one"
    yield Column("priced", "events", "events of the session so far with a price"), found.n
    yield Column("mean_price", "money", f"mean {about}"), found.mean
    yield Column("least_price", "money", f"lowest {about}"), found.least
    yield Column("highest_price", "money", f"highest {about}"), found.most
    yield Column("last_price", "money", f"latest {about}"), found.last
    yield Column("price_deviation", "money", f"standard deviation of the {about}"), found.deviation
    yield Column("last_price_ratio", "ratio", "latest price over the session's mean"), ratio(found.last, found.mean)
    carted = block.session.summary(np.where(block.is_kind(Event.add_to_cart), price, np.nan))
    yield Column("mean_carted_price", "money", "mean price of what the session put into the cart"), carted.mean
    yield Column("highest_carted_price", "money", "highest of these prices"), carted.most
    about = "mean price put into the cart over the mean price of the session"
    yield Column("carted_price_ratio", "ratio", about), ratio(carted.mean, found.mean)


def cart(block: Block) -> Described:
    """Describe the cart now: adds less removes since the session's beginning, or since the user's last purchase."""
    state = _of_session(block)
    last = block.session.nth_last(0)
    value = at(state[:, 2], last)
    yield Column("cart_items", "items", "different items in the cart of the session now"), at(state[:, 0], last)
    yield Column("cart_units", "units", "units in the cart of the session now"), at(state[:, 1], last)
    yield Column("cart_value", "money", "what the cart of the session is worth now"), value
    about = "highest that the cart of the session was worth so far"
    yield Column("highest_cart_value", "money", about), block.session.summary(state[:, 2]).most
    about = "what the cart is worth over the mean worth of the user's orders before the session; unknown without one"
    orders = earlier_orders(block)
    yield Column("cart_to_order", "ratio", about), ratio(value, ratio(orders.spend, orders.n))
    kept, latest = _states(block, block.user_of, block.first_of_user(_items(block))), block.ends - 1
    about = "in the cart of the user now: put in and not taken out in any session since the last purchase"
    yield Column("open_cart_items", "items", f"different items {about}"), at(kept[:, 0], latest)
    yield Column("open_cart_units", "units", f"units {about}"), at(kept[:, 1], latest)
    yield Column("open_cart_value", "money", f"worth of what is {about}"), at(kept[:, 2], latest)


def cart_left(block: Block) -> Described:
    """Say what the session before this one left in its cart."""
    state = _of_session(block)
    last = block.previous.nth_last(0)
    about = "in the cart of the user's session before, as this one began; unknown at the first session"
    yield Column("left_items", "items", f"different items {about}"), at(state[:, 0], last)
    yield Column("left_value", "money", f"worth of what is {about}"), at(state[:, 2], last)


def _of_session(block: Block) -> Floats:
    return _states(block, block.session_of, block.first_in_session(_items(block)))


def _items(block: Block) -> np.ndarray:
    """Return item codes, of events without an item one of their own."""
    return block.codes("item") + 1


def _states(block: Block, group: np.ndarray, first: np.ndarray) -> Floats:
    view = block.encoded.log.view
    change = np.full(block.n_events, NOTHING)
    for name, does in ((Event.add_to_cart, ADDS), (Event.remove_from_cart, REMOVES), (Event.purchase, EMPTIES)):
        change[block.is_kind(name)] = does
    known = (view.quantity != NO_QUANTITY) & (view.quantity > 0)
    quantity = np.where(known, view.quantity, 1).astype(np.float64)
    groups = int(group.max(initial=-1)) + 1
    return carts(group, groups, first, change, quantity, np.asarray(view.price, np.float64))
