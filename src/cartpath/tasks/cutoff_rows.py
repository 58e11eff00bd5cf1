"""Who is asked about at a cut-off: users who were active before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.paths.names import codes_of
from cartpath.schema import MICROSECONDS, CartpathError, seconds
from cartpath.store.path import PathView
from cartpath.tasks.cutoffs import Cutoffs, cutoffs
from cartpath.tasks.split import SLICES, TimeSplit, check_unshaped

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CutoffRows:
    """Users at cut-offs, by cut-off, then by user.

    Attributes
    ----------
    user : int64 array (n,)
        Row in the view.
    ends : int64 array (n,)
        Place in the path of the user's first event at or after the cut-off; nothing from there on may be known.
    cutoff : int64 array (n,)
        Microseconds since 1970 UTC.
    slice : int64 array (n,)
        Place in ``SLICES``.
    """

    user: Ints
    ends: Ints
    cutoff: Ints
    slice: Ints

    def __len__(self) -> int:
        return len(self.user)

    def of(self, name: str) -> Self:
        """Return the rows of one slice."""
        return self.take(np.flatnonzero(self.slice == SLICES.index(name)))

    def take(self, rows: Ints) -> Self:
        """Return some of the rows."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: of[rows] for name, of in values.items() if isinstance(of, np.ndarray)})


def by_cutoff(rows: CutoffRows) -> Iterator[tuple[int, slice]]:
    """Yield each cut-off and where its rows are, while they are in their order."""
    for moment in np.unique(rows.cutoff):
        first, last = (int(np.searchsorted(rows.cutoff, moment + more)) for more in (0, 1))
        yield int(moment), slice(first, last)


def ends_at(view: PathView, moment: int) -> Ints:
    """Return the place in the path of each user's first event at or after a moment, or the path's end (n_users,)."""
    before = np.concatenate([[0], np.cumsum(view.ts < moment)])
    ends: Ints = view.offsets[:-1] + before[view.offsets[1:]] - before[view.offsets[:-1]]
    return ends


def count_until(log: Log, event: str | None = None) -> Ints:
    """Return how many events of a name, or of any, are before each place of all paths (n_events + 1,).

    Raises
    ------
    CartpathError
        If no such event was ever seen.
    """
    view = log.view
    if event is None:
        return np.arange(view.n_events + 1, dtype=np.int64)
    seen = view.event == log.event_codes.get(event, -2)
    if not seen.any():
        known = [name for code, name in enumerate(log.codes("event")) if (view.event == code).any()]
        message, _, hint = "".join(codes_of([event], known)[1]).partition("; ")
        raise CartpathError(message, hint)
    return np.concatenate([[0], np.cumsum(seen)]).astype(np.int64)


def asked_users(log: Log, cuts: Cutoffs, active_within: str | None = None, event: str | None = None) -> CutoffRows:
    """Find who is asked about: users with an event before the cut-off, and not too long before.

    Nothing is looked at from the cut-off on, so the same users are asked about where the answers are not known yet.
    Soon after the log begins users were seen for less long than at later cut-offs: fewer are asked about, and less is
    known of them.

    Parameters
    ----------
    log : Log
    cuts : Cutoffs
    active_within : str, optional
        How long before the cut-off, such as ``"90d"``; however long by default. An event exactly so long before counts.
    event : str, optional
        The event that makes a user active, such as ``"purchase"``; any by default.

    Returns
    -------
    CutoffRows

    Raises
    ------
    CartpathError
        If the log has no times, or no such event was ever seen, or the duration cannot be read.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = [datetime(1970, 1, day, tzinfo=UTC) for day in (1, 5, 8)]
    >>> log = log_from_table(pa.table({"user_id": ["a", "b", "b"], "ts": when, "event": ["view"] * 3}))
    >>> week = Cutoffs(np.array([7 * 86_400_000_000]), np.array([0]), 1)
    >>> [log.view.user_id.take(asked_users(log, week, within).user).to_pylist() for within in ("3d", "2d")]
    [['b'], []]
    """
    _check_timed(log)
    total = count_until(log, event)
    within = None if active_within is None else seconds(active_within) * MICROSECONDS
    none = np.empty(0, np.int64)
    parts = [(none, none, none, none)]
    for at, place in zip(cuts.at.tolist(), cuts.slice.tolist(), strict=True):
        ends = ends_at(log.view, at)
        begins = log.view.offsets[:-1] if within is None else ends_at(log.view, at - within)
        user = np.flatnonzero(total[ends] > total[begins])
        parts.append((user, ends[user], np.full(len(user), at), np.full(len(user), place)))
    return CutoffRows(*(np.concatenate(of) for of in zip(*parts, strict=True)))


def cutoffs_of(log: Log, split: TimeSplit, horizon: str, step: str | None = None) -> Cutoffs:
    """Lay out the cut-offs of a log; see ``cutoffs``.

    Raises
    ------
    CartpathError
        If the log is empty or has no times, what came after the first cut shaped the paths before it, or there is no
        room for the horizon.
    """
    if not log.view.n_events:
        raise CartpathError("there are no events to learn from", "ingest some first: cartpath ingest SHOP SOURCE")
    _check_timed(log)
    check_unshaped(log.shaped_until, split)
    return cutoffs(split, horizon, int(log.view.ts.min()), int(log.view.ts.max()), step)


def _check_timed(log: Log) -> None:
    if not log.timed:
        raise CartpathError("the log says the order of its events alone", "use a log that says when they were")


def check_asked(rows: CutoffRows, name: str) -> None:
    """Refuse a slice in which nobody is asked about.

    Raises
    ------
    CartpathError
    """
    if not (rows.slice == SLICES.index(name)).any():
        raise CartpathError(
            f"nobody is asked about in the {name} slice: no user was active before its cut-offs",
            "choose a longer time within which users were active, or later dates: --train-until, --valid-until,"
            " --calibrate-until",
        )


def check_labels(rows: CutoffRows, label: npt.NDArray[np.int8], name: str, what: str) -> None:
    """Refuse a slice in which nobody is asked about, or every answer is the same: there is nothing to tell apart.

    Parameters
    ----------
    rows : CutoffRows
    label : int8 array (n,)
    name : str
        Of the slice.
    what : str
        What label 1 says, in words.

    Raises
    ------
    CartpathError

    Examples
    --------
    >>> place = np.array([0, 0])
    >>> check_labels(CutoffRows(place, place, place, place), np.array([0, 1], np.int8), "train", "come back")
    """
    check_asked(rows, name)
    asked = label[rows.slice == SLICES.index(name)]
    if asked.min() == asked.max():
        kind = "all" if asked[0] else "none"
        raise CartpathError(
            f"{kind} of the {len(asked):,} rows of the {name} slice {what}, so there is nothing to learn",
            "choose another horizon, or other dates: --train-until, --valid-until, --calibrate-until",
        )
