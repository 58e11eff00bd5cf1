"""Volumes per day (UTC): events, active users, sessions and orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.schema import MICROSECONDS, Event
from cartpath.store import PathView, Snapshot
from cartpath.store.jit import kernel

if TYPE_CHECKING:
    import pandas as pd

DAY = 86400 * MICROSECONDS


@dataclass(frozen=True)
class DailyResult:
    """Volumes per day.

    Attributes
    ----------
    first_day : int
        Days since 1970 of the first row.
    counts : int64 array (n_days, 4)
        Events, active users, sessions begun, purchase steps.
    """

    first_day: int
    counts: npt.NDArray[np.int64]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One record a day: ``day``, ``events``, ``users``, ``sessions``, ``purchases``."""
        names = ("events", "users", "sessions", "purchases")
        return [
            {"day": _date(self.first_day + i), **dict(zip(names, row, strict=True))}
            for i, row in enumerate(self.counts.tolist())
        ]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a day, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["day", "events", "users", "sessions", "purchases"])

    def to_dict(self) -> dict[str, Any]:
        """Return the days as JSON has them."""
        return {"days": self.rows}


def daily(snap: Snapshot) -> DailyResult:
    """Count the volumes of each day of a store.

    Parameters
    ----------
    snap : Snapshot

    Returns
    -------
    DailyResult
        Days without any event between the first and the last are rows of zeros.
    """
    first_ts, last_ts = snap.totals.first_ts, snap.totals.last_ts
    if first_ts is None or last_ts is None:
        return DailyResult(0, np.zeros((0, 4), np.int64))
    first = first_ts // DAY
    scan = partial(
        scan_days, first=first, n_days=last_ts // DAY - first + 1, purchase=snap.code_of("event", Event.purchase)
    )
    return DailyResult(first, engine.run(snap, scan, merge_days))


def scan_days(view: PathView, first: int, n_days: int, purchase: int) -> npt.NDArray[np.int64]:
    """Count one bucket."""
    counts = _days(view.offsets, view.ts, view.event, view.step, first, n_days, purchase)
    np.add.at(counts[:, 2], view.sessions.start // DAY - first, 1)
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
    first: int,
    n_days: int,
    purchase: int,
) -> npt.NDArray[np.int64]:
    counts = np.zeros((n_days, 4), np.int64)
    for user in range(len(offsets) - 1):
        day, midnight = -1, ts[offsets[user]]  # midnight: where the current day ends
        for i in range(offsets[user], offsets[user + 1]):
            if ts[i] >= midnight:
                day = ts[i] // DAY - first
                midnight = (day + first + 1) * DAY
                counts[day, 1] += 1
            counts[day, 0] += 1
            counts[day, 3] += step[i] == 1 and event[i] == purchase
    return counts


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86400, UTC).strftime("%Y-%m-%d")
