"""Hand a session's rows to the log, planting defects on the way.

Defects are drawn from a stream of their own, so the clean rows are the same whatever the dirt.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.simulate import record as r
from cartpath.simulate.draws import kernel, uniform
from cartpath.simulate.world import World

_YEAR_2099 = 4_070_908_800_000_000
_HOUR = 3600 * 1_000_000
_N_KINDS = 10


@kernel
def applies(kind: int, row: Any) -> bool:
    """Say whether a defect can happen to a row; what makes a row unusable never happens to money."""
    money = row.event == r.PURCHASE or row.event == r.REFUND
    if kind in (r.MISSING_USER, r.ABSURD_TIME, r.UNREADABLE_TIME, r.NEAR_DUPLICATE):
        return not money
    if kind == r.NEGATIVE_PRICE:
        return not money and row.cents > 0
    if kind == r.NAN_PRICE:
        return bool(row.cents > 0)
    if kind == r.ABSURD_QUANTITY:
        return bool(row.quantity > 0)
    return True


@kernel
def _spoil(kind: int, row: Any, rng: npt.NDArray[np.uint64]) -> None:
    """Change the row itself; what a file's types decide (null, NaN, 1e16) is done when it is encoded."""
    row.dirt = kind
    if kind == r.NEGATIVE_PRICE:
        row.cents = -row.cents
    elif kind == r.ABSURD_TIME:
        base = 0 if uniform(rng) < 0.5 else _YEAR_2099
        row.ts = base + int(1000 * uniform(rng)) * 1_000_000
    elif kind == r.LATE_ARRIVAL:
        row.arrival = row.ts + int(_HOUR * (1 + 47 * uniform(rng)))


@kernel
def _extra(kind: int, row: Any, seq: int, rng: npt.NDArray[np.uint64]) -> None:
    """Turn a copy of a row into a double click or an unknown event a moment later."""
    row.dirt = kind
    row.seq = seq
    row.ts += 50_000 + int(850_000 * uniform(rng))
    row.arrival = row.ts
    if kind == r.UNKNOWN_EVENT:
        row.event = r.UNKNOWN
        row.item = row.page = row.query = row.order = -1
        row.cents = r.NO_CENTS
        row.order_cents = row.quantity = 0


@kernel
def _draw(world: World, row: Any, rng: npt.NDArray[np.uint64]) -> int:
    u = uniform(rng)
    if u >= world.dirt[_N_KINDS - 1]:
        return 0
    kind = 1
    while u >= world.dirt[kind - 1]:
        kind += 1
    return kind if applies(kind, row) else 0


@kernel
def deliver(
    world: World, user: int, visit: int, traffic: int, device: int, rows: Any, n: int, rng: Any, out: Any, at: int
) -> tuple[int, int]:
    """Copy ``n`` rows of a session to ``out`` from ``at``; return the new end and how many of them are usable.

    ``out`` must have room for twice the rows.
    """
    usable = 0
    seq = 0
    for i in range(n):
        seq += 1
        kind = _draw(world, rows[i], rng)
        row = out[at]
        out[at] = rows[i]
        row.arrival = row.ts
        row.user, row.visit, row.seq = user, visit, seq
        row.traffic, row.device, row.dirt = traffic, device, 0
        at += 1
        usable += 1
        if kind == r.EXACT_DUPLICATE or kind == r.NEAR_DUPLICATE or kind == r.UNKNOWN_EVENT:
            out[at] = out[at - 1]
            out[at].dirt = kind
            if kind != r.EXACT_DUPLICATE:
                seq += 1
                usable += 1
                _extra(kind, out[at], seq, rng)
            at += 1
        elif kind > 0:
            _spoil(kind, row, rng)
            if kind in (r.MISSING_USER, r.NEGATIVE_PRICE, r.ABSURD_TIME, r.UNREADABLE_TIME):
                usable -= 1
    return at, usable
