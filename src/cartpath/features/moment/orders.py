"""Orders before the session began: each counted once, whatever its lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.kernels import order_gains
from cartpath.features.moment.ranges import Floats, Index, at, ratio
from cartpath.paths.orders import line_amounts
from cartpath.schema import Event


@dataclass(frozen=True)
class EarlierOrders:
    """Number, sum and largest worth of the orders before each session (n,), and the worth of the one of the last line.

    Worth as ``paths.orders`` has it: an order's largest value, else the sum of its lines; a purchase without an order
    id is an order of one line.
    """

    n: Index
    spend: Floats
    largest: Floats
    last: Floats


def earlier_orders(block: Block) -> EarlierOrders:
    """Find the orders before each session, as far as their lines came before it."""
    gain, worth, opens = _lines(block)
    sums, states = block.before.summary(gain), block.before.summary(worth)
    return EarlierOrders(block.before.count(opens), sums.total, states.most, states.last)


def order_starts(block: Block) -> np.ndarray:
    """Mark the first line of each order of a user (n_events,)."""
    return _lines(block)[2]


def _lines(block: Block) -> tuple[Floats, Floats, np.ndarray]:
    """Return by event what it adds to its order's worth, that worth until then, and whether it opens the order."""
    view, bought = block.encoded.log.view, np.flatnonzero(block.is_kind(Event.purchase))
    order = view.order[bought]
    alone = order == 0
    # Of a user: what another user's lines say of the same id is not known on a live path.
    ids = np.unique(order, return_inverse=True)[1].astype(np.int64)
    codes = np.full(block.n_events, -1, np.int64)
    codes[bought] = np.where(alone, len(ids) + np.arange(len(bought)), ids)
    first = block.first_of_user(codes)
    value = np.where(alone, np.nan, view.order_value[bought])
    found = order_gains(np.searchsorted(bought, first[bought]), value, line_amounts(view, bought))
    gain, worth = np.full(block.n_events, np.nan), np.full(block.n_events, np.nan)
    gain[bought], worth[bought] = found[:, 0], found[:, 1]
    return gain, worth, (codes >= 0) & (first == np.arange(block.n_events))


def orders(block: Block) -> Described:
    """Describe the user's orders before the session."""
    found, before = earlier_orders(block), block.before
    mean = ratio(found.spend, found.n)
    yield Column("orders", "orders", "orders of the user before the session"), found.n
    yield Column("spend", "money", "worth of these orders"), found.spend
    yield Column("mean_order", "money", "mean worth of these orders; unknown without one"), mean
    yield Column("largest_order", "money", "worth of the largest of them"), found.largest
    yield Column("last_order", "money", "worth of the latest of them"), found.last
    sessions = before.count(block.begins_session)
    yield Column("orders_per_session", "ratio", "orders a session before this one"), ratio(found.n, sessions)
    last, price = before.last(block.is_kind(Event.purchase)), np.asarray(block.encoded.log.view.price, np.float64)
    about = "price of the user's latest purchase line before the session"
    yield Column("last_bought_price", "money", about), at(price, last)
