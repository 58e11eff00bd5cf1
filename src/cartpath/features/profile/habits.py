r"""When a user comes: hours, weekends, and whether visits grow rarer.

A visit counts once, at the hour of its first event. With :math:`\theta_i` the hour as an angle, a day being one turn,
the mean hour is the direction of :math:`(\sum \cos\theta_i, \sum \sin\theta_i)` and the concentration its length
over the number of visits, 1 where all are at one hour (Mardia and Jupp, Directional Statistics, 2000).
"""

from __future__ import annotations

import numpy as np

from cartpath.features.profile.column import Column
from cartpath.features.profile.kernels import direction, slope
from cartpath.features.profile.past import DAY, Bools, Floats, Past, ratio
from cartpath.features.times import local_times

_PARTS = ("night", "morning", "afternoon", "evening")
COLUMNS: tuple[Column, ...] = (
    *(
        Column(f"share_{part}", "share of visits", f"Visits begun from {6 * i}:00 to before {6 * i + 6}:00, local.")
        for i, part in enumerate(_PARTS)
    ),
    Column("hour_mean", "hours", "Circular mean of the local hours at which visits began; unknown where they cancel."),
    Column("hour_concentration", "0 to 1", "Length of the mean vector of these hours: 1 where all are the same."),
    Column("share_weekend", "share of visits", "Visits begun on a Saturday or Sunday, local."),
    Column("gap_mean", "days", "Mean time from the beginning of a visit to that of the next."),
    Column(
        "gap_trend", "log seconds per visit", "Slope of ln(1 + gap in seconds) over the gaps in order, of 2 or more."
    ),
    Column("gap_last_to_mean", "ratio", "The last gap over `gap_mean`."),
    Column("overdue", "ratio", "Time since the last visit began, over `gap_mean`."),
)


def habits(past: Past) -> dict[str, Floats]:
    """Measure ``COLUMNS``, arrays (n_users,)."""
    local = local_times(past.starts, past.zone)
    visits = np.diff(past.visits).astype(np.float64)
    part = (local % DAY) // (DAY // len(_PARTS))
    mean, length = direction(past.visits, (local % DAY) / DAY)
    # 1 January 1970 was a Thursday.
    weekend: Bools = (local // DAY + 3) % 7 >= 5
    return {
        **{f"share_{name}": ratio(past.count_sessions(part == i), visits) for i, name in enumerate(_PARTS)},
        "hour_mean": 24 * mean,
        "hour_concentration": length,
        "share_weekend": ratio(past.count_sessions(weekend), visits),
        **_gaps(past, visits),
    }


def _gaps(past: Past, visits: Floats) -> dict[str, Floats]:
    first, last = past.visits[:-1], past.visits[1:] - 1
    mean, latest, since = (np.full(past.n_users, np.nan) for _ in range(3))
    some, several = visits > 0, visits > 1
    since[some] = past.at - past.starts[last[some]]
    mean[several] = (past.starts[last[several]] - past.starts[first[several]]) / (visits[several] - 1)
    latest[several] = past.starts[last[several]] - past.starts[last[several] - 1]
    return {
        "gap_mean": mean / DAY,
        "gap_trend": slope(past.visits, past.starts),
        "gap_last_to_mean": ratio(latest, mean),
        "overdue": ratio(since, mean),
    }
