"""The path table as a reader sees it: one bucket's arrays, and a user's path within them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

#: A quantity that is not known.
NO_QUANTITY = np.int32(-(2**31))
#: A code that is not there (no item, no page, no query, no context).
NO_CODE = np.int32(-1)

#: Bits of ``PathView.flags``.
FLAG_BLANKED = np.uint8(1)  # a value did not fit its column and was blanked
FLAG_NEAR_DUPLICATE = np.uint8(2)  # same event, item and page less than a second after the one before
# What cleaning did, where it is on.
FLAG_IMPUTED_PRICE = np.uint8(4)  # the price was missing and is made up
FLAG_IMPUTED_QUANTITY = np.uint8(8)
FLAG_OUTLIER_PRICE = np.uint8(16)  # the price that was read is too far out; it may be clipped or blanked
FLAG_OUTLIER_QUANTITY = np.uint8(32)
FLAG_OUTLIER_DWELL = np.uint8(64)  # the time until the next event of the session is
FLAG_ROBOT = np.uint8(128)  # the user behaves like a machine

#: Arrays with one value an event, and their types.
EVENT_ARRAYS: Mapping[str, npt.DTypeLike] = {
    "ts": np.int64,
    "event": np.int32,
    "item": np.int32,
    "session": np.int32,
    "step": np.uint8,
    "price": np.float64,
    "quantity": np.int32,
    "order": np.int64,
    "order_value": np.float64,
    "page": np.int32,
    "query": np.int32,
    "flags": np.uint8,
}


@dataclass(frozen=True)
class Sessions:
    """The sessions of a bucket, ordered by user, then by first event.

    Attributes
    ----------
    user : int32 array (n_sessions,)
        Row of the session's user in its bucket.
    start, end : int64 array (n_sessions,)
        First and last event, microseconds since 1970 UTC.
    key : int64 array (n_sessions,)
        Hash of the session id; 0 where the session was derived by the inactivity gap.
    context : mapping of str to int32 array (n_sessions,)
        One array for each name in ``schema.CONTEXT``. Dictionary codes (``Snapshot.codes(name)``)
        for text, 0 or 1 for ``is_direct``, the number itself for ``visit_number``; -1 is unknown.
        Taken from the session's first event that carries any context.
    context_ts : int64 array (n_sessions,)
        Time of that event, -1 where there is none: before it the context was not known.
    """

    user: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    key: npt.NDArray[np.int64]
    context: Mapping[str, npt.NDArray[np.int32]]
    context_ts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True)
class Place:
    """Where in the stored path table a view lies, for what is kept beside it (``store.props``).

    Attributes
    ----------
    generation, bucket : int
    first : int
        The bucket's event that is the view's first.
    """

    generation: int
    bucket: int
    first: int = 0


@dataclass(frozen=True)
class PathView:
    """Users' events in path order, as columns: the only input of a scan and of a scorer.

    On disk it is a bucket (memory-mapped) or a user's slice of one. Path order is by user, then time,
    then position in the source.

    Attributes
    ----------
    offsets : int64 array (n_users + 1,)
        Events of user ``u`` are ``offsets[u]:offsets[u + 1]``.
    user_id : pyarrow.StringArray (n_users,)
    ts : int64 array (n_events,)
        Microseconds since 1970 UTC.
    event, item, page, query : int32 array (n_events,)
        Global dictionary codes; -1 where there is none.
    session : int32 array (n_events,)
        Row in ``sessions``.
    step : uint8 array (n_events,)
        1 on the first event of a step; the events of one hit (a checkout of three products) are one step.
    price, order_value : float64 array (n_events,)
        NaN where unknown.
    quantity : int32 array (n_events,)
        ``NO_QUANTITY`` where unknown.
    order : int64 array (n_events,)
        Hash of the order id; 0 where there is none.
    flags : uint8 array (n_events,)
        Bits ``FLAG_BLANKED`` and ``FLAG_NEAR_DUPLICATE``, and those that cleaning sets, ``FLAG_IMPUTED_PRICE`` to
        ``FLAG_ROBOT``.
    sessions : Sessions
    place : Place, optional
        None where it is not of a store: a live path, or one laid out by hand.
    ties : tuple of int, optional
        How many events have the time of the one before them of the same user, which is another event and not of the
        same step, and how many users have such; None where the store does not know.
    """

    offsets: npt.NDArray[np.int64]
    user_id: pa.StringArray
    ts: npt.NDArray[np.int64]
    event: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    session: npt.NDArray[np.int32]
    step: npt.NDArray[np.uint8]
    price: npt.NDArray[np.float64]
    quantity: npt.NDArray[np.int32]
    order: npt.NDArray[np.int64]
    order_value: npt.NDArray[np.float64]
    page: npt.NDArray[np.int32]
    query: npt.NDArray[np.int32]
    flags: npt.NDArray[np.uint8]
    sessions: Sessions
    place: Place | None = None
    ties: tuple[int, int] | None = None

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.offsets) - 1

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.ts)

    def user(self, row: int) -> PathView:
        """Return the path of one user, without copying.

        Parameters
        ----------
        row : int
            The user's row, from 0.

        Returns
        -------
        PathView
            With one user; its ``session`` still counts within ``sessions`` of this slice.
        """
        lo, hi = int(self.offsets[row]), int(self.offsets[row + 1])
        first = int(np.searchsorted(self.sessions.user, row, side="left"))
        last = int(np.searchsorted(self.sessions.user, row, side="right"))
        s = self.sessions
        sessions = Sessions(
            user=np.zeros(last - first, np.int32),
            start=s.start[first:last],
            end=s.end[first:last],
            key=s.key[first:last],
            context={name: values[first:last] for name, values in s.context.items()},
            context_ts=s.context_ts[first:last],
        )
        arrays = {name: getattr(self, name)[lo:hi] for name in EVENT_ARRAYS}
        arrays["session"] = arrays["session"] - np.int32(first)
        return PathView(
            offsets=np.array([0, hi - lo], np.int64),
            user_id=self.user_id.slice(row, 1),
            sessions=sessions,
            place=None if self.place is None else replace(self.place, first=self.place.first + lo),
            **arrays,
        )

    def __iter__(self) -> Iterator[PathView]:
        """Yield each user's path."""
        return (self.user(row) for row in range(self.n_users))
