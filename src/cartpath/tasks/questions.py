"""Questions of next-item evaluation: where the next item is asked, of which events, and a log that is split by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, user_of_event
from cartpath.schema import CartpathError, Event

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
#: Events whose items are asked for where the log has any of them; a log of other events is asked for all of them.
ASKED: tuple[str, ...] = (Event.view, Event.add_to_cart, Event.purchase)


@dataclass(frozen=True)
class Questions:
    """Where the next item is asked.

    Attributes
    ----------
    user : int64 array (n,)
        Row of the user in the log's view.
    ends : int64 array (n,)
        Place in the arrays of the view after the last event that may be seen.
    truth : int32 array (n,)
        Code of the item that came.
    time : int64 array (n,)
        When it came, microseconds since 1970 UTC; -1 where the log has no times.
    """

    user: Index
    ends: Index
    truth: npt.NDArray[np.int32]
    time: Index

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: npt.NDArray[Any] | slice) -> Questions:
        """Return some of the questions, by places or by a mask."""
        return Questions(self.user[rows], self.ends[rows], self.truth[rows], self.time[rows])


@dataclass(frozen=True)
class NextItemSplit:
    """A log, what of it may be learned from, and the questions.

    Attributes
    ----------
    protocol : str
        One of ``PROTOCOLS``.
    log : Log
        Everything. Models are fitted on the events at places ``offsets[u]`` to ``train_ends[u] - 1`` of each user ``u``
        alone.
    train_ends : int64 array (n_users,)
    whole_ends : int64 array (n_users,)
        In place of ``train_ends`` once everything is chosen: validation is learned from too. See ``whole``.
    valid, test : Questions
        To choose settings by, and to judge on once.
    filter_seen : bool
        Whether items of the path so far are no candidates; the answer is one in any case.
    until, whole_until : int, optional
        Where time is cut, microseconds since 1970: nothing at or after it may be learned from. The latter is of
        ``whole_ends``.
    left_out : int
        Users with too few items to ask for any, or items not asked for since nothing is known before them.
    events : tuple of str, optional
        Events whose items are asked for, where they were named; see ``asked``.
    """

    protocol: str
    log: Log
    train_ends: Index
    whole_ends: Index
    valid: Questions
    test: Questions
    filter_seen: bool = False
    until: int | None = None
    whole_until: int | None = None
    left_out: int = 0
    events: tuple[str, ...] | None = None

    def whole(self) -> NextItemSplit:
        """Return the split in which all that came before the test may be learned from, validation included."""
        return replace(self, train_ends=self.whole_ends, until=self.whole_until)

    def train_places(self) -> Index:
        """Return the places of the events that may be learned from, ascending."""
        view = self.log.view
        ends = self.train_ends[user_of_event(view)]
        return np.flatnonzero(np.arange(view.n_events) < ends)

    def train_items(self) -> Index:
        """Return the codes of the items that may be learned from, ascending."""
        items = self.log.view.item[self.train_places()]
        return np.unique(items[items >= 0]).astype(np.int64)


def asked(log: Log, events: Sequence[str] | None = None) -> Mask:
    """Mark the events whose item can be asked for (n_events,).

    Raises
    ------
    CartpathError
        If the log has no such event, or none with an item.
    """
    with_item = log.view.item >= 0
    if not with_item.any():
        raise CartpathError("no event has an item, so there is none to ask for", "name the column of the items")
    known = log.event_codes
    if events is None:
        usual = with_item & np.isin(log.view.event, [known[name] for name in ASKED if name in known])
        return usual if usual.any() else with_item
    if unknown := [name for name in events if name not in known]:
        raise CartpathError(f"no event {unknown[0]!r} in the log", f"it has: {', '.join(known)}")
    named: Mask = with_item & np.isin(log.view.event, [known[name] for name in events])
    if not named.any():
        raise CartpathError(f"no event {', '.join(events)} has an item", "ask for events that have items")
    return named


def questions_at(log: Log, targets: Index) -> Questions:
    """Ask for the items of some events, given what came before the step of each.

    Parameters
    ----------
    log : Log
    targets : int64 array (n,)
        Places of the events.
    """
    view = log.view
    starts = np.where(view.step == 1, np.arange(view.n_events), 0)
    starts[view.offsets[:-1][np.diff(view.offsets) > 0]] = view.offsets[:-1][np.diff(view.offsets) > 0]
    ends = np.maximum.accumulate(starts)[targets].astype(np.int64)
    user = user_of_event(view)[targets].astype(np.int64)
    time = view.ts[targets].astype(np.int64) if log.timed else np.full(len(targets), -1, np.int64)
    return Questions(user, ends, view.item[targets].astype(np.int32), time)
