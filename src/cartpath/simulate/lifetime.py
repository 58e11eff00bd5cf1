"""A user's life: visits, needs, campaigns, refunds, churn; and the robots' rounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from cartpath.simulate import record as r
from cartpath.simulate import session as s
from cartpath.simulate import settings, vocabulary
from cartpath.simulate.dirt import deliver
from cartpath.simulate.draws import exponential, kernel, normal, pick, reset, uniform
from cartpath.simulate.session import Ints, Rng
from cartpath.simulate.world import DAY, World

#: What the simulation knows of a user when it is over.
OUTCOME = np.dtype(
    [
        ("spent_cents", "i8"),
        ("churned", "i8"),  # end of the last session of one who left for good, microseconds since 1970; 0: has not
        ("sessions", "i4"),
        ("usable_sessions", "i4"),
        ("usable_events", "i4"),
        ("orders", "i4"),
        ("refunds", "i4"),
    ],
    align=True,
)
#: Per campaign: sessions that came through it, those of them that bought, those that would have bought without.
TALLY = ("sessions", "bought", "bought_without")

# What goes on between sessions, after the places ``session`` names.
NEED, NEED_KIND, DUE, DUE_ITEM, BACK, BACK_ITEM, BACK_ORDER, BACK_COUNT = range(s.WALK_SIZE, s.WALK_SIZE + 8)
_SIZE = s.WALK_SIZE + 8
_NEVER = 2**62
_MINUTE = 60_000_000
_MAX_VISITS = 9999
_N_BASE = len(vocabulary.TRAFFIC)
_REFUND = settings.REFUND_RATE
_REFUND_PAGE = r.P_ORDERS
_LIFE, _SESSION, _DIRT = 1, 2, 3


@kernel
def plan(world: World, time: float, walk: Ints, rng: Rng, earliest: int) -> int:
    """Turn a wished day into a moment: days of low season are skipped, the hour follows the hour distribution."""
    day = int(time)
    for _ in range(8):
        if day >= len(world.days):
            return world.end
        if uniform(rng) < world.days[day]:
            break
        day += 1
    weekend = ((world.start // DAY + day + 3) % 7) >= 5  # 1970-01-01 was a Thursday
    hour = pick(world.hours[1 if weekend else 0], 0, 24, rng) + uniform(rng)
    moment = world.start + day * DAY + int(hour / 24.0 * DAY)
    if moment < earliest:
        moment = earliest + int(_MINUTE * 240 * uniform(rng))
    return int(moment)


@kernel
def next_visit(world: World, user: int, walk: Ints, rng: Rng) -> int:
    """Return when the user comes next: sooner with a need or a full cart, and when a bought good runs out."""
    hurry = 0.3 if walk[NEED] > 0 or walk[s.N_CART] > 0 else 1.0
    gap = hurry * exponential(rng) * np.exp(0.6 * normal(rng) - 0.18) / max(world.users[user].rate, 1e-3)
    time = (walk[s.CLOCK] - world.start) / DAY + gap
    due = (walk[DUE] - world.start) / DAY
    return int(plan(world, min(time, due), walk, rng, walk[s.CLOCK] + 31 * _MINUTE))


@kernel
def set_out(world: World, user: int, persona: int, walk: Ints, rng: Rng) -> float:
    """Prepare a session from the user's needs and cart; return the log-odds they add."""
    walk[s.FOCUS] = walk[s.BEFORE] = walk[s.KIND] = -1
    walk[s.STATE] = 1 if uniform(rng) < 0.25 else 0
    if walk[NEED] == 0 and uniform(rng) < world.personas[persona, 1]:
        walk[NEED] = 1
        u = uniform(rng)
        walk[NEED_KIND] = world.taste[user, 0 if u < 0.55 else 1 if u < 0.85 else 2]
    if walk[s.CLOCK] >= walk[DUE] - DAY:
        walk[NEED] = 2
        walk[NEED_KIND] = world.items[walk[DUE_ITEM]].kind
        walk[s.FOCUS] = walk[DUE_ITEM]
        walk[DUE] = _NEVER
    push = 0.0
    if walk[NEED] > 0:
        walk[s.KIND] = walk[NEED_KIND]
        refill = walk[NEED] == 2
        walk[s.STATE] = 3 if refill and uniform(rng) < 0.8 else 1
        push = 2.5 if refill else 0.6
    if walk[s.N_CART] > 0:
        if uniform(rng) < 0.35:
            walk[s.N_CART] = 0
        else:
            walk[s.STATE] = max(walk[s.STATE], 2)
    return push


@kernel
def come_through(world: World, user: int, now: int, rng: Rng) -> int:
    """Return the campaign a session comes through, or -1."""
    day = (now - world.start) / DAY
    for c in range(len(world.campaigns)):
        u = uniform(rng)
        running = world.campaigns[c, 0] <= day < world.campaigns[c, 1]
        if running and world.reach[user, c] == 1 and u < world.campaigns[c, 2]:
            return c
    return -1


@kernel
def look_back(world: World, walk: Ints, rng: Rng, persona: int) -> bool:
    """After a session: needs met or lapsed, refunds and refills to come; return whether the user is lost."""
    churn = world.personas[persona, 0]
    if walk[s.BOUGHT] > 0:
        churn *= 0.3
        walk[NEED] = 0
        item = walk[s.BOUGHT_ITEM]
        cycle = world.kinds[world.items[item].kind].cycle
        if cycle > 0 and uniform(rng) < 0.7:
            walk[DUE] = walk[s.CLOCK] + int(DAY * cycle * np.exp(0.2 * normal(rng)))
            walk[DUE_ITEM] = item
        if uniform(rng) < _REFUND and walk[BACK] == _NEVER:
            walk[BACK] = walk[s.CLOCK] + int(DAY * (2 + 18 * uniform(rng)))
            walk[BACK_ITEM], walk[BACK_ORDER], walk[BACK_COUNT] = item, walk[s.ORDERS], 1
            churn += 0.15
    elif walk[NEED] > 0 and uniform(rng) < 0.35:
        walk[NEED] = 0
    return bool(uniform(rng) < churn and walk[BACK] == _NEVER)


@kernel
def give_back(world: World, walk: Ints, rng: Rng, rows: Any) -> bool:
    """Append the refund of one unit that fell due before this session, if any."""
    if walk[s.CLOCK] < walk[BACK]:
        return False
    s.wait(walk, rng, 3.0, 0.5)
    s.put(rows, walk, r.PAGE_VIEW, -1, _REFUND_PAGE, r.NO_CENTS, 0)
    s.wait(walk, rng, 3.0, 0.5)
    cents = world.items[walk[BACK_ITEM]].cents
    s.put(rows, walk, r.REFUND, walk[BACK_ITEM], _REFUND_PAGE, cents, 1)
    rows[walk[s.ROWS] - 1].order = walk[BACK_ORDER]
    rows[walk[s.ROWS] - 1].order_cents = cents
    walk[BACK] = _NEVER
    return True


@kernel
def shopper(world: World, user: int, out: Any, at: int, done: Any, tally: Any, rows: Any) -> int:
    """Simulate a shopper's life; return the new end of ``out``, or -1 if it is full."""
    walk, cart = np.zeros(_SIZE, np.int64), np.zeros((s.CART_SIZE, 2), np.int64)
    other_walk, other_cart = np.zeros(_SIZE, np.int64), np.zeros((s.CART_SIZE, 2), np.int64)
    life, path = np.zeros(1, np.uint64), np.zeros(1, np.uint64)
    walk[DUE] = walk[BACK] = _NEVER
    me = world.users[user]
    persona = int(me.persona)
    reset(life, world.seed, _LIFE, user, 0)
    now = plan(world, me.arrival, walk, life, world.start)
    if now >= world.end:  # one who would come after the last day comes on it
        now = world.end - 1 - int(uniform(life) * DAY / 2)
    visit = 0
    while now < world.end and visit < _MAX_VISITS:
        if at + 2 * s.MAX_ROWS > len(out):
            return -1
        visit += 1
        walk[s.CLOCK] = now
        push = me.zeal + set_out(world, user, persona, walk, life)
        traffic, campaign = pick(world.channels[persona], 0, _N_BASE, life), come_through(world, user, now, life)
        traffic = traffic if campaign < 0 else _N_BASE + campaign
        bounce = min(max(world.personas[persona, 2] + world.traffic[traffic, 0], 0.02), 0.95)
        push += world.traffic[traffic, 1]
        device = int(me.device) if uniform(life) < 0.8 else int(me.other_device)
        if campaign >= 0:  # the same session, the same draws, without the campaign's effect
            copy(walk, cart, other_walk, other_cart)
            reset(path, world.seed, _SESSION, user, visit)
            s.run_session(world, user, push, bounce, other_walk, other_cart, path, rows)
            push += world.campaigns[campaign, 3]
        reset(path, world.seed, _SESSION, user, visit)
        s.run_session(world, user, push, bounce, walk, cart, path, rows)
        if campaign >= 0:
            tally[campaign, 0] += 1
            tally[campaign, 1] += min(walk[s.BOUGHT], 1)
            tally[campaign, 2] += min(other_walk[s.BOUGHT], 1)
        done.refunds += give_back(world, walk, path, rows)
        reset(path, world.seed, _DIRT, user, visit)
        at, usable = deliver(world, user, visit, traffic, device, rows, walk[s.ROWS], path, out, at)
        count(done, usable, walk[s.BOUGHT], walk[s.SPENT])
        if look_back(world, walk, life, persona):
            done.churned = walk[s.CLOCK]
            break
        now = next_visit(world, user, walk, life)
    return at


@kernel
def copy(walk: Ints, cart: Ints, other_walk: Ints, other_cart: Ints) -> None:
    """Copy the state of a path."""
    for i in range(len(walk)):
        other_walk[i] = walk[i]
    for spot in range(len(cart)):
        other_cart[spot, 0], other_cart[spot, 1] = cart[spot, 0], cart[spot, 1]


@kernel
def count(done: Any, usable: int, orders: int, spent: int) -> None:
    """Add a session to what is known of its user."""
    done.sessions += 1
    done.usable_sessions += usable > 0
    done.usable_events += usable
    done.orders += orders
    done.spent_cents += spent


@kernel
def robot(world: World, user: int, out: Any, at: int, done: Any, rows: Any) -> int:
    """Simulate a robot: rounds at a fixed hour, a fixed beat, items one after another."""
    walk = np.zeros(_SIZE, np.int64)
    rng, spoil = np.zeros(1, np.uint64), np.zeros(1, np.uint64)
    reset(rng, world.seed, _LIFE, user, 0)
    beat = 1.5 + 6.0 * uniform(rng)
    every = int(2 + 7 * uniform(rng))
    moment = world.start + int(0.9 * DAY * uniform(rng))
    item = int(len(world.items) * uniform(rng))
    visit, traffic, device = 0, 0, int(world.users[user].device)
    while moment < world.end and visit < _MAX_VISITS:
        if at + 2 * s.MAX_ROWS > len(out):
            return -1
        visit += 1
        walk[s.CLOCK], walk[s.ROWS] = moment, 0
        for _ in range(20 + int(180 * uniform(rng))):
            item = (item + 1) % len(world.items)
            if world.items[item].launch <= moment:
                s.look_at(world, walk, rows, item, r.VIEW)
                walk[s.CLOCK] += int(1e6 * beat * (0.99 + 0.02 * uniform(rng)))
        reset(spoil, world.seed, _DIRT, user, visit)
        at, usable = deliver(world, user, visit, traffic, device, rows, walk[s.ROWS], spoil, out, at)
        count(done, usable, 0, 0)
        moment += every * DAY
    return at


@kernel
def simulate_users(world: World, first: int, last: int, out: Any, outcome: Any, tally: Any) -> tuple[int, int]:
    """Simulate users from ``first`` until ``last`` or until ``out`` is full.

    Returns
    -------
    next_user, rows : int
        The first user not yet simulated, and the rows written; those of each user are complete.
    """
    rows = np.zeros(s.MAX_ROWS, out.dtype)
    blank = np.zeros(1, outcome.dtype)[0]
    at = 0
    for user in range(first, last):
        own = np.zeros(tally.shape, np.int64)
        outcome[user] = blank
        if world.users[user].robot:
            end = robot(world, user, out, at, outcome[user], rows)
        else:
            end = shopper(world, user, out, at, outcome[user], own, rows)
        if end < 0:
            return user, at
        for c in range(len(tally)):
            for i in range(3):
                tally[c, i] += own[c, i]
        at = end
    return last, at
