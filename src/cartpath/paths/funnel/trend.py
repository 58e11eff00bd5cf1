"""The funnel over time: units by the day, week or month in which their chain began."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from cartpath.paths.counting import wilson
from cartpath.paths.funnel.chains import Chains
from cartpath.paths.funnel.plan import NO_WINDOW
from cartpath.paths.funnel.tables import DepthTable, Ints, depth_table
from cartpath.schema import MICROSECONDS

_DAY = 86400 * MICROSECONDS


def by_period(chains: Chains, ts: Ints, grain: str, n_steps: int) -> DepthTable:
    """Count the units of a bucket by the number of the period; ``ts`` has one value an element of the paths."""
    began = chains.depth > 0
    return depth_table(period_of(ts[chains.first[began]], grain), chains.depth[began], n_steps)


def period_of(ts: Ints, grain: str) -> Ints:
    """Return the number of the day, week (from Monday) or month since 1970, UTC.

    Examples
    --------
    >>> week = 7 * 86400 * 1_000_000
    >>> period_of(np.array([0, week]), "week").tolist(), period_of(np.array([0, 5 * week]), "month").tolist()
    ([0, 1], [0, 1])
    """
    if grain == "month":
        months: Ints = ts.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
        return months
    days = ts // _DAY
    # 1 January 1970 was a Thursday.
    return (days + 3) // 7 if grain == "week" else days


def begin_of(period: int, grain: str) -> int:
    """Return the first microsecond of a period."""
    if grain == "month":
        return int(np.datetime64(period, "M").astype("datetime64[us]").astype(np.int64))
    return (period * 7 - 3 if grain == "week" else period) * _DAY


def trend_rows(table: DepthTable, grain: str, window: int, end: int | None) -> list[dict[str, Any]]:
    """Return one record a period from the first to the last, those without units included.

    ``period`` (its first day), ``n`` at each step, ``conversion`` with its ``interval``, and ``complete``: whether
    the window of the period's last moment had passed at ``end``, the last moment there is; None without a window.
    """
    if not len(table.key):
        return []
    place = {int(key): i for i, key in enumerate(table.key)}
    none = np.zeros(table.reached.shape[1], np.int64)
    return [
        _row(period, table.reached[place[period]] if period in place else none, grain, window, end)
        for period in range(int(table.key[0]), int(table.key[-1]) + 1)
    ]


def _row(period: int, reached: Ints, grain: str, window: int, end: int | None) -> dict[str, Any]:
    first, last = int(reached[0]), int(reached[-1])
    closes = begin_of(period + 1, grain)
    return {
        "period": datetime.fromtimestamp(begin_of(period, grain) / MICROSECONDS, UTC).strftime("%Y-%m-%d"),
        "n": [int(n) for n in reached],
        "conversion": last / first if first else None,
        "interval": wilson(last, first),
        "complete": None if window == NO_WINDOW or end is None else closes + window <= end,
    }
