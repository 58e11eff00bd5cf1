"""Slips of values and clocks: rows that look usable but are wrong. Off unless rates are given.

They are drawn from streams of their own and touch clean rows only, so all else stays as it is without them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import Columns
from cartpath.simulate import record as r
from cartpath.simulate.draws import kernel, reset, uniform
from cartpath.simulate.settings import DIRT_KINDS
from cartpath.simulate.texts import numbered

#: Column of when the server received a row; it is written where some clocks are wrong.
RECEIVED = "received_at"
_HOUR = 3600 * 1_000_000
_SLIP = 9
#: Seconds of a tab left open: from one hour to eight. Hours a clock is off: from two to seventy-two.
_STALL, _SKEW = (1.0, 8.0), (2.0, 72.0)


@kernel
def slip(seed: int, rates: npt.NDArray[np.float64], rows: Any, n: int) -> None:
    """Plant slips in ``n`` rows, in place; those of a user stand together, and within them those of a visit.

    ``rates`` are of a missing price, a slip of a price, of a quantity, a stalled tab (per session), a wrong clock
    (per user), in this order.
    """
    rng = np.zeros(1, np.uint64)
    begin = 0
    skew = 0
    while begin < n:
        user, visit = rows[begin].user, rows[begin].visit
        if begin == 0 or rows[begin - 1].user != user:
            reset(rng, seed, _SLIP, user, 0)
            skew = 0
            if uniform(rng) < rates[4]:
                hours = np.exp(np.log(_SKEW[0]) + uniform(rng) * np.log(_SKEW[1] / _SKEW[0]))
                skew = int(hours * _HOUR) * (1 if uniform(rng) < 0.5 else -1)
        end = begin
        while end < n and rows[end].user == user and rows[end].visit == visit:
            end += 1
        reset(rng, seed, _SLIP, user, visit + 1)
        _stall(rates[3], rows, begin, end, rng)
        for i in range(begin, end):
            u = uniform(rng)
            if rows[i].dirt == 0:
                _mark(u, rates, rows[i], skew)
            rows[i].ts += skew
        begin = end


@kernel
def _mark(u: float, rates: npt.NDArray[np.float64], row: Any, skew: int) -> None:
    if row.cents > 0 and u < rates[0]:
        row.dirt = r.MISSING_PRICE
    elif row.cents > 0 and u < rates[0] + rates[1]:
        row.dirt = r.PRICE_SLIP
    elif row.quantity > 0 and rates[0] + rates[1] <= u < rates[0] + rates[1] + rates[2]:
        row.dirt = r.QUANTITY_SLIP
    elif skew != 0:
        row.dirt = r.SKEWED_CLOCK


@kernel
def _stall(rate: float, rows: Any, begin: int, end: int, rng: npt.NDArray[np.uint64]) -> None:
    """Leave the page open for hours after some event of a session; what follows comes that much later."""
    drawn, place, size = uniform(rng), uniform(rng), uniform(rng)
    at = begin + int(place * (end - begin - 1))
    if drawn >= rate or end - begin < 2 or rows[at].dirt != 0 or rows[at + 1].ts <= rows[at].ts:
        return
    rows[at].dirt = r.STALLED_TAB
    pause = int(_HOUR * np.exp(np.log(_STALL[0]) + size * np.log(_STALL[1] / _STALL[0])))
    for i in range(at + 1, end):
        rows[i].ts += pause
        rows[i].arrival += pause


def received(rows: npt.NDArray[np.void]) -> pa.Array:
    """Return when the server had each row: 0.05 to 2 seconds after it was sent."""
    user, visit, seq = (rows[name].astype(np.int64) for name in ("user", "visit", "seq"))
    spread = user * 7919 + visit * 104_729 + seq * 611_953
    micros = rows["arrival"] + (50 + spread % 1950) * 1000
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def slipped_price(rows: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """Return prices, those that slipped a hundred times too high or too low."""
    up = rows["seq"] % 2 == 0
    factor = np.where(rows["dirt"] == r.PRICE_SLIP, np.where(up, 100.0, 0.01), 1.0)
    price: npt.NDArray[np.float64] = np.round(rows["cents"] * factor) / 100
    return price


def slipped_quantity(rows: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    """Return quantities, those that slipped a hundred times too high."""
    whole = rows["quantity"].astype(np.int64)
    return np.where(rows["dirt"] == r.QUANTITY_SLIP, whole * 100, whole)


def truth_table(rows: npt.NDArray[np.void]) -> pa.Table:
    """Return the truth about dirty rows: ``event_id``, ``kind``, and the true ``value`` of a price or quantity."""
    rows = rows[rows["dirt"] > 0]
    kind = rows["dirt"]
    value = np.full(len(rows), np.nan)
    of_price, of_quantity = np.isin(kind, _PRICES), np.isin(kind, _QUANTITIES)
    value[of_price] = np.abs(rows["cents"][of_price]) / 100
    value[of_quantity] = rows["quantity"][of_quantity]
    return pa.table(
        {
            Columns.event_id: numbered("e", [(rows["user"], 8), (rows["visit"], 4), (rows["seq"], 4)]),
            "kind": pa.array(DIRT_KINDS).take(pa.array(kind.astype(np.int64) - 1)),
            "value": pa.array(value, mask=np.isnan(value)),
        }
    )


_PRICES = (r.NAN_PRICE, r.NEGATIVE_PRICE, r.MISSING_PRICE, r.PRICE_SLIP)
_QUANTITIES = (r.ABSURD_QUANTITY, r.QUANTITY_SLIP)
