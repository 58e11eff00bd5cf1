"""What pretraining predicts at each event: the next event's type and item, and the next different item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import EncodedLog, by_session, user_of_event
from cartpath.features.vocabulary import UNKNOWN
from cartpath.schema import MICROSECONDS

#: No target: not known before the cut, or not in the vocabulary.
NONE = -100
#: Type of the target "the session ended".
END = 0
#: A session silent for this long before the cut has ended.
_SILENCE = 86_400 * MICROSECONDS


@dataclass(frozen=True)
class Targets:
    """Targets of each event (n_events,), int64; ``NONE`` where there is none.

    Attributes
    ----------
    next_type : id of the next event's type within the session, ``END`` where the session ended
    next_item : id of the next event's item within the session
    next_different : id of the user's next item that is not the one touched last, in this session or a later one
    next_at, different_at : place of the event that those are of; -1 where there is none
    """

    next_type: npt.NDArray[np.int64]
    next_item: npt.NDArray[np.int64]
    next_different: npt.NDArray[np.int64]
    next_at: npt.NDArray[np.int64]
    different_at: npt.NDArray[np.int64]


def targets_before(encoded: EncodedLog, until: int) -> Targets:
    """Work out the targets from the events before a moment; events from it on neither have nor are targets.

    Parameters
    ----------
    encoded : EncodedLog
    until : int
        Microseconds since 1970 UTC.

    Returns
    -------
    Targets
    """
    view = encoded.log.view
    before = view.ts < until
    following = next_in_session(encoded, before)
    there = following >= 0
    ended = before & ~there & (view.ts < until - _SILENCE)
    next_type = np.where(there, encoded.event_id[following], np.where(ended, END, NONE))
    next_item = np.where(there, _known(encoded.item_id[following]), NONE)
    different_at = _next_different(encoded, before)
    different = np.where(different_at >= 0, _known(encoded.item_id[different_at]), NONE)
    return Targets(
        next_type.astype(np.int64), next_item.astype(np.int64), different.astype(np.int64), following, different_at
    )


def next_in_session(encoded: EncodedLog, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the place of the next event of the same session (n_events,); -1 where none is allowed."""
    view = encoded.log.view
    order, _ = by_session(view)
    order = order[allowed[order]]
    following = np.full(view.n_events, -1, np.int64)
    same = view.session[order][1:] == view.session[order][:-1]
    following[order[:-1][same]] = order[1:][same]
    return following


def _known(items: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return np.where(items > UNKNOWN, items, NONE).astype(np.int64)


def _next_different(encoded: EncodedLog, before: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Find for each event with an item the place of the user's next event with another one; -1 where there is none."""
    view = encoded.log.view
    out = np.full(view.n_events, -1, np.int64)
    at = np.flatnonzero(before & (view.item >= 0))
    if len(at) < 2:
        return out
    user, item = user_of_event(view)[at], view.item[at]
    new_run = np.concatenate([[True], (item[1:] != item[:-1]) | (user[1:] != user[:-1])])
    run = np.cumsum(new_run) - 1
    first = np.append(np.flatnonzero(new_run), -1)[run + 1]
    same_user = (first >= 0) & (user[first] == user)
    out[at] = np.where(same_user, at[first], -1)
    return out
