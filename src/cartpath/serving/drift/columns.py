"""The features that are watched, read from paths: the same function for the store and for what is served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, earlier, read_log
from cartpath.schema import MICROSECONDS, Columns
from cartpath.serving.drift.reference import Reference, tally_of
from cartpath.store import Snapshot

Observed = dict[str, npt.NDArray[np.float64] | dict[str | None, int]]
#: What is watched: types of events, context of the session, hour (UTC), seconds since the event before, price.
FEATURES = ("event", "channel", "device", "hour", "gap", "price")
_HOUR = 3600 * MICROSECONDS
_HOURS = [f"{hour:02d}" for hour in range(24)]
#: Events of the store that a reference is made of: its noise is then far below what anybody would act on.
MOST = 200_000


def observed(log: Log, rows: npt.NDArray[np.int64]) -> Observed:
    """Return each feature of some events.

    Parameters
    ----------
    log : Log
    rows : int64 array (n,)
        Of ``log.view``.

    Returns
    -------
    dict
        Numbers (n,), NaN where there is none, or how often each name is there. A user's first event has no
        gap. Hours and gaps are left out where only the order of events is known.
    """
    view = log.view
    first = np.isin(rows, view.offsets[:-1])
    before = view.ts[np.maximum(rows - 1, 0)]
    found: Observed = {Columns.event: tally_of(view.event[rows], log.codes("event"))}
    for name in (Columns.channel, Columns.device):
        found[name] = tally_of(view.sessions.context[name][view.session[rows]], log.codes(name))
    if log.timed:
        found["hour"] = tally_of((view.ts[rows] // _HOUR % 24).astype(np.int32), _HOURS)
        found["gap"] = np.where(first, np.nan, (view.ts[rows] - before) / MICROSECONDS)
    found[Columns.price] = view.price[rows]
    return found


def references_of(log: Log) -> dict[str, Reference]:
    """Return a reference for each feature of all events of a log."""
    everything = observed(log, np.arange(log.view.n_events))
    return {name: Reference.of(given) for name, given in everything.items()}


def references_of_store(workspace: Path | str, until: int | None = None, most: int = MOST) -> dict[str, Reference]:
    """Return the references of a store: of whole users, a sample that is the same every time.

    Parameters
    ----------
    workspace : Path
    until : int, optional
        Microseconds since 1970: only what happened before, such as the end of the period that a model learned from.
    most : int
        Events to read at most.

    Returns
    -------
    dict of str to Reference
        By name of ``FEATURES``; empty where there are no events.
    """
    with Snapshot(Path(workspace)) as snapshot:
        log = read_log(snapshot, most)
        if until is not None:
            log = replace(log, view=earlier(log.view, until))
        return references_of(log) if log.view.n_events else {}
