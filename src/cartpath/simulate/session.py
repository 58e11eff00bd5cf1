"""One session of a shopper: a latent intent moves along the path and decides what is done next."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.simulate import record as r
from cartpath.simulate.draws import exponential, kernel, normal, pick, uniform
from cartpath.simulate.settings import ACTS
from cartpath.simulate.world import World

#: Places in ``walk``, the state of a shopper's path; all but the first nine outlive the session.
STATE, FOCUS, BEFORE, KIND, CLOCK, ROWS, BOUGHT, BOUGHT_ITEM, SPENT = range(9)
N_CART, ORDERS = 9, 10
WALK_SIZE = 11
CART_SIZE = 8
#: Rows a session may have; the loop stops early enough for a checkout to fit.
MAX_ROWS = 600
_STOP = MAX_ROWS - 40

_HOME, _CATEGORY, _INFO, _REVIEWS, _SEARCH, _CLICK, _VIEW, _AGAIN = (ACTS.index(name) for name in ACTS[:8])
_WISH, _ADD, _REMOVE, _BASKET, _CHECKOUT, _PROMOTION = (ACTS.index(name) for name in ACTS[8:])
_PAGE_OF_KIND = r.N_FIXED_PAGES
_PAGE_OF_ITEM = r.N_FIXED_PAGES + r.N_KINDS
_N_KINDS = r.N_KINDS
_N_ACTS = len(ACTS)

Ints = npt.NDArray[np.int64]
Rng = npt.NDArray[np.uint64]


@kernel
def put(rows: Any, walk: Ints, event: int, item: int, page: int, cents: int, quantity: int) -> None:
    """Append a row at the clock; the fields all rows of a session share are filled in later."""
    row = rows[walk[ROWS]]
    row.ts = walk[CLOCK]
    row.event = event
    row.item = item
    row.page = page
    row.cents = cents
    row.quantity = quantity
    row.query = -1
    row.order = -1
    row.order_cents = 0
    walk[ROWS] += 1


@kernel
def wait(walk: Ints, rng: Rng, median_log: float, spread: float) -> None:
    """Move the clock by a lognormal gap between 0.4 s and 25 minutes (so no session holds a gap of half an hour)."""
    seconds = np.exp(median_log + spread * normal(rng))
    walk[CLOCK] += int(1e6 * min(max(seconds, 0.4), 1500.0))


@kernel
def item_of_kind(world: World, kind: int, user: int, now: int, rng: Rng) -> int:
    """Pick a launched item by popularity; the shopper's brand gets a second chance to be it."""
    first, last = world.kinds[kind].first, world.kinds[kind].last
    favourite = world.users[user].brand
    found = first
    for attempt in range(3):
        item = pick(world.item_popularity, first, last, rng)
        if world.items[item].launch <= now:
            found = item
            if world.items[item].brand == favourite or attempt >= 1:
                break
    return int(found)


@kernel
def next_item(world: World, user: int, walk: Ints, rng: Rng) -> int:
    """Choose what to look at: a related item, the same kind, the shopper's taste, or what the shop sells most."""
    u = uniform(rng)
    if walk[FOCUS] >= 0 and u < 0.40:
        v = uniform(rng)
        slot = 0 if v < 0.45 else 1 if v < 0.70 else 2 if v < 0.88 else 3
        item = world.related[walk[FOCUS], slot]
        if world.items[item].launch <= walk[CLOCK]:
            return int(item)
    if walk[KIND] >= 0 and u < 0.72:
        return int(item_of_kind(world, walk[KIND], user, walk[CLOCK], rng))
    kind = pick(world.popular, 0, _N_KINDS, rng)
    if u < 0.92:
        v = uniform(rng)
        kind = world.taste[user, 0 if v < 0.55 else 1 if v < 0.85 else 2]
    return int(item_of_kind(world, kind, user, walk[CLOCK], rng))


@kernel
def look_at(world: World, walk: Ints, rows: Any, item: int, event: int) -> None:
    """View or click an item; it becomes the focus and its kind the current kind."""
    if item != walk[FOCUS]:
        walk[BEFORE] = walk[FOCUS]
    walk[FOCUS] = item
    walk[KIND] = world.items[item].kind
    page = _PAGE_OF_KIND + walk[KIND] if event == r.CLICK else _PAGE_OF_ITEM + item
    put(rows, walk, event, item, page, world.items[item].cents, 0)


@kernel
def browse(world: World, act: int, user: int, walk: Ints, rng: Rng, rows: Any) -> None:
    """Look at a page that is not about buying: home, category, help, reviews, promotion."""
    page = r.P_HOME
    event = r.PAGE_VIEW
    if act == _HOME:
        u = uniform(rng)
        page = r.P_HOME if u < 0.6 else r.P_HOME + 1 if u < 0.8 else r.P_HOME + 2
    elif act == _CATEGORY:
        if walk[KIND] < 0 or (walk[STATE] < 2 and uniform(rng) < 0.4):
            walk[KIND] = world.taste[user, 0] if uniform(rng) < 0.5 else pick(world.popular, 0, _N_KINDS, rng)
        page = _PAGE_OF_KIND + walk[KIND]
    elif act == _INFO:
        # Help on shipping, returns and sizes is read by those who mean to buy; "about" and "stores" by others.
        page = r.P_INFO + (2 if walk[STATE] >= 2 else 0) + int(2 * uniform(rng))
    elif act == _REVIEWS and walk[FOCUS] >= 0:
        page = _PAGE_OF_ITEM + len(world.items) + walk[FOCUS]
    elif act == _PROMOTION:
        event = r.PROMOTION
        page = r.P_HOME + 1
    put(rows, walk, event, -1, page, r.NO_CENTS, 0)


@kernel
def seek(world: World, act: int, user: int, walk: Ints, rng: Rng, rows: Any) -> None:
    """Search, click a product in a list (most often opening it), view, or come back to what was seen."""
    if act == _SEARCH:
        if walk[KIND] < 0:
            walk[KIND] = world.taste[user, 0] if uniform(rng) < 0.6 else pick(world.popular, 0, _N_KINDS, rng)
        put(rows, walk, r.SEARCH, -1, r.P_SEARCH, r.NO_CENTS, 0)
        rows[walk[ROWS] - 1].query = 4 * walk[KIND] + min(int(6 * uniform(rng) ** 2), 3)
        return
    item = walk[FOCUS]
    if act == _AGAIN and walk[BEFORE] >= 0 and uniform(rng) < 0.5:
        item = walk[BEFORE]
    if act != _AGAIN or item < 0:
        item = next_item(world, user, walk, rng)
    if act == _CLICK:
        look_at(world, walk, rows, item, r.CLICK)
        if uniform(rng) < 0.15:
            return
        wait(walk, rng, 0.5, 0.4)
    look_at(world, walk, rows, item, r.VIEW)


@kernel
def shop(world: World, act: int, push: float, walk: Ints, cart: Ints, rng: Rng, rows: Any) -> None:
    """Wish, put in the cart, take out, look at the cart, check out."""
    full = walk[N_CART] >= CART_SIZE
    if act == _CHECKOUT and walk[N_CART] > 0:
        check_out(world, push, walk, cart, rng, rows)
    elif act == _WISH and walk[FOCUS] >= 0:
        put(rows, walk, r.WISHLIST, walk[FOCUS], r.P_WISHLIST, world.items[walk[FOCUS]].cents, 0)
    elif act == _REMOVE and walk[N_CART] > 0:
        spot = int(uniform(rng) * walk[N_CART])
        put(rows, walk, r.REMOVE, cart[spot, 0], r.P_BASKET, world.items[cart[spot, 0]].cents, cart[spot, 1])
        walk[N_CART] -= 1
        cart[spot, 0], cart[spot, 1] = cart[walk[N_CART], 0], cart[walk[N_CART], 1]
    elif act == _BASKET or walk[FOCUS] < 0 or full:
        put(rows, walk, r.PAGE_VIEW, -1, r.P_BASKET, r.NO_CENTS, 0)
    else:
        item = walk[FOCUS]
        quantity = 1 + min(int(0.35 * exponential(rng)), 5)
        put(rows, walk, r.ADD, item, _PAGE_OF_ITEM + item, world.items[item].cents, quantity)
        _fill(walk, cart, item, quantity)


@kernel
def _fill(walk: Ints, cart: Ints, item: int, quantity: int) -> None:
    for spot in range(walk[N_CART]):
        if cart[spot, 0] == item:
            cart[spot, 1] = min(cart[spot, 1] + quantity, 99)
            return
    cart[walk[N_CART], 0] = item
    cart[walk[N_CART], 1] = quantity
    walk[N_CART] += 1


@kernel
def check_out(world: World, push: float, walk: Ints, cart: Ints, rng: Rng, rows: Any) -> None:
    """Three steps, each of which can be given up, then one purchase line for each product of the cart."""
    for step in range(3):
        put(rows, walk, r.CHECKOUT, -1, r.P_CHECKOUT + step, r.NO_CENTS, 0)
        wait(walk, rng, 3.2, 0.7)
        stay = 0.9 + 0.7 * step + 0.5 * push
        if uniform(rng) > 1.0 / (1.0 + np.exp(-stay)):
            walk[STATE] = 2
            return
    total = 0
    for spot in range(walk[N_CART]):
        total += world.items[cart[spot, 0]].cents * cart[spot, 1]
    walk[ORDERS] += 1
    for spot in range(walk[N_CART]):
        item = cart[spot, 0]
        put(rows, walk, r.PURCHASE, item, r.P_CONFIRMATION, world.items[item].cents, cart[spot, 1])
        rows[walk[ROWS] - 1].order = walk[ORDERS]
        rows[walk[ROWS] - 1].order_cents = total
    walk[BOUGHT] += 1
    walk[BOUGHT_ITEM] = cart[0, 0]
    walk[SPENT] += total
    walk[N_CART] = 0
    walk[STATE] = 0


@kernel
def shift(world: World, user: int, push: float, walk: Ints, rng: Rng) -> None:
    """Move the intent: up with the shopper's push, less where the item in focus is dear; down by itself."""
    state = walk[STATE]
    dear = world.items[walk[FOCUS]].dear if walk[FOCUS] >= 0 else 0.0
    up = world.intents[state, 1] + push - world.users[user].sensitivity * dear
    u = uniform(rng)
    chance = 1.0 / (1.0 + np.exp(-up)) if state < 3 else 0.0
    if u < chance:
        walk[STATE] = state + 1
    elif u < chance + (1.0 - chance) * world.intents[state, 2]:
        walk[STATE] = state - 1


@kernel
def land(world: World, user: int, walk: Ints, rng: Rng, rows: Any) -> None:
    """Make the session's first event: the cart for those who left one, a product, a category or the home page."""
    u = uniform(rng)
    if walk[STATE] >= 2 and walk[N_CART] > 0 and u < 0.6:
        put(rows, walk, r.PAGE_VIEW, -1, r.P_BASKET, r.NO_CENTS, 0)
    elif walk[FOCUS] >= 0 or (walk[KIND] >= 0 and u < 0.4) or u < 0.04:
        item = walk[FOCUS] if walk[FOCUS] >= 0 else next_item(world, user, walk, rng)
        look_at(world, walk, rows, item, r.VIEW)
    else:
        browse(world, _HOME if u < 0.62 else _CATEGORY, user, walk, rng, rows)


@kernel
def run_session(
    world: World, user: int, push: float, bounce: float, walk: Ints, cart: Ints, rng: Rng, rows: Any
) -> None:
    """Simulate one session into ``rows``; ``walk`` holds where it starts (clock, state, focus, cart) and ends."""
    walk[ROWS] = walk[BOUGHT] = walk[SPENT] = 0
    impatience = np.exp(0.8 * normal(rng))
    bounced = uniform(rng) < bounce
    land(world, user, walk, rng, rows)
    if bounced and walk[STATE] < 2:
        return
    while walk[ROWS] < _STOP:
        intent = world.intents[walk[STATE]]
        if uniform(rng) < min(0.9, intent[0] * impatience) or (walk[BOUGHT] > 0 and uniform(rng) < 0.5):
            return
        wait(walk, rng, intent[3], intent[4])
        act = pick(world.acts[walk[STATE]], 0, _N_ACTS, rng)
        if act <= _REVIEWS or act == _PROMOTION:
            browse(world, act, user, walk, rng, rows)
        elif act <= _AGAIN:
            seek(world, act, user, walk, rng, rows)
        else:
            shop(world, act, push, walk, cart, rng, rows)
        shift(world, user, push, walk, rng)
