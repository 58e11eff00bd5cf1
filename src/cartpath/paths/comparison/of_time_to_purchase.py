"""``time-to-purchase`` compared: how long it takes from the start to the goal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.comparison.survival import Survival
from cartpath.paths.counting import Counting
from cartpath.schema import MICROSECONDS
from cartpath.store import Snapshot

if TYPE_CHECKING:
    from cartpath.paths.survival import Curve

_DAY = 86400 * MICROSECONDS


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return the times of both groups; who has not converted yet is censored."""
    from cartpath.paths.time_to_purchase import time_to_purchase

    one, other = (time_to_purchase(snap, counting, **options) for counting in (a, b))
    start, goal = one.events
    name = f"from {'the first event' if start == '*' else start} to {goal}"
    made = Measure(name, "survival", survival_of(one.curve), survival_of(other.curve), "days")
    return Found([made], warnings=one.missed)


COMPARABLE = Comparable(measures, options=("start", "goal"))


def survival_of(curve: Curve) -> Survival:
    """Return a Kaplan-Meier curve as a table of days."""
    time, leaving = np.unique(curve.durations, return_counts=True)
    events = np.zeros(len(time), np.int64)
    events[np.searchsorted(time, curve.times)] = curve.conversions
    return Survival(time / _DAY, events, leaving - events)
