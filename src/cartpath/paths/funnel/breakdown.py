"""The funnel by a property: every unit belongs to one group, so the groups add up to the whole at every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cartpath.paths.counting import wilson
from cartpath.paths.funnel.chains import Chains
from cartpath.paths.funnel.plan import FIRST, LAST, Breakdown
from cartpath.paths.funnel.tables import DepthTable, Ints, depth_table
from cartpath.schema import OTHER
from cartpath.store import PathView

#: The group of units that have no value, and that of units that never reached the step it is taken at.
NO_VALUE, NOT_REACHED = -1, -2
NOT_REACHED_NAME = "(step not reached)"

#: Texts that have an order, which is that of their codes.
_IN_ORDER = ("hour", "weekday")


def by_value(chains: Chains, view: PathView, breakdown: Breakdown, n_steps: int) -> DepthTable:
    """Count the units of a bucket by the property's code, or by ``NO_VALUE`` and ``NOT_REACHED``."""
    if breakdown.step == FIRST:
        place = chains.first
    elif breakdown.step == LAST:
        place = chains.last
    else:
        place = chains.at[:, breakdown.step]
    key = np.full(len(place), NOT_REACHED, np.int64)
    key[place >= 0] = breakdown.property.of_events(view)[chains.rows(place[place >= 0])]
    return depth_table(key, chains.depth, n_steps)


def taken_at(breakdown: Breakdown, steps: Sequence[str]) -> str:
    """Say where the value is taken.

    Examples
    --------
    >>> taken_at(Breakdown(None, 1), ["view", "purchase"])
    'step 2, purchase'
    """
    if breakdown.step in (FIRST, LAST):
        return "the first step" if breakdown.step == FIRST else "the last step reached"
    return f"step {breakdown.step + 1}, {steps[breakdown.step]}"


def group_rows(table: DepthTable, breakdown: Breakdown, top: int) -> list[dict[str, Any]]:
    """Return one record a group: ``value``, ``n`` at each step, ``conversion`` with its ``interval``.

    The ``top`` values that most units began with stand for themselves, numbers, hours and weekdays in their own
    order, others by size; the rest is ``(other)``, where ``values`` says
    how many there are. Units without the step that the value is taken at are a group of their own.
    """
    own = np.flatnonzero(table.key != NOT_REACHED)
    names = np.array([breakdown.property.label(int(code)) for code in table.key[own]], np.str_)
    ranked = own[np.lexsort((names, -table.reached[own, 0]))]  # codes are in the order of ingest, names are not
    shown = ranked[:top]
    if breakdown.property.bins is not None or breakdown.property.name in _IN_ORDER:
        shown = np.sort(shown)
    rows = [_row(breakdown.property.label(int(table.key[i])), table.reached[i]) for i in shown]
    if len(ranked) > top:
        rows.append({**_row(OTHER, table.reached[ranked[top:]].sum(axis=0)), "values": len(ranked) - top})
    rows += [_row(NOT_REACHED_NAME, table.reached[i]) for i in np.flatnonzero(table.key == NOT_REACHED)]
    return rows


def _row(value: str, reached: Ints) -> dict[str, Any]:
    first, last = int(reached[0]), int(reached[-1])
    return {
        "value": value,
        "n": [int(n) for n in reached],
        "conversion": last / first if first else None,
        "interval": wilson(last, first),
    }
