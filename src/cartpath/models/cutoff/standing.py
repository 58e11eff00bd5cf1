"""Where a user stands at a cut-off, in a handful of numbers: what a window of the path does not show."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, by_session
from cartpath.models.cutoff.scorer import Floats, Ints
from cartpath.paths.counted import Counted
from cartpath.paths.orders import spent
from cartpath.schema import MICROSECONDS, Event
from cartpath.tasks import CutoffRows, RepeatRows, repeated

#: Columns of every task, and those more where an item or a category is asked about.
COLUMNS: tuple[str, ...] = ("silent", "since_purchase", "tenure", "visits", "purchases", "spent", "per_purchase")
PAIR_COLUMNS: tuple[str, ...] = ("since_bought", "known_for", "times_bought")
_DAY = 86_400 * MICROSECONDS


def standing(log: Log, rows: CutoffRows, of: str | None = None) -> Floats:
    """Return where users stand (n, n_columns): recency, frequency, monetary value and how long they are known.

    A network sees its last events only, and not when it is asked. These say how long ago the last one was, the last
    purchase and the first event, in days; how many visits and steps with a purchase there were; what was spent, in all
    and a purchase. Each on the scale log(1 + x), which suits durations, counts and amounts alike.

    Parameters
    ----------
    log : Log
    rows : CutoffRows
        Nothing from ``ends`` on is read.
    of : str, optional
        What is asked about, one of ``REPEATED``, with ``rows`` that say which; then ``PAIR_COLUMNS`` too: days since
        it was bought last and first, and in how many steps.

    Returns
    -------
    float64 array
        NaN where there was no purchase.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = [datetime(1970, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    >>> log = log_from_table(pa.table({"user_id": ["u"] * 3, "ts": when, "event": ["purchase", "view", "view"],
    ...                                "price": [5.0, None, None]}))
    >>> day = 86_400_000_000
    >>> at = CutoffRows(np.array([0]), np.array([2]), np.array([2 * day]), np.array([0]))
    >>> np.expm1(standing(log, at)).round(6).tolist()
    [[1.0, 2.0, 2.0, 2.0, 1.0, 5.0, 5.0]]
    """
    view = log.view
    begins, last = view.offsets[rows.user], rows.ends - 1
    purchase = np.flatnonzero(view.event == log.event_codes.get(Event.purchase, -2))
    steps = purchase[Counted(view, purchase).step == 1]
    visits = _count(_first_of_sessions(log), begins, rows.ends)
    times = _count(steps, begins, rows.ends)
    paid = _spent(log, rows)
    columns = [
        (rows.cutoff - view.ts[last]) / _DAY,
        _days_since(log, rows, purchase, begins),
        (rows.cutoff - view.ts[begins]) / _DAY,
        visits,
        times,
        paid,
        np.where(times > 0, paid / np.maximum(times, 1), np.nan),
    ]
    if of is not None:
        assert isinstance(rows, RepeatRows)
        columns += _pair(log, rows, of)
    # A shop's corrections may leave less than nothing spent.
    return np.log1p(np.maximum(np.column_stack(columns).astype(np.float64), 0.0))


def _count(places: Ints, begins: Ints, ends: Ints) -> Ints:
    """Return how many of some places of events, ascending, lie in each stretch."""
    found: Ints = np.searchsorted(places, ends) - np.searchsorted(places, begins)
    return found


def _first_of_sessions(log: Log) -> Ints:
    order, starts = by_session(log.view)
    return np.sort(order[starts[:-1][np.diff(starts) > 0]])


def _days_since(log: Log, rows: CutoffRows, places: Ints, begins: Ints) -> Floats:
    """Return the days since the latest of some events before each cut-off; NaN where there is none."""
    at = np.searchsorted(places, rows.ends) - 1
    if not len(places):
        return np.full(len(rows), np.nan)
    latest = places[np.maximum(at, 0)]
    days = (rows.cutoff - log.view.ts[latest]) / _DAY
    return np.where((at >= 0) & (latest >= begins), days, np.nan)


def _pair(log: Log, rows: RepeatRows, of: str) -> list[Floats | Ints]:
    """Return the days since each row's user last and first bought what is asked about, and in how many steps."""
    view, place = log.view, repeated(log, of)[1]
    purchase = np.flatnonzero((view.event == log.event_codes.get(Event.purchase, -2)) & (place[view.item] >= 0))
    user = np.searchsorted(view.offsets, purchase, side="right") - 1
    pairs, pair = np.unique(_numbers(user, place[view.item[purchase]]), return_inverse=True)
    steps = np.cumsum(view.step == 1)[purchase]
    # The first line of each pair and step, by pair, then by time: an item on two lines of an order was bought once.
    first = np.unique(pair * (view.n_events + 1) + steps, return_index=True)[1]
    order = pair[first] * (view.n_events + 1) + purchase[first]
    asked = np.searchsorted(pairs, _numbers(rows.user, rows.what)) * (view.n_events + 1)
    begin, end = np.searchsorted(order, asked), np.searchsorted(order, asked + rows.ends)
    ts = np.append(view.ts[purchase[first]], 0)
    days = [np.where(end > begin, (rows.cutoff - ts[at]) / _DAY, np.nan) for at in (end - 1, begin)]
    return [*days, end - begin]


def _numbers(user: Ints, what: npt.NDArray[np.integer[Any]]) -> Ints:
    found: Ints = user.astype(np.int64) * 2**32 + what
    return found


def _spent(log: Log, rows: CutoffRows) -> Floats:
    found, code = np.zeros(len(rows)), log.event_codes.get(Event.purchase, -1)
    for at in np.unique(rows.cutoff):
        mine = np.flatnonzero(rows.cutoff == at)
        before = Counted(log.view, np.flatnonzero(log.view.ts < at))
        found[mine] = spent(before, code)[1][rows.user[mine]]
    return found
