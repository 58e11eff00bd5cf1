"""Slices of time: what a model learns from, is chosen by, is calibrated on, is judged on, in that order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import check_known_before
from cartpath.paths.calendar import calendar
from cartpath.schema import CartpathError, iso
from cartpath.store.path import PathView
from cartpath.tasks.cuts import last_fifth

#: Slices in the order of time.
SLICES: tuple[str, ...] = ("train", "validation", "calibration", "test")
#: Slices that models are judged on, the better first: calibration has been used to calibrate, and nothing else.
JUDGED: tuple[str, ...] = ("test", "calibration")


@dataclass(frozen=True)
class TimeSplit:
    """Three cuts that part time into train, validation, calibration and test.

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

    def latest(self, last: int) -> str:
        """Return the slice to judge on: test where there is an event in it, else calibration.

        Parameters
        ----------
        last : int
            Moment of the last event, microseconds since 1970 UTC.

        Examples
        --------
        >>> TimeSplit((10, 20, 30)).latest(29), TimeSplit((10, 20, 30)).latest(30)
        ('calibration', 'test')
        """
        return JUDGED[0] if last >= self.cuts[2] else JUDGED[1]

    def to_dict(self) -> dict[str, str]:
        """Return where each slice after the first begins, as ISO 8601."""
        return {name: iso(cut) for name, cut in zip(SLICES[1:], self.cuts, strict=True)}


@dataclass(frozen=True)
class Dates:
    """Where slices end, as far as somebody said so, microseconds since 1970 UTC.

    Attributes
    ----------
    train, valid, calibrate : int, optional
        Nothing at or after it is learned from, chosen by, calibrated on.
    zone : str
        IANA name of the time zone whose days are counted where nobody said.
    """

    train: int | None = None
    valid: int | None = None
    calibrate: int | None = None
    zone: str = "UTC"


def check_judged(name: str | None) -> None:
    """Refuse a slice that models are not judged on; none stands for the better of those that are.

    Raises
    ------
    CartpathError
        If it is not one of ``JUDGED``.
    """
    if name is not None and name not in JUDGED:
        raise CartpathError(f"there is no slice {name!r} to judge on", f"known: {', '.join(JUDGED)}")


def time_split(view: PathView, dates: Dates | None = None) -> TimeSplit:
    """Cut the time of a view's events; see ``time_split_of``."""
    return time_split_of(lambda: [view.ts], dates)


def time_split_of(pieces: Callable[[], Iterable[npt.NDArray[np.int64]]], dates: Dates | None = None) -> TimeSplit:
    """Cut time at given dates; where there are none, at the last fifth of the days and at half of it.

    Without a given end of the calibration slice it ends with the last event, and the test slice begins after it: it
    has what is added to the log later. Where the training slice's end alone is given, the days from it on are halved.

    Parameters
    ----------
    pieces : callable
        Gives the times of all events piece by piece.
    dates : Dates, optional

    Returns
    -------
    TimeSplit

    Raises
    ------
    CartpathError
        If there are no events, or all have the same time, or none is before the end of the training slice, or the dates
        do not follow each other.

    Examples
    --------
    >>> times = np.arange(100)
    >>> time_split_of(lambda: [times[50:], times[:50]]).cuts
    (80, 90, 100)
    >>> time_split_of(lambda: [times], Dates(train=40)).cuts
    (40, 70, 100)
    """
    dates = dates or Dates()
    first, last = _ends(pieces)
    end = last + 1 if dates.calibrate is None else dates.calibrate
    default_train, default_valid = last_fifth(first, max(end - 1, first), dates.zone)
    train = default_train if dates.train is None else dates.train
    if train <= first:
        raise CartpathError(
            f"no event is before {iso(train)}, so there is nothing to learn from",
            f"the first event is at {iso(first)}: choose a later date",
        )
    if dates.calibrate is None:
        end = max(end, train, dates.valid or train)
    if dates.valid is not None:
        valid = dates.valid
    else:
        valid = default_valid if dates.train is None else _half(train, end, dates.zone)
    if not train <= valid <= end:
        raise CartpathError(
            f"slices must follow each other, but training ends at {iso(train)}, validation at {iso(valid)} and"
            f" calibration at {iso(end)}",
            "give dates in that order: --train-until, --valid-until, --calibrate-until",
        )
    return TimeSplit((train, valid, end))


def _ends(pieces: Callable[[], Iterable[npt.NDArray[np.int64]]]) -> tuple[int, int]:
    """Return the first and the last time, or say that there is nothing to cut."""
    ends = [(int(piece.min()), int(piece.max())) for piece in pieces() if len(piece)]
    if not ends:
        raise CartpathError("there are no events to learn from", "ingest some first: cartpath ingest SHOP SOURCE")
    first, last = min(first for first, _ in ends), max(last for _, last in ends)
    if first == last:
        raise CartpathError(
            "all events have the same time, so nothing can be split by time", "ingest a log whose events have times"
        )
    return first, last


def _half(begin: int, end: int, zone: str) -> int:
    """Return the middle of a stretch of time: at midnight where it has two days or more."""
    if end <= begin:
        return begin
    days = calendar("day", zone, begin, end - 1).edges
    middle = int(days[len(days) // 2])
    return middle if len(days) > 2 and begin < middle < end else begin + (end - begin) // 2


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
