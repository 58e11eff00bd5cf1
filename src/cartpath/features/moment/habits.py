"""When the user comes: whether earlier sessions began at such a time of day, on such a day."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.ranges import Array, Index, ratio
from cartpath.features.times import local_times
from cartpath.schema import MICROSECONDS

_HOUR = 3600 * MICROSECONDS
#: Hours of a part of the day.
_PART = 4


def habits(block: Block) -> Described:
    """Say which share of the earlier sessions began at a time like this one's beginning."""
    hours = local_times(block.ts, block.zone) // _HOUR
    # 1970-01-01 was a Thursday.
    part, weekday = hours % 24 // _PART, (hours // 24 + 3) % 7
    first = block.session.first()
    sessions = block.before.count(block.begins_session)
    about = "share of the user's earlier sessions that began"
    same = ratio(_alike(block, part, part[first], 24 // _PART), sessions)
    yield Column("same_part_of_day", "share", f"{about} in the same {_PART} hours of the day", True), same
    same = ratio(_alike(block, weekday, weekday[first], 7), sessions)
    yield Column("same_weekday", "share", f"{about} on the same weekday", True), same
    weekend = ratio(block.before.count(block.begins_session & (weekday >= 5)), sessions)
    yield Column("weekend_sessions", "share", f"{about} at a weekend", True), weekend


def _alike(block: Block, values: Array, wanted: Array, n: int) -> Index:
    """Count the earlier sessions whose first event has the wanted one of ``n`` values (n,)."""
    counts = np.stack([block.before.count(block.begins_session & (values == value)) for value in range(n)])
    return counts[wanted, np.arange(len(wanted))]
