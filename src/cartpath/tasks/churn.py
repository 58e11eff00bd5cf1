"""Churn: will a user who was active stay away for the whole horizon?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.tasks.cutoff_rows import (
    CutoffRows,
    asked_users,
    by_cutoff,
    check_labels,
    count_until,
    cutoffs_of,
    ends_at,
)
from cartpath.tasks.cutoffs import Cutoffs
from cartpath.tasks.split import TimeSplit


@dataclass(frozen=True)
class ChurnTask:
    """What is asked.

    Attributes
    ----------
    horizon : str
        For how long, such as ``"30d"``.
    active_within : str, optional
        Asked about are users with an event so long before the cut-off, such as ``"90d"``; None is however long before.
    event : str, optional
        The event that makes a user active and whose absence is churn, such as ``"purchase"``; any by default.
    step : str, optional
        From one cut-off to the next; see ``cutoffs``.
    """

    horizon: str
    active_within: str | None = None
    event: str | None = None
    step: str | None = None


@dataclass(frozen=True)
class ChurnRows(CutoffRows):
    """Users at cut-offs, and whether they stayed away.

    Attributes
    ----------
    label : int8 array (n,)
        1 if the user has no such event within the horizon.
    """

    label: npt.NDArray[np.int8]


def churn_rows(log: Log, split: TimeSplit, task: ChurnTask) -> ChurnRows:
    """Find the users who can be asked about in each slice, and the answers.

    Parameters
    ----------
    log : Log
    split : TimeSplit
    task : ChurnTask

    Returns
    -------
    ChurnRows
        By cut-off, then by user.

    Raises
    ------
    CartpathError
        If there is no such event, a slice has no room for the horizon, what came after the first cut shaped the paths
        before it, or all users of the training slice churn, or none.

    Examples
    --------
    >>> from datetime import datetime, timedelta, UTC
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> days = [("gone", 0), ("loyal", 0), ("loyal", 2), ("loyal", 6)]
    >>> when = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(day) for _, day in days]
    >>> log = log_from_table(pa.table({"user_id": [user for user, _ in days], "ts": when, "event": ["view"] * 4}))
    >>> rows = churn_rows(log, TimeSplit((4 * 86_400_000_000,) * 3), ChurnTask("2d")).of("train")
    >>> dict(sorted(zip(log.view.user_id.take(rows.user).to_pylist(), rows.label.tolist())))
    {'gone': 1, 'loyal': 0}
    """
    rows = churn_at(log, cutoffs_of(log, split, task.horizon, task.step), task)
    check_labels(rows, rows.label, "train", f"stay away for {task.horizon}")
    return rows


def churn_at(log: Log, cuts: Cutoffs, task: ChurnTask) -> ChurnRows:
    """Find the users and the answers at given cut-offs; the horizon is theirs."""
    rows = asked_users(log, cuts, task.active_within, task.event)
    total = count_until(log, task.event)
    label = np.zeros(len(rows), np.int8)
    for at, part in by_cutoff(rows):
        until = ends_at(log.view, at + cuts.horizon)[rows.user[part]]
        label[part] = total[until] == total[rows.ends[part]]
    return ChurnRows(**vars(rows), label=label)
