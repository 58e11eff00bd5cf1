"""Cut-offs: the moments at which users are asked about, each with the whole of its horizon within one slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.funnel.words import duration
from cartpath.schema import MICROSECONDS, CartpathError, iso, seconds
from cartpath.tasks.split import SLICES, TimeSplit

#: More moments than this are a slip of the pen: each is a pass over the log.
_MOST = 10_000


@dataclass(frozen=True)
class Cutoffs:
    """When users are asked about, and how far the answers look.

    Attributes
    ----------
    at : int64 array (n,)
        Microseconds since 1970 UTC, ascending. What is before is known; an event exactly at a cut-off is not.
    slice : int64 array (n,)
        Place in ``SLICES``.
    horizon : int
        Microseconds: an answer is what happens in ``[at, at + horizon)``.
    """

    at: npt.NDArray[np.int64]
    slice: npt.NDArray[np.int64]
    horizon: int

    def __len__(self) -> int:
        return len(self.at)

    def of(self, name: str) -> npt.NDArray[np.int64]:
        """Return the moments of one slice."""
        found: npt.NDArray[np.int64] = self.at[self.slice == SLICES.index(name)]
        return found


def cutoffs(split: TimeSplit, horizon: str, first_ts: int, last_ts: int, step: str | None = None) -> Cutoffs:
    """Lay out the moments at which users are asked about, in each slice back from its end.

    The last answer of a slice ends where the slice ends, earlier ones a step before each other. An answer lies within
    one slice, so no event is in the answers of two. A cut-off may lie exactly where its slice begins: what it asks
    about is in the slice, what is known is before it. The test slice ends with the last event: a cut-off whose horizon
    goes on beyond it is censored, since nobody knows whether users come back.

    Of the training slice the first cut-off is after the first event: before it, nobody is known. A slice that is empty,
    or begins after the last event, has no cut-offs: it is there for what is added to the log later.

    Parameters
    ----------
    split : TimeSplit
    horizon : str
        How far an answer looks, such as ``"30d"``; a day is 24 hours.
    first_ts, last_ts : int
        Of the first and the last event of the log, microseconds since 1970 UTC.
    step : str, optional
        From one cut-off to the next. The horizon by default, so that answers do not overlap; with a shorter one users
        are asked about more often, and what happens once is in the answers of several rows, which then are no
        independent observations.

    Returns
    -------
    Cutoffs

    Raises
    ------
    CartpathError
        If a duration cannot be read, or a slice is shorter than the horizon, or there are too many cut-offs.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> found = cutoffs(TimeSplit((10 * day, 14 * day, 18 * day)), "3d", 0, 25 * day - 1)
    >>> {name: (found.of(name) // day).tolist() for name in ("train", "test")}, (found.at // day).tolist()
    ({'train': [1, 4, 7], 'test': [19, 22]}, [1, 4, 7, 11, 15, 19, 22])
    """
    length = seconds(horizon) * MICROSECONDS
    stride = length if step is None else seconds(step) * MICROSECONDS
    if length > last_ts - first_ts:
        raise CartpathError(
            f"the horizon of {horizon} is beyond the data, which are of {_words(last_ts + 1 - first_ts)}",
            f"choose a shorter horizon, or ingest more: the log is from {iso(first_ts)} to {iso(last_ts)}",
        )
    parts = [_back_from_end(split, name, length, stride, (first_ts, last_ts)) for name in SLICES]
    place = np.repeat(np.arange(len(SLICES)), [len(part) for part in parts])
    return Cutoffs(np.concatenate(parts), place, length)


def _back_from_end(
    split: TimeSplit, name: str, length: int, stride: int, data: tuple[int, int]
) -> npt.NDArray[np.int64]:
    begin, end = split.bounds(name)
    begin, end = max(begin, data[0] + 1), min(end, data[1] + 1)
    if begin >= end:
        return np.empty(0, np.int64)
    if end - begin < length:
        raise CartpathError(
            f"the {name} slice is {_words(end - begin)} long ({iso(begin)} to {iso(end)}), which has no room for a"
            f" horizon of {_words(length)}",
            "choose a shorter horizon, or dates that leave the slice more time: --train-until, --valid-until,"
            " --calibrate-until",
        )
    count = (end - length - begin) // stride + 1
    if count > _MOST:
        raise CartpathError(
            f"a step of {_words(stride)} asks at {count:,} moments of the {name} slice, {_MOST:,} at most",
            "choose a longer step",
        )
    return end - length - stride * np.arange(count - 1, -1, -1, dtype=np.int64)


def _words(microseconds: int) -> str:
    return duration(microseconds / MICROSECONDS)
