"""Paths cut short: what a scorer would have seen at the time."""

from __future__ import annotations

import numpy as np

from cartpath.features import Log
from cartpath.store import PathView, Sessions
from cartpath.store.path import EVENT_ARRAYS


def cut_path(log: Log, path: PathView, events: int) -> Log:
    """A log of the first events of one path; sessions that begin later, and ends of sessions, are gone."""
    arrays = {name: getattr(path, name)[:events].copy() for name in EVENT_ARRAYS}
    n = int(arrays["session"].max()) + 1
    end = np.zeros(n, np.int64)
    np.maximum.at(end, arrays["session"], arrays["ts"])
    s = path.sessions
    seen = s.context_ts[:n] <= arrays["ts"][-1]  # context that only a later event carries is gone, too
    context = {name: np.where(seen, v[:n], -1).astype(np.int32) for name, v in s.context.items()}
    sessions = Sessions(s.user[:n], s.start[:n], end, s.key[:n], context, np.where(seen, s.context_ts[:n], -1))
    view = PathView(offsets=np.array([0, events]), user_id=path.user_id, sessions=sessions, **arrays)
    return Log(view, log.codes, log.items, log.generation)
