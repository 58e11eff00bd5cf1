"""What the rules say about each event of a run: whether it stays, and with which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.config.cleaning import DWELL
from cartpath.ingest.cleaning.fit import doubled, expecting, values_of
from cartpath.ingest.cleaning.kernels import draws, dwell_seconds
from cartpath.ingest.cleaning.plan import VALUES, Plan
from cartpath.schema import Columns
from cartpath.store import (
    FLAG_IMPUTED_PRICE,
    FLAG_IMPUTED_QUANTITY,
    FLAG_OUTLIER_DWELL,
    FLAG_OUTLIER_PRICE,
    FLAG_OUTLIER_QUANTITY,
    FLAG_ROBOT,
)
from cartpath.store.prepare import ROW_HASH
from cartpath.store.run import Run

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

#: Why an event is taken out, by ``Decisions.reason``; the first that holds counts.
REASONS = ("", "robot", "near_duplicate", "outlier_price", "outlier_quantity", "outlier_dwell")
IMPUTED: Mapping[str, np.uint8] = {Columns.price: FLAG_IMPUTED_PRICE, Columns.quantity: FLAG_IMPUTED_QUANTITY}
OUTLIER: Mapping[str, np.uint8] = {
    Columns.price: FLAG_OUTLIER_PRICE,
    Columns.quantity: FLAG_OUTLIER_QUANTITY,
    DWELL: FLAG_OUTLIER_DWELL,
}


@dataclass
class Decisions:
    """Arrays (n_events,) in the order of the run.

    Attributes
    ----------
    reason : uint8
        Place in ``REASONS``; 0 stays.
    flags : uint8
        Bits of cleaning, besides those the event has.
    values : dict of str to float64
        Prices and quantities, NaN where unknown.
    """

    reason: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]
    values: dict[str, npt.NDArray[np.float64]]

    def take(self, other: Decisions, where: Bools) -> None:
        """Take over what was decided about the events ``where`` (n,) from a run of only them."""
        self.reason[where], self.flags[where] = other.reason, other.flags
        for column, values in self.values.items():
            values[where] = other.values[column]


def decide(run: Run, plan: Plan, events: Sequence[str], machines: npt.NDArray[np.uint64]) -> Decisions:
    """Apply every rule to a run whose clocks are right: robots, double clicks, outliers, missing values.

    ``machines`` are the keys of users who behave like one.
    """
    n = len(run)
    done = Decisions(
        np.zeros(n, np.uint8), np.zeros(n, np.uint8), {column: values_of(run, column).copy() for column in VALUES}
    )
    _whole_events(run, plan, done, machines)
    for column in VALUES:
        _outliers(run, plan, done, column, done.values[column])
    dwell = dwell_seconds(run.array("ts"), run.array("session"), done.reason == 0, len(run.sessions))
    _outliers(run, plan, done, DWELL, dwell)
    for column in VALUES:
        _missing(run, plan, done, column, events)
    return done


def _whole_events(run: Run, plan: Plan, done: Decisions, machines: npt.NDArray[np.uint64]) -> None:
    settings = plan.settings
    if settings.robots != "leave":
        suspect = np.repeat(np.isin(run.user_key, machines), np.diff(run.offsets))
        done.flags[suspect] |= FLAG_ROBOT
        if settings.robots == "drop":
            done.reason[suspect] = REASONS.index("robot")
    if settings.near_duplicates == "drop":
        done.reason[doubled(run, settings.near_window_us) & (done.reason == 0)] = REASONS.index("near_duplicate")


def _outliers(run: Run, plan: Plan, done: Decisions, column: str, values: npt.NDArray[np.float64]) -> None:
    rule, bounds = plan.settings.outliers.of(column), plan.bounds.get(column)
    if rule is None or bounds is None:
        return
    item = run.array("item")
    out = bounds.outside(item, values) & (done.reason == 0)
    done.flags[out] |= OUTLIER[column]
    if rule.action == "quarantine":
        done.reason[out] = REASONS.index(f"outlier_{column}")
    elif column in VALUES and rule.action == "blank":
        values[out] = np.nan
    elif column in VALUES and rule.action == "clip":
        values[out] = bounds.clipped(item[out], values[out])


def _missing(run: Run, plan: Plan, done: Decisions, column: str, events: Sequence[str]) -> None:
    fill = plan.fills.get(column)
    if fill is None:
        return
    values = done.values[column]
    empty = np.flatnonzero(expecting(run, column, events) & np.isnan(values) & (done.reason == 0))
    if not len(empty):
        return
    # A draw of its own for each column, which the seed and the row alone decide.
    draw = draws(run.array(ROW_HASH)[empty], np.uint64(2 * plan.settings.seed + VALUES.index(column)))
    values[empty] = fill.of(run.array("item")[empty], draw)
    done.flags[empty] |= IMPUTED[column]
