"""Times as model input: the gap before an event on a standard scale, hour and weekday as circles and as buckets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.features.moments import moments
from cartpath.features.table import FeatureTable
from cartpath.ingest.cleaning import statistics
from cartpath.ingest.cleaning.observed import COARSE, Observed, merge_observed, observe
from cartpath.schema import MICROSECONDS, CartpathError, microseconds_of
from cartpath.store import PathView

Array = npt.NDArray[Any]
_DAY = 86_400 * MICROSECONDS
#: Columns of ``time_features`` and their units.
UNITS = {
    "gap": "logarithm of 1 + seconds since the user's event before, less its mean, over its standard deviation; NaN "
    "at the user's first event",
    "hour_sin": "sine of the local time of day, midnight to midnight being one turn",
    "hour_cos": "cosine of it",
    "weekday_sin": "sine of the local time of week, Monday 00:00 to Monday 00:00 being one turn",
    "weekday_cos": "cosine of it",
    "hour_bucket": "local hour, 0 to 23, divided by the hours of a bucket, rounded down",
    "weekday": "0 (Monday) to 6, local",
}


@dataclass(frozen=True)
class GapScale:
    """Mean and standard deviation of the logarithm of 1 + seconds between a user's events, and of how many gaps."""

    mean: float
    deviation: float
    fitted_on: int

    def to_dict(self) -> dict[str, Any]:
        """Return the scale as JSON has it; ``GapScale(**found)`` reads it back."""
        return dict(vars(self))


def gaps(view: PathView, until: int | None = None) -> Observed:
    """Return the logarithms of the gaps between events before a moment (microseconds): a partial of ``gap_scale``."""
    found = moments(view).gap
    known = found >= 0
    if until is not None:
        known &= view.ts < until
    return observe(None, np.log1p(found[known]), level=COARSE)


def gap_scale(parts: Iterable[Observed]) -> GapScale:
    """Put the partials of all buckets together; values are rounded to 12 binary digits.

    Raises
    ------
    CartpathError
        If no user has two events.
    """
    found = reduce(lambda a, b: merge_observed([a, b]), parts)
    if not found.total:
        raise CartpathError("no user has two events before that moment", "fit the scale of gaps on a longer period")
    deviation = statistics.deviation(found.value, found.count)
    return GapScale(statistics.mean(found.value, found.count), deviation or 1.0, found.total)


def fit_gap_scale(views: Iterable[PathView], until: str | None = None) -> GapScale:
    """Fit the scale of gaps on the events before a moment, whose gaps end before it too.

    Parameters
    ----------
    views : iterable of PathView
        Buckets; one is held at a time.
    until : str, optional
        ISO 8601; a model's scale is fitted on what it is trained on.
    """
    moment = microseconds_of(until) if until else None
    return gap_scale(gaps(view, moment) for view in views)


def time_features(view: PathView, scale: GapScale, zone: str = "UTC", bucket_hours: int = 4) -> FeatureTable:
    """Describe the time of each event; ``UNITS`` says in which units. Nothing here looks ahead.

    Parameters
    ----------
    view : PathView
    scale : GapScale
    zone : str
        IANA zone of the shoppers: hours and weekdays are of its clocks.
    bucket_hours : int
        Hours that share a bucket; a divisor of 24.

    Returns
    -------
    FeatureTable (n_events rows)

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> from cartpath.store import view_from_table
    >>> when = [datetime(2024, 1, 1, 18, tzinfo=UTC)]
    >>> view, _ = view_from_table(pa.table({"user_id": ["u"], "ts": when, "event": ["view"]}))
    >>> found = time_features(view, GapScale(3.0, 1.5, 100))
    >>> dict(zip(found.names, found.values[0].round(2).tolist()))["hour_sin"]
    -1.0
    """
    if bucket_hours < 1 or 24 % bucket_hours:
        raise CartpathError(f"a bucket of {bucket_hours} hours does not divide the day", "use 1, 2, 3, 4, 6, 8 or 12")
    local = local_times(view.ts, zone)
    of_day = (local % _DAY) / _DAY
    # 1970-01-01 was a Thursday.
    of_week = ((local + 3 * _DAY) % (7 * _DAY)) / (7 * _DAY)
    gap = moments(view).gap
    columns = {
        "gap": np.where(gap >= 0, (np.log1p(np.maximum(gap, 0)) - scale.mean) / scale.deviation, np.nan),
        "hour_sin": np.sin(2 * np.pi * of_day),
        "hour_cos": np.cos(2 * np.pi * of_day),
        "weekday_sin": np.sin(2 * np.pi * of_week),
        "weekday_cos": np.cos(2 * np.pi * of_week),
        "hour_bucket": np.floor(of_day * 24 / bucket_hours),
        "weekday": np.floor(of_week * 7),
    }
    values = np.column_stack(list(columns.values())).astype(np.float32)
    return FeatureTable(list(columns), values, ["hour_bucket", "weekday"])


def local_times(ts: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int64]:
    """Return what clocks of a zone show, as microseconds since their 1970 (n,)."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise CartpathError(f"no time zone {zone!r}", "use an IANA name, such as Europe/Berlin") from None
    if zone == "UTC":
        return ts
    shown = pc.local_timestamp(pa.array(ts, pa.timestamp("us", tz=zone)))
    out: npt.NDArray[np.int64] = shown.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return out
