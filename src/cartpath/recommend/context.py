"""What is known of a path when items are recommended for it, whatever the item."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.baselines.histories import Histories
from cartpath.models.next_item import Index
from cartpath.schema import MICROSECONDS

#: Within so long an item is taken to be on the screen still.
FRESH_HOURS = 0.5
#: Columns of ``path_context``.
NAMES: tuple[str, ...] = ("events", "items", "hours_since")


def path_context(log: Log, user: Index, ends: Index, time: Index | None, paths: Histories) -> npt.NDArray[np.float32]:
    """Return how long each path is, how many of its events have an item, and how old it is (n, 3).

    Parameters
    ----------
    log : Log
    user, ends, time
        See ``NextItemModel.score``.
    paths : Histories
        Of the same paths.

    Returns
    -------
    float32 array (n, 3)
        Columns ``NAMES``; ``hours_since`` the last event is -1 where there is none, or time says nothing.
    """
    length = ends - log.view.offsets[user]
    out = np.empty((len(ends), len(NAMES)), np.float32)
    out[:, 0], out[:, 1], out[:, 2] = length, np.diff(paths.offsets), -1
    known = np.flatnonzero(length > 0)
    if log.timed and len(known):
        last = log.view.ts[ends[known] - 1]
        asked = last if time is None else time[known]
        out[known, 2] = np.maximum(asked - last, 0) / (3600 * MICROSECONDS)
    return out


def on_screen(context: npt.NDArray[np.float32], paths: Histories) -> npt.NDArray[np.int32]:
    """Return the item that each path touched last, if that is less than half an hour ago (n,); else -1.

    Who looks at an item need not be told of it.
    """
    found = np.full(len(paths), -1, np.int32)
    recent = (context[:, NAMES.index("hours_since")] >= 0) & (context[:, NAMES.index("hours_since")] < FRESH_HOURS)
    there = recent & (np.diff(paths.offsets) > 0)
    found[there] = paths.columns[paths.offsets[1:][there] - 1]
    return found
