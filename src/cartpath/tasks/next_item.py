"""Next item: from the path until a moment, which items does a user touch after it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, user_of_event


@dataclass(frozen=True)
class NextItemRows:
    """Users with an item event in a stretch of time.

    Attributes
    ----------
    user : int64 array (n,)
        Rows in the view.
    ends : int64 array (n,)
        Place in the path where the stretch begins for the user; nothing from there on may be known.
    truth_offsets : int64 array (n + 1,)
    truth : int32 array
        Item codes of row ``i`` at ``truth_offsets[i]:truth_offsets[i + 1]``: distinct, in the order touched.
    """

    user: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    truth_offsets: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.user)

    def of(self, row: int) -> npt.NDArray[np.int32]:
        """Return the items of one row."""
        return self.truth[self.truth_offsets[row] : self.truth_offsets[row + 1]]


def next_item_rows(log: Log, begin: int, end: int) -> NextItemRows:
    """Find who touches an item in ``[begin, end)``, and which.

    Parameters
    ----------
    log : Log
    begin, end : int
        Microseconds since 1970 UTC.

    Returns
    -------
    NextItemRows
        In the order of users; the truth is every distinct item, those touched before included.
    """
    view = log.view
    users = user_of_event(view)
    inside = np.flatnonzero((view.ts >= begin) & (view.ts < end) & (view.item >= 0))
    pairs = users[inside].astype(np.int64) * (2**32) + view.item[inside]
    first = inside[np.sort(np.unique(pairs, return_index=True)[1])]
    found, counts = np.unique(users[first], return_counts=True)
    before = np.bincount(users[view.ts < begin], minlength=view.n_users).astype(np.int64)
    return NextItemRows(
        user=found.astype(np.int64),
        ends=view.offsets[found] + before[found],
        truth_offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        truth=view.item[first],
    )
