"""Who is asked about at a moment whose answers nobody may know yet."""

from __future__ import annotations

import numpy as np

from cartpath.features import Log
from cartpath.schema import MICROSECONDS, Event, seconds
from cartpath.tasks import SLICES, ChurnTask, CutoffRows, Cutoffs, RepeatTask, asked_users, repeat_at, repeated
from cartpath.training.cutoff.job import CutoffTask


def asked_at(log: Log, at: int, task: CutoffTask) -> CutoffRows:
    """Find the users, or pairs, of some paths that would be asked about at a moment; there may be none.

    Parameters
    ----------
    log : Log
        Of all users or of some: whether an event was ever seen by any of them is not asked here.
    at : int
        Microseconds since 1970 UTC.
    task : ChurnTask, SpendTask or RepeatTask

    Returns
    -------
    CutoffRows
        ``RepeatRows`` of a ``RepeatTask``. Labels of these mean nothing.
    """
    cuts = Cutoffs(np.array([at]), np.array([SLICES.index("test")]), seconds(task.horizon) * MICROSECONDS)
    if isinstance(task, RepeatTask):
        return repeat_at(log, cuts, task) if _buys(log, task.of) else _nobody()
    event = task.event if isinstance(task, ChurnTask) else task.among
    if event is not None and not (log.view.event == log.event_codes.get(event, -2)).any():
        return _nobody()
    return asked_users(log, cuts, task.active_within, event)


def _buys(log: Log, of: str) -> bool:
    purchases = log.view.event == log.event_codes.get(Event.purchase, -2)
    return bool((repeated(log, of)[1][log.view.item[purchases]] >= 0).any())


def _nobody() -> CutoffRows:
    none = np.empty(0, np.int64)
    return CutoffRows(none, none, none, none)
