"""Compiled loops over the events of paths; each is linear in the events it reads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: What an event does to a cart.
NOTHING, ADDS, REMOVES, EMPTIES = 0, 1, 2, 3


@kernel
def lower_bound(values: Ints, low: Ints, high: Ints, wanted: Ints) -> Ints:
    """Return the first place in ``low[i]:high[i]``, where values ascend, that is not below ``wanted[i]``; else high."""
    out = np.empty(len(low), np.int64)
    for i in range(len(low)):
        a, b = low[i], high[i]
        while a < b:
            middle = (a + b) // 2
            if values[middle] >= wanted[i]:
                b = middle
            else:
                a = middle + 1
        out[i] = a
    return out


@kernel
def summarise(values: Floats, begin: Ints, stop: Ints, by: Ints) -> Floats:
    """Return n, sum, mean, least, most, last and sum of squared deviations of the values in each range (n, 7).

    Ranges of one begin are gone through once: ``by`` orders them by begin, then stop. Nothing is a difference of
    running totals: what lies outside a range does not touch a digit of it. Welford (1962) for the deviations.
    """
    out = np.empty((len(begin), 7))
    start, at = np.int64(-1), np.int64(-1)
    n, total, mean, least, most, last, squares = 0, 0.0, np.nan, np.nan, np.nan, np.nan, 0.0
    for row in by:
        if begin[row] != start:
            start = at = begin[row]
            n, total, mean, least, most, last, squares = 0, 0.0, np.nan, np.nan, np.nan, np.nan, 0.0
        while at < stop[row]:
            value = values[at]
            at += 1
            if np.isnan(value):
                continue
            if n == 0:
                mean, least, most = 0.0, value, value
            n += 1
            total += value
            away = value - mean
            mean += away / n
            squares += away * (value - mean)
            least, most, last = min(least, value), max(most, value), value
        out[row, 0], out[row, 1], out[row, 2] = n, total, total / n if n else np.nan
        out[row, 3], out[row, 4], out[row, 5], out[row, 6] = least, most, last, squares
    return out


@kernel
def first_of(codes: Ints, order: Ints, starts: Ints, place_of: Ints) -> Ints:
    """Return the place of the first event of the group with the same code (n_events,), -1 where the code is below 0.

    Groups are ``order[starts[g]:starts[g + 1]]``; ``place_of`` is room for one zero a code.
    """
    out = np.full(len(codes), -1, np.int64)
    for group in range(len(starts) - 1):
        for i in range(starts[group], starts[group + 1]):
            code = codes[order[i]]
            if code < 0:
                continue
            # Beyond zero it is one more than where in the order the code was last met for the first time.
            if place_of[code] <= starts[group]:
                place_of[code] = i + 1
            out[order[i]] = order[place_of[code] - 1]
    return out


@kernel
def marked_before(first: Ints, marks: Bools) -> Ints:
    """Count the marked events before each one that have the same ``first`` (n_events,); 0 where that is -1."""
    counts = np.zeros(len(first), np.int64)
    out = np.zeros(len(first), np.int64)
    for place in range(len(first)):
        key = first[place]
        if key >= 0:
            out[place] = counts[key]
            counts[key] += marks[place]
    return out


@kernel
def carts(group: Ints, n_groups: int, first: Ints, change: Ints, quantity: Floats, price: Floats) -> Floats:
    """Return items, units and value in the cart of the event's group after each event (n_events, 3).

    Parameters
    ----------
    group : int64 array (n_events,)
    n_groups : int
    first : int64 array (n_events,)
        The group's first event with the same item.
    change : int64 array (n_events,)
        ``NOTHING``, ``ADDS``, ``REMOVES`` or ``EMPTIES``.
    quantity, price : float64 array (n_events,)
        A price that is not known (NaN) is that of the item's last one, else 0.
    """
    n = len(group)
    held, paid, touched = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    emptied, state = np.zeros(n_groups, np.int64), np.zeros((n_groups, 3))
    out = np.empty((n, 3))
    for place in range(n):
        g, key = group[place], first[place]
        if change[place] == EMPTIES:
            state[g] = 0.0
            emptied[g] = place + 1
        elif change[place] != NOTHING:
            if touched[key] <= emptied[g]:
                held[key] = 0.0
            touched[key] = place + 1
            there, worth = held[key], held[key] * paid[key]
            if not np.isnan(price[place]):
                paid[key] = price[place]
            moved = quantity[place] if change[place] == ADDS else -min(quantity[place], there)
            held[key] = there + moved
            state[g, 0] += (held[key] > 0) - (there > 0)
            state[g, 1] += moved
            state[g, 2] += held[key] * paid[key] - worth
            if state[g, 0] == 0:
                state[g, 1:] = 0.0
        out[place] = state[g]
    return out


@kernel
def order_gains(key: Ints, value: Floats, lines: Floats) -> Floats:
    """Return what each line adds to the worth of its order, and that worth until then (n_lines, 2).

    An order is worth the largest of its values, else the sum of its lines: ``paths.orders`` says why.
    """
    n = len(key)
    largest, total, worth = np.full(n, np.nan), np.zeros(n), np.zeros(n)
    out = np.empty((n, 2))
    for line in range(n):
        k = key[line]
        if not np.isnan(value[line]):
            largest[k] = value[line] if np.isnan(largest[k]) else max(largest[k], value[line])
        if not np.isnan(lines[line]):
            total[k] += lines[line]
        now = total[k] if np.isnan(largest[k]) else largest[k]
        out[line, 0], out[line, 1] = now - worth[k], now
        worth[k] = now
    return out
