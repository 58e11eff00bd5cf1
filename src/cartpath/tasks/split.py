"""Slices of time: what a model learns from, is calibrated on, is judged on, in that order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import check_known_before, order_statistics
from cartpath.schema import CartpathError, iso
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


def time_split(view: PathView, shares: Sequence[float] = DEFAULT_SHARES, until: int | None = None) -> TimeSplit:
    """Cut time so that the given shares of the events come before each cut.

    Parameters
    ----------
    view : PathView
    shares : sequence of three floats
        Ascending, between 0 and 1.
    until : int, optional
        The first cut, instead of the one by share.

    Returns
    -------
    TimeSplit

    Raises
    ------
    CartpathError
        If there are no events, or all have the same time, or none is before ``until``.
    """
    return time_split_of(lambda: [view.ts], shares, until)


def time_split_of(
    pieces: Callable[[], Iterable[npt.NDArray[np.int64]]],
    shares: Sequence[float] = DEFAULT_SHARES,
    until: int | None = None,
) -> TimeSplit:
    """Cut time so that the given shares of the events come before each cut, reading their times in pieces.

    Parameters
    ----------
    pieces : callable
        Gives the times of all events piece by piece, the same each time.
    shares : sequence of three floats
        Ascending, between 0 and 1.
    until : int, optional
        The first cut, instead of the one by share. The others part the events from it on as they would have been.

    Returns
    -------
    TimeSplit

    Raises
    ------
    CartpathError
        If there are no events, or all have the same time, or none is before ``until``.

    Examples
    --------
    >>> times = np.arange(100)
    >>> time_split_of(lambda: [times[50:], times[:50]]).cuts
    (70, 80, 90)
    >>> time_split_of(lambda: [times], until=40).cuts
    (40, 60, 80)
    """
    n, first_ts, last_ts = 0, 2**63 - 1, -(2**63)
    for piece in pieces():
        if len(piece):
            n, first_ts, last_ts = n + len(piece), min(first_ts, int(piece.min())), max(last_ts, int(piece.max()))
    if not n:
        raise CartpathError("there are no events to learn from", "ingest some first: cartpath ingest SHOP SOURCE")
    if first_ts == last_ts:
        raise CartpathError(
            "all events have the same time, so nothing can be split by time", "ingest a log whose events have times"
        )
    if until is not None:
        return _split_at(pieces, shares, until, first_ts, last_ts)
    places = [min(int(share * n), n - 1) for share in shares]
    first, second, third = (int(ts) for ts in order_statistics(pieces, places))
    # Cuts are at events; the first slice must not be empty even where most events share one time.
    if first <= first_ts:
        first = min(int(piece[piece > first_ts].min()) for piece in pieces() if (piece > first_ts).any())
    second = max(second, first)
    return TimeSplit((first, second, max(third, second)))


def _split_at(
    pieces: Callable[[], Iterable[npt.NDArray[np.int64]]],
    shares: Sequence[float],
    until: int,
    first_ts: int,
    last_ts: int,
) -> TimeSplit:
    if until <= first_ts:
        raise CartpathError(
            f"no event is before {iso(until)}, so there is nothing to learn from",
            f"the first event is at {iso(first_ts)}: choose a later date",
        )
    if until > last_ts:
        return TimeSplit((until, until, until))
    learned = sum(int((piece < until).sum()) for piece in pieces())
    later = sum(len(piece) for piece in pieces()) - learned
    # Of what comes from the cut on, the shares that the slices have of it by default.
    part = [(share - shares[0]) / (1 - shares[0]) for share in shares[1:]]
    places = [learned + min(int(round(p * later, 6)), later - 1) for p in part]
    second, third = (int(ts) for ts in order_statistics(pieces, places))
    return TimeSplit((until, max(second, until), max(third, until)))


def check_trained_before(trained_until: int, split: TimeSplit) -> None:
    """Refuse a pretrained model that saw what an experiment must not know.

    Parameters
    ----------
    trained_until : int
        Where the model's training ended, microseconds since 1970 UTC: it saw nothing at or after it.
    split : TimeSplit
        Of the experiment.

    Raises
    ------
    CartpathError
        If the training went beyond the experiment's first cut.

    Examples
    --------
    >>> check_trained_before(10, TimeSplit((10, 20, 30)))
    """
    if trained_until > split.train_until:
        raise CartpathError(
            f"the pretrained model saw events until {iso(trained_until)}, but the experiment may know nothing from"
            f" {iso(split.train_until)} on",
            f"pretrain for it: cartpath pretrain SHOP --train-until {iso(split.train_until)}",
        )


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
    check_known_before(shaped_until, split.train_until)
