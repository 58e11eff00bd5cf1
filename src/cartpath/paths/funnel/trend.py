"""The funnel over time: units by the day, week or month in which their chain began."""

from __future__ import annotations

from typing import Any

import numpy as np

from cartpath.paths.calendar import Calendar
from cartpath.paths.counting import wilson
from cartpath.paths.funnel.chains import Chains
from cartpath.paths.funnel.plan import NO_WINDOW
from cartpath.paths.funnel.tables import DepthTable, Ints, depth_table


def by_period(chains: Chains, ts: Ints, periods: Calendar, n_steps: int) -> DepthTable:
    """Count the units of a bucket by the number of the period; ``ts`` has one value an element of the paths."""
    began = chains.depth > 0
    return depth_table(periods.place(ts[chains.first[began]]), chains.depth[began], n_steps)


def trend_rows(table: DepthTable, periods: Calendar, window: int, end: int | None) -> list[dict[str, Any]]:
    """Return one record a period from the first to the last, those without units included.

    ``period`` (its first day, or year and month), ``n`` at each step, ``conversion`` with its ``interval``, and
    ``complete``: whether the window of the period's last moment had passed at ``end``, the last moment there is; None
    without a window.
    """
    if not len(table.key):
        return []
    place = {int(key): i for i, key in enumerate(table.key)}
    none = np.zeros(table.reached.shape[1], np.int64)
    return [
        _row(period, table.reached[place[period]] if period in place else none, periods, window, end)
        for period in range(int(table.key[0]), int(table.key[-1]) + 1)
    ]


def _row(period: int, reached: Ints, periods: Calendar, window: int, end: int | None) -> dict[str, Any]:
    first, last = int(reached[0]), int(reached[-1])
    closes = int(periods.edges[period + 1])
    return {
        "period": periods.labels[period],
        "n": [int(n) for n in reached],
        "conversion": last / first if first else None,
        "interval": wilson(last, first),
        "complete": None if window == NO_WINDOW or end is None else closes + window <= end,
    }
