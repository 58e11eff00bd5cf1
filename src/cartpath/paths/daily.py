"""Volumes per day of the shop's time zone: events, active users, sessions and orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.calendar import Calendar, calendar
from cartpath.schema import Event
from cartpath.store import PathView, Snapshot
from cartpath.store.jit import kernel

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DailyResult:
    """Volumes per day.

    Attributes
    ----------
    days : Calendar
    counts : int64 array (n_days, 4)
        Events, active users, sessions begun, purchase steps.
    """

    days: Calendar
    counts: npt.NDArray[np.int64]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One record a day: ``day``, ``events``, ``users``, ``sessions``, ``purchases``."""
        names = ("events", "users", "sessions", "purchases")
        return [
            {"day": day, **dict(zip(names, row, strict=True))}
            for day, row in zip(self.days.labels, self.counts.tolist(), strict=False)
        ]

    @property
    def time_zone(self) -> str:
        """Where days begin."""
        return self.days.zone

    @property
    def frame(self) -> pd.DataFrame:
        """One row a day, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["day", "events", "users", "sessions", "purchases"])

    def to_dict(self) -> dict[str, Any]:
        """Return the days as JSON has them."""
        return {"time_zone": self.time_zone, "days": self.rows}


def daily(snap: Snapshot, time_zone: str = "UTC") -> DailyResult:
    """Count the volumes of each day of a store.

    Parameters
    ----------
    snap : Snapshot
    time_zone : str
        IANA name of the zone in which days begin.

    Returns
    -------
    DailyResult
        Days without any event between the first and the last are rows of zeros.
    """
    first_ts, last_ts = snap.totals.first_ts, snap.totals.last_ts
    if first_ts is None or last_ts is None:
        return DailyResult(calendar("day", time_zone, 0, 0), np.zeros((0, 4), np.int64))
    days = calendar("day", time_zone, first_ts, last_ts)
    scan = partial(scan_days, edges=days.edges, purchase=snap.code_of("event", Event.purchase))
    return DailyResult(days, engine.run(snap, scan, merge_days))


def scan_days(view: PathView, edges: Ints, purchase: int) -> Ints:
    """Count one bucket."""
    counts = _days(view.offsets, view.ts, view.event, view.step, edges, purchase)
    np.add.at(counts[:, 2], np.searchsorted(edges, view.sessions.start, side="right") - 1, 1)
    return counts


def merge_days(parts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Add the counts of buckets."""
    total: npt.NDArray[np.int64] = np.sum(np.stack(parts), axis=0)
    return total


@kernel
def _days(
    offsets: npt.NDArray[np.int64],
    ts: npt.NDArray[np.int64],
    event: npt.NDArray[np.int32],
    step: npt.NDArray[np.uint8],
    edges: npt.NDArray[np.int64],
    purchase: int,
) -> npt.NDArray[np.int64]:
    counts = np.zeros((len(edges) - 1, 4), np.int64)
    for user in range(len(offsets) - 1):
        day, midnight = -1, ts[offsets[user]]  # midnight: where the current day ends
        for i in range(offsets[user], offsets[user + 1]):
            if ts[i] >= midnight:
                day = np.searchsorted(edges, ts[i], side="right") - 1
                midnight = edges[day + 1]
                counts[day, 1] += 1
            counts[day, 0] += 1
            counts[day, 3] += step[i] == 1 and event[i] == purchase
    return counts
