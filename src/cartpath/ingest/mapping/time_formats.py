"""Which way a column writes times, if it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.text import as_text
from cartpath.ingest.times import Clock, as_times
from cartpath.schema import microseconds_of

_EARLIEST = microseconds_of("1995-01-01")
_CLOCKS = (" %H:%M:%S", " %H:%M", "T%H:%M:%S", " %I:%M:%S %p", " %I:%M %p", "")
_DATES = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%Y.%m.%d",
    "%d %b %Y",
    "%b %d %Y",
    "%Y年%m月%d日",
)
#: Patterns tried on text that is not ISO 8601.
PATTERNS = (*(date + clock for date in _DATES for clock in _CLOCKS), "%d/%b/%Y:%H:%M:%S %z")
_OFFSET = r"(?i)(z|utc|gmt|[+-][0-9]{2}:?[0-9]{2})\s*$"
_ENOUGH = 0.8


@dataclass(frozen=True)
class TimeFacts:
    """How a column tells the time.

    Attributes
    ----------
    share : float
        Of its values, those that are times between 1995 and now.
    pattern : str, optional
        Their ``strptime`` format, where they are not ISO 8601 or numbers since 1970.
    other : str, optional
        Another format that reads as many: day and month cannot be told apart.
    local : bool
        They have no offset and are no numbers.
    unit : str, optional
        Of numbers: s, ms, us or ns.
    dates_only : bool
        They are all midnights.
    """

    share: float = 0.0
    pattern: str | None = None
    other: str | None = None
    local: bool = False
    unit: str | None = None
    dates_only: bool = False


def time_facts(values: pa.Array) -> TimeFacts:
    """Say whether a column is of times, and how it writes them.

    Examples
    --------
    >>> time_facts(pa.array(["31.12.2020 10:00", "01.01.2021 09:30"])).pattern
    '%d.%m.%Y %H:%M'
    >>> time_facts(pa.array([1396437466.94])).unit, time_facts(pa.array(["12", "13"])).share
    ('s', 0.0)
    """
    given = values.drop_null()
    if not len(given) or pa.types.is_boolean(values.type):
        return TimeFacts()
    if not (pa.types.is_string(given.type) or pa.types.is_large_string(given.type)):
        share, midnight = _share(given, Clock())
        is_time = pa.types.is_temporal(given.type)
        local = is_time and getattr(given.type, "tz", None) is None
        return TimeFacts(share, local=local, unit=None if is_time else _unit(given), dates_only=is_time and midnight)
    text = as_text(given).drop_null()
    share, midnight = _share(text, Clock())
    if share >= _ENOUGH:
        numbers = pc.all(pc.match_substring_regex(text, r"^\s*[0-9]{9,}(\.[0-9]+)?\s*$")).as_py()
        local = not numbers and not pc.any(pc.match_substring_regex(text, _OFFSET)).as_py()
        unit = _unit(pc.cast(text, pa.float64())) if numbers else None
        return TimeFacts(share, local=local, unit=unit, dates_only=midnight and not numbers)
    return _by_pattern(text)


def _share(values: pa.Array, clock: Clock) -> tuple[float, bool]:
    """Return the share of values that are times, and whether all of these are midnights."""
    times, read = as_times(values, clock)
    latest = microseconds_of(datetime.now(UTC) + timedelta(days=1))
    good = read & (times >= _EARLIEST) & (times <= latest)
    return float(good.sum() / len(values)), bool((times[good] % 86_400_000_000 == 0).all())


def _unit(values: pa.Array) -> str:
    middle = float(np.median(np.abs(pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False))))
    return "s" if middle < 1e11 else "ms" if middle < 1e14 else "us" if middle < 1e17 else "ns"


def _by_pattern(text: pa.Array) -> TimeFacts:
    if not pc.any(pc.match_substring_regex(text.slice(0, 1000), r"[0-9].*[./\- 年:].*[0-9]")).as_py():
        return TimeFacts()
    head = text.slice(0, 200)
    tried = [pattern for pattern in PATTERNS if _share(head, Clock(pattern=pattern))[0] >= _ENOUGH]
    found = sorted(((_share(text, Clock(pattern=p)), p) for p in tried), key=lambda pair: -pair[0][0])
    if not found or found[0][0][0] < _ENOUGH:
        return TimeFacts()
    (share, midnight), pattern = found[0]
    other = next((p for (s, _), p in found[1:] if s == share), None)
    return TimeFacts(share, pattern, other, "%z" not in pattern, dates_only=midnight)
