"""Spend: how much will a user spend within the horizon?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.paths.counted import Counted
from cartpath.paths.orders import spent
from cartpath.schema import CartpathError, Event
from cartpath.tasks.cutoff_rows import CutoffRows, asked_users, by_cutoff, check_asked, count_until, cutoffs_of
from cartpath.tasks.cutoffs import Cutoffs
from cartpath.tasks.log_scale import LogScale
from cartpath.tasks.split import TimeSplit


@dataclass(frozen=True)
class SpendTask:
    """What is asked.

    Attributes
    ----------
    horizon : str
        Within how long, such as ``"30d"``.
    active_within : str, optional
        Asked about are users with an event so long before the cut-off, such as ``"90d"``; None is however long before.
    among : str, optional
        The event that makes a user one of them: those who have bought by default, ``None`` for all who were active.
    step : str, optional
        From one cut-off to the next; see ``cutoffs``.
    """

    horizon: str
    active_within: str | None = None
    among: str | None = Event.purchase
    step: str | None = None


@dataclass(frozen=True)
class SpendRows(CutoffRows):
    """Users at cut-offs, and what they spent.

    Attributes
    ----------
    value : float64 array (n,)
        In the shop's currency, by the rule of ``docs/counting.md``, refunds not taken off.
    """

    value: npt.NDArray[np.float64]

    @property
    def scaled(self) -> npt.NDArray[np.float64]:
        """The amounts on ``LogScale``: what squared error is suitable for (n,)."""
        return LogScale().scaled(self.value)


def spend_rows(log: Log, split: TimeSplit, task: SpendTask) -> SpendRows:
    """Find the users who can be asked about in each slice, and what they spent.

    Revenue is counted as every view counts that of a period: for each order of a user the largest order value on its
    lines within the horizon, else the sum of price x quantity; refunds are not taken off. So the values of a
    cut-off add up to the revenue of the horizon from users who are asked about.

    Parameters
    ----------
    log : Log
    split : TimeSplit
    task : SpendTask

    Returns
    -------
    SpendRows
        By cut-off, then by user.

    Raises
    ------
    CartpathError
        If there are no purchases, or none has an amount, a slice has no room for the horizon, what came after the first
        cut shaped the paths before it, or nobody of the training slice spends anything.

    Examples
    --------
    >>> from datetime import datetime, timedelta, UTC
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> lines = [("a", 0, 5.0), ("b", 0, 3.0), ("b", 2, 4.0), ("b", 3, 1.5), ("a", 6, 9.0)]
    >>> when = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(day) for _, day, _ in lines]
    >>> log = log_from_table(pa.table({"user_id": [user for user, *_ in lines], "ts": when, "event": ["purchase"] * 5,
    ...                                "price": [price for *_, price in lines]}))
    >>> rows = spend_rows(log, TimeSplit((4 * 86_400_000_000,) * 3), SpendTask("2d")).of("train")
    >>> dict(sorted(zip(log.view.user_id.take(rows.user).to_pylist(), rows.value.tolist())))
    {'a': 0.0, 'b': 5.5}
    """
    count_until(log, Event.purchase)
    bought = log.view.event == log.event_codes[Event.purchase]
    if np.isnan(log.view.price[bought]).all() and np.isnan(log.view.order_value[bought]).all():
        raise CartpathError(
            "no purchase has a price or an order value, so nobody can be said to spend anything",
            "ingest one of them: cartpath ingest SHOP SOURCE --map price=COLUMN or --map order_value=COLUMN",
        )
    rows = spend_at(log, cutoffs_of(log, split, task.horizon, task.step), task)
    check_asked(rows, "train")
    if not (rows.of("train").value > 0).any():
        raise CartpathError(
            f"nobody of the train slice spends anything within {task.horizon}, so there is nothing to learn",
            "choose a longer horizon, or later dates: --train-until, --valid-until, --calibrate-until",
        )
    return rows


def spend_at(log: Log, cuts: Cutoffs, task: SpendTask) -> SpendRows:
    """Find the users and what they spent at given cut-offs; the horizon is theirs."""
    view, purchase = log.view, log.event_codes.get(Event.purchase, -1)
    rows = asked_users(log, cuts, task.active_within, task.among)
    value = np.zeros(len(rows))
    for at, part in by_cutoff(rows):
        within = np.flatnonzero((view.ts >= at) & (view.ts < at + cuts.horizon))
        value[part] = spent(Counted(view, within), purchase)[1][rows.user[part]]
    return SpendRows(**vars(rows), value=value)
