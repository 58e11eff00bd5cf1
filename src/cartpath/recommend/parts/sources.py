"""What a part is fitted on: the paths before a moment, and what is known of the items."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, earlier, user_of_event
from cartpath.models import Pretrained
from cartpath.models.baselines.histories import Histories, histories
from cartpath.models.next_item import Index
from cartpath.recommend.axis import Axis


@dataclass(frozen=True)
class Sources:
    """What may be learned from.

    Attributes
    ----------
    axis : Axis
    until : int
        Microseconds since 1970 UTC; nothing from then on is read.
    pretrained : Pretrained
        Trained on events before ``until`` alone.
    settings : dict
        By part, what is not to be as usual.
    seed : int
    """

    axis: Axis
    until: int
    pretrained: Pretrained
    settings: dict[str, dict[str, float]]
    seed: int = 0

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.axis.items)

    @cached_property
    def log(self) -> Log:
        """The log as it was before the moment."""
        log = self.axis.log
        return Log(earlier(log.view, self.until), log.codes, log.items, log.generation, log.share, timed=log.timed)

    @cached_property
    def users(self) -> npt.NDArray[np.int32]:
        """Row of the user of each event of ``log`` (n_events,)."""
        return user_of_event(self.log.view)

    @cached_property
    def paths(self) -> Histories:
        """Every user's items."""
        view = self.log.view
        users: Index = np.arange(view.n_users)
        return histories(self.log, self.axis.items, users, view.offsets[1:].astype(np.int64))

    @cached_property
    def sessions(self) -> Histories:
        """The items of each session, the oldest session first."""
        view = self.log.view
        there = np.flatnonzero(view.item >= 0)
        age = np.empty(len(view.sessions), np.int64)
        age[np.argsort(view.sessions.start, kind="stable")] = np.arange(len(age))
        order = np.argsort(age[view.session[there]], kind="stable")
        return grouped(view.session[there][order], view.item[there][order])

    @cached_property
    def baskets(self) -> Histories:
        """The different items of each order; of each session with purchases where orders have no id."""
        view = self.log.view
        bought = np.flatnonzero((view.item >= 0) & (view.event == self.log.event_codes.get("purchase", -1)))
        with_id = view.order[bought] != 0
        group = np.where(with_id, view.order[bought], view.session[bought])
        keys = np.column_stack([self.users[bought], with_id, group, view.item[bought]])
        keys = np.unique(keys, axis=0) if len(keys) else keys.reshape(0, 4)
        new = np.append(True, (keys[1:, :3] != keys[:-1, :3]).any(axis=1))[: len(keys)]
        return grouped(np.cumsum(new), keys[:, 3].astype(np.int32))


def grouped(group: npt.NDArray[np.integer], columns: npt.NDArray[np.int32]) -> Histories:
    """Return items as paths, one a run of equal groups.

    Examples
    --------
    >>> grouped(np.array([4, 4, 1]), np.array([7, 8, 9], np.int32)).offsets.tolist()
    [0, 2, 3]
    """
    starts = np.flatnonzero(np.append(True, group[1:] != group[:-1])[: len(group)])
    return Histories(np.append(starts, len(group)).astype(np.int64), columns.astype(np.int32))
