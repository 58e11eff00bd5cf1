"""Where scores change with the future of their rows, and with what a fit may not have read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.tasks import CutoffRows, RepeatRows, repeated
from cartpath.tasks.cutoff_rows import ends_at
from cartpath.training.leak.futures import changed_after, changed_catalogue, cut_after

Index = npt.NDArray[np.int64]
Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
#: How much scores may differ where the future has not come yet, of 1 or of their size: sums of networks depend, in the
#: last bits, on which paths lie beside one another. Where the future is another one they are equal to the bit.
TOLERANCE = 1e-6


class Rows(Protocol):
    """Questions about users, each with the end of what may be known of the path."""

    @property
    def user(self) -> Index:
        """Row of each user in the view (n,)."""

    @property
    def ends(self) -> Index:
        """Place in the path from which on nothing may be known (n,)."""

    def take(self, rows: Any) -> Self:
        """Return some of them."""

    def __len__(self) -> int:
        """How many there are."""


#: From a log and rows (n) to an array (n, ...): answers, or columns.
Score = Callable[[Log, Any], Array]


def score_changes(score: Score, log: Log, rows: Rows, *, seed: int = 0, catalogue: bool = True) -> Mask:
    """Mark the scores that change with what comes after their rows: with another future, and with none.

    Of rows at cut-offs every cut-off is looked at, and all users' events at or after it change. Of other rows one of
    each user is, drawn at random, and the path from its end on changes.

    Parameters
    ----------
    score : callable
        A log and rows to an array (n, ...).
    log : Log
    rows : Rows (n)
    seed : int
    catalogue : bool
        Whether what the catalogue says of items that are not seen before is of the future, too.

    Returns
    -------
    bool array (n, ...)
        As the scores; rows that are not looked at do not change.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> from cartpath.tasks import TimeSplit, intent_rows
    >>> when = pa.array([0, 1, 2, 3], pa.timestamp("s", tz="UTC"))
    >>> events = {"user_id": ["u", "u", "v", "v"], "ts": when, "event": ["view", "view", "view", "purchase"]}
    >>> log = log_from_table(pa.table(events))
    >>> rows = intent_rows(log, TimeSplit((2**62,) * 3), steps=[1])
    >>> score_changes(lambda log, rows: log.view.ts[rows.ends - 1], log, rows).tolist()
    [False, False]
    >>> score_changes(lambda log, rows: log.view.sessions.end[rows.session], log, rows).tolist()
    [True, True]
    """
    found: list[tuple[Index, Mask]] = []
    for mine, ends, until in _rounds(log, rows, seed):
        asked = rows.take(mine)
        # Asked together again, as a score may depend in its last bits on the rows beside it.
        before = score(log, asked)
        changed = np.zeros(before.shape, np.bool_)
        for other, others, tolerance in _futures(log, asked, ends, until, seed, catalogue):
            changed |= _differ(before, score(other, others), tolerance)
        found.append((mine, changed))
    shape = found[0][1].shape[1:] if found else score(log, rows).shape[1:]
    every = np.zeros((len(rows), *shape), np.bool_)
    for mine, changed in found:
        every[mine] = changed
    return every


def fit_changes(
    fit: Callable[[Log], Score], log: Log, until: int, rows: Rows, *, seed: int = 0, catalogue: bool = False
) -> Mask:
    """Mark the scores that change when what comes at or after a moment is another thing while a model is fitted.

    Parameters
    ----------
    fit : callable
        A log to a score. It may be of several models, a column each.
    log : Log
    until : int
        The moment, microseconds since 1970: a fit may read what comes before.
    rows : Rows (n)
        What both fits are asked, of the log itself.
    seed : int
    catalogue : bool
        Whether what the catalogue says of items that are not seen before is changed, too.

    Returns
    -------
    bool array (n, ...)
        All of them where the shapes differ.
    """
    ends = ends_at(log.view, until)
    other = changed_after(log, ends, seed, until)
    other = changed_catalogue(other, ends, seed) if catalogue else other
    before, after = (fit(one)(log, rows) for one in (log, other))
    return _differ(before, after, 0.0) if before.shape == after.shape else np.ones(before.shape, np.bool_)


def _rounds(log: Log, rows: Rows, seed: int) -> Iterator[tuple[Index, Index, int | None]]:
    """Yield rows that can be looked at together, the ends of all users' paths, and when their future begins."""
    if isinstance(rows, CutoffRows):
        for moment in np.unique(rows.cutoff).tolist():
            yield np.flatnonzero(rows.cutoff == moment), ends_at(log.view, moment), moment
        return
    order = np.random.default_rng(seed).permutation(len(rows))
    mine = np.sort(order[np.unique(rows.user[order], return_index=True)[1]])
    ends = log.view.offsets[1:].copy()
    ends[rows.user[mine]] = rows.ends[mine]
    yield mine, ends, None


def _futures(
    log: Log, rows: Rows, ends: Index, until: int | None, seed: int, catalogue: bool
) -> Iterator[tuple[Log, Rows, float]]:
    """Yield logs of other futures, the rows in them, and how much scores may differ."""
    logs = ((changed_after(log, ends, seed, until), 0.0), (cut_after(log, ends), TOLERANCE))
    for other, tolerance in logs:
        other = changed_catalogue(other, ends_in(other, log, ends), seed) if catalogue else other
        yield other, _moved(rows, log, other, ends), tolerance


def ends_in(other: Log, log: Log, ends: Index) -> Index:
    """Return the ends of all users' paths in a log that has the same events before them."""
    moved: Index = other.view.offsets[:-1] + ends - log.view.offsets[:-1]
    return moved


def _moved(rows: Any, log: Log, other: Log, ends: Index) -> Any:
    """Return rows as they are in a log that has the same events before the ends."""
    changes = {"ends": ends_in(other, log, ends)[rows.user]}
    if hasattr(rows, "session") and len(other.view.sessions) != len(log.view.sessions):
        stays = np.arange(log.view.n_events) < np.repeat(ends, np.diff(log.view.offsets))
        changes["session"] = np.searchsorted(np.unique(log.view.session[stays]), rows.session)
    if isinstance(rows, RepeatRows) and rows.kind != "item":
        # Things are numbered as the catalogue has them.
        texts = repeated(other, rows.kind)[0]
        place = {text: code for code, text in enumerate(texts)}
        what = np.array([place[rows.texts[code]] for code in rows.what], np.int64)
        return replace(rows, **changes, what=what, texts=texts)
    return replace(rows, **changes)


def _differ(before: Array, after: Array, tolerance: float) -> Mask:
    """Mark what is not equal, bit for bit, or within a tolerance."""
    same = before == after
    if before.dtype.kind == "f":
        same |= np.isnan(before) & np.isnan(after)
        with np.errstate(invalid="ignore"):
            same |= np.abs(before - after) <= tolerance * np.maximum(np.abs(before), 1)
    different: Mask = ~same
    return different
