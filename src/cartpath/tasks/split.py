"""Slices of time: what a model learns from, is calibrated on, is judged on, in that order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.schema import MICROSECONDS, CartpathError, iso
from cartpath.store.path import PathView

#: Slices in the order of time.
SLICES: tuple[str, ...] = ("train", "calibration", "validation", "test")
#: Shares of the events before each cut.
DEFAULT_SHARES: tuple[float, ...] = (0.7, 0.8, 0.9)


@dataclass(frozen=True)
class TimeSplit:
    """Three cuts that part time into train, calibration, validation and test.

    Attributes
    ----------
    cuts : tuple of int
        Microseconds since 1970 UTC, ascending. A slice begins at its cut and ends before the next.

    Examples
    --------
    >>> split = TimeSplit((10, 20, 30))
    >>> split.slice_of(np.array([5, 5, 20]), np.array([9, 12, 29])).tolist()
    [0, -1, 2]
    """

    cuts: tuple[int, int, int]

    @property
    def train_until(self) -> int:
        """The first cut: nothing at or after it may be learned from."""
        return self.cuts[0]

    def bounds(self, name: str) -> tuple[int, int]:
        """Return the first moment of a slice and the first moment after it."""
        edges = [-(2**63), *self.cuts, 2**63 - 1]
        place = SLICES.index(name)
        return edges[place], edges[place + 1]

    def slice_of(self, start: npt.NDArray[Any], end: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return the slice of each stretch of time (n,), by place in ``SLICES``; -1 if it straddles a cut.

        Parameters
        ----------
        start, end : int64 array (n,)
            First and last moment, microseconds since 1970.
        """
        first = np.searchsorted(self.cuts, start, side="right")
        last = np.searchsorted(self.cuts, end, side="right")
        return np.where(first == last, first, -1).astype(np.int64)

    def to_dict(self) -> dict[str, str]:
        """Return where each slice after the first begins, as ISO 8601."""
        return {name: iso(cut) for name, cut in zip(SLICES[1:], self.cuts, strict=True)}


def time_split(view: PathView, shares: Sequence[float] = DEFAULT_SHARES) -> TimeSplit:
    """Cut time so that the given shares of the events come before each cut.

    Parameters
    ----------
    view : PathView
    shares : sequence of three floats
        Ascending, between 0 and 1.

    Returns
    -------
    TimeSplit

    Raises
    ------
    CartpathError
        If there are no events, or all have the same time.
    """
    if not view.n_events:
        raise CartpathError("there are no events to learn from", "ingest some first: cartpath ingest SHOP SOURCE")
    ts = np.sort(view.ts)
    if ts[0] == ts[-1]:
        raise CartpathError(
            "all events have the same time, so nothing can be split by time", "ingest a log whose events have times"
        )
    places = [min(int(share * len(ts)), len(ts) - 1) for share in shares]
    first, second, third = (int(ts[place]) for place in places)
    # Cuts are at events; the first slice must not be empty even where most events share one time.
    first = first if first > ts[0] else int(ts[np.searchsorted(ts, ts[0], side="right")])
    second = max(second, first)
    return TimeSplit((first, second, max(third, second)))


def check_unshaped(shaped_until: int, split: TimeSplit) -> None:
    """Refuse a split whose training slice was shaped by what came after it.

    Parameters
    ----------
    shaped_until : int
        ``Snapshot.shaped_until``.
    split : TimeSplit

    Raises
    ------
    CartpathError
        If values were cleaned by figures of later events, or paths joined by links first seen later.

    Examples
    --------
    >>> check_unshaped(10, TimeSplit((10, 20, 30)))
    """
    if shaped_until > split.train_until:
        day = iso(split.train_until - split.train_until % (86_400 * MICROSECONDS))
        raise CartpathError(
            f"paths before {iso(split.train_until)} were cleaned or joined by what is known from later events",
            f'set until = "{day[:10]}" in [cleaning] and [identity] of cartpath.toml, then run: cartpath clean SHOP'
            " (links need times, or untimed_known = true)",
        )
