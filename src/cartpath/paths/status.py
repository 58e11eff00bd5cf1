"""What a store holds, in numbers: volumes, orders, revenue and refunds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.orders import line_amounts
from cartpath.schema import Event, iso
from cartpath.store import PathView, Snapshot

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StatusResult:
    """What a store holds.

    Attributes
    ----------
    events, users, sessions, items : int
    events_by_type : dict of str to int
        Most frequent first.
    orders : int
        Distinct order ids among purchases, over all users.
    revenue : float
        Sum over orders of the largest order value, else of price x quantity (a missing quantity is 1),
        plus price x quantity of purchases without an order id.
    refunds : float
        Refunded amount, a positive number, not subtracted from ``revenue``.
    refund_events, purchases_without_order : int
    first, last : str or None
        Time of the first and last event, ISO 8601 in UTC.
    generation : int
        The store's generation these numbers are of.
    removed : int
        Events that were ingested and that cleaning took out; they are in no other number.
    """

    events: int
    users: int
    sessions: int
    items: int
    events_by_type: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    revenue: float = 0.0
    refunds: float = 0.0
    first: str | None = None
    last: str | None = None
    refund_events: int = 0
    purchases_without_order: int = 0
    generation: int = 0
    removed: int = 0

    @property
    def frame(self) -> pd.DataFrame:
        """One row an event type: ``event``, ``n`` and its share of all events, as a pandas frame."""
        import pandas as pd

        rows = [{"event": e, "n": n, "share": n / self.events} for e, n in self.events_by_type.items()]
        return pd.DataFrame(rows, columns=["event", "n", "share"])

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON has them."""
        return asdict(self)


@dataclass(frozen=True)
class Money:
    """Lines of money, one entry an order; order 0 holds the lines without an order id.

    Attributes
    ----------
    order : int64 array (n,)
        Hash of the order id, ascending.
    value : float64 array (n,)
        Largest order value; NaN where no line has one.
    lines : float64 array (n,)
        Sum of price x quantity over the lines with a price; NaN where none has one.
    n : int64 array (n,)
        Lines.
    """

    order: npt.NDArray[np.int64]
    value: Floats
    lines: Floats
    n: npt.NDArray[np.int64]


def status(snap: Snapshot) -> StatusResult:
    """Count what a store holds.

    Parameters
    ----------
    snap : Snapshot

    Returns
    -------
    StatusResult
    """
    scan = partial(scan_money, codes=(snap.code_of("event", Event.purchase), snap.code_of("event", Event.refund)))
    bought, returned = engine.run(snap, scan, merge_money)
    with_id = bought.order != 0
    totals = snap.totals
    by_type = sorted(totals.events_by_type.items(), key=lambda pair: (-pair[1], pair[0]))
    return StatusResult(
        events=totals.events,
        users=totals.users,
        sessions=totals.sessions,
        items=totals.items,
        events_by_type=dict(by_type),
        orders=int(with_id.sum()),
        revenue=_amount(bought, prefer_lines=False),
        refunds=_amount(returned, prefer_lines=True),
        first=None if totals.first_ts is None else iso(totals.first_ts),
        last=None if totals.last_ts is None else iso(totals.last_ts),
        refund_events=int(returned.n.sum()),
        purchases_without_order=int(bought.n[~with_id].sum()),
        generation=snap.generation,
        removed=snap.ingested - totals.events,
    )


def scan_money(view: PathView, codes: tuple[int, int]) -> tuple[Money, Money]:
    """Gather the purchases and the refunds of one bucket by order."""
    return _lines(view, codes[0]), _lines(view, codes[1], refund=True)


def merge_money(parts: Sequence[tuple[Money, Money]]) -> tuple[Money, Money]:
    """Join orders over buckets: one order id may appear with several users."""
    return _join([bought for bought, _ in parts]), _join([returned for _, returned in parts])


def _lines(view: PathView, code: int, refund: bool = False) -> Money:
    place = np.flatnonzero(view.event == code) if code >= 0 else np.empty(0, np.int64)
    amount = line_amounts(view, place)
    value = view.order_value[place]
    if refund:  # some shops write a refund with a negative quantity or total
        amount, value = np.abs(amount), np.abs(value)
    return _group(view.order[place], value, amount, np.ones(len(place), np.int64))


def _join(parts: Sequence[Money]) -> Money:
    empty = np.empty(0, np.int64)
    if not parts:
        return Money(empty, empty.astype(float), empty.astype(float), empty)
    order, value, lines, n = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("order", "value", "lines", "n")
    )
    return _group(order, value, lines, n)


def _group(order: npt.NDArray[np.int64], value: Floats, lines: Floats, n: npt.NDArray[np.int64]) -> Money:
    ids, place = np.unique(order, return_inverse=True)
    largest = np.full(len(ids), np.nan)
    np.fmax.at(largest, place, value)
    total, priced, count = np.zeros(len(ids)), np.zeros(len(ids), np.bool_), np.zeros(len(ids), np.int64)
    np.add.at(total, place, np.nan_to_num(lines))
    np.logical_or.at(priced, place, ~np.isnan(lines))
    np.add.at(count, place, n)
    return Money(ids, largest, np.where(priced, total, np.nan), count)


def _amount(money: Money, prefer_lines: bool) -> float:
    """Sum over orders; lines without an order id share no total, so only their own price x quantity counts."""
    first, second = (money.lines, money.value) if prefer_lines else (money.value, money.lines)
    per_order = np.where(np.isnan(first), second, first)
    per_order = np.where(money.order == 0, money.lines, per_order)
    return float(round(np.nansum(per_order), 2))
