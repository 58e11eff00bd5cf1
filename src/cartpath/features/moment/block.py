"""Asked places of some users: their events as arrays, and the stretches of events that are known at each place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cartpath.features.encoder import EncodedLog, PathEncoder
from cartpath.features.moment.kernels import first_of, lower_bound
from cartpath.features.moment.ranges import Bools, Floats, Index, Ranges
from cartpath.features.moments import by_session, count_within, user_of_event
from cartpath.features.text import EventVectors
from cartpath.features.vocabulary import ABSENT
from cartpath.schema import MICROSECONDS, CartpathError

#: Types that counts are given for: the most frequent ones, by how many users have them.
_KINDS = 30


@dataclass(frozen=True)
class Block:
    """Places that are asked about, and the paths they are in.

    Attributes
    ----------
    encoded : EncodedLog
        Of the block's users alone.
    encoder : PathEncoder
    sessions, ends : int64 array (n,)
        As of ``session_features``, within the block.
    zone : str
    texts : mapping of str to EventVectors
        What the events speak of, by name of the vectoriser.
    """

    encoded: EncodedLog
    encoder: PathEncoder
    sessions: Index
    ends: Index
    zone: str = "UTC"
    texts: Mapping[str, EventVectors] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = (self.ends > self.offsets[self.user + 1]) | (self.session.n <= 0)
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise CartpathError(
                f"place {self.ends[at]} is not after the first event of session {self.sessions[at]} in its user's path",
                "ask about a session from its first event on",
            )

    # What is asked.

    @cached_property
    def user(self) -> Index:
        """Row of each place's user (n,)."""
        return self.encoded.log.view.sessions.user[self.sessions].astype(np.int64)

    @cached_property
    def session(self) -> Ranges:
        """The session so far."""
        order, starts = self._by_session
        begin, limit = starts[self.sessions], starts[self.sessions + 1]
        # Within a session the order is that of the path, so the events before `ends` are its first ones.
        return Ranges(order, begin, lower_bound(order, begin, limit, self.ends))

    @cached_property
    def steps(self) -> Ranges:
        """The first events of the session's steps so far."""
        return self.session.only(self.is_step)

    @cached_property
    def path(self) -> Ranges:
        """The whole path so far."""
        return Ranges(np.arange(self.n_events), self.offsets[self.user], self.ends)

    @cached_property
    def before(self) -> Ranges:
        """The path before the session's first event."""
        return Ranges(self.path.order, self.path.begin, self.session.first())

    @cached_property
    def previous(self) -> Ranges:
        """The user's session before this one, as far as it had come when this one began; empty at the first."""
        order, starts = self._by_session
        earlier = np.maximum(self.sessions - 1, 0)
        begin, limit = starts[earlier], starts[earlier + 1]
        limit = np.where(self.ordinal[self.sessions] > 1, limit, begin)
        return Ranges(order, begin, lower_bound(order, begin, limit, self.session.first()))

    @cached_property
    def now(self) -> Index:
        """Time of the latest known event of the path (n,), microseconds since 1970."""
        return self.ts[self.ends - 1]

    @cached_property
    def began(self) -> Index:
        """Time of the session's first event (n,)."""
        return self.ts[self.session.first()]

    # What is known of each event.

    @property
    def n_events(self) -> int:
        """Events of the block's users."""
        return self.encoded.log.view.n_events

    @property
    def ts(self) -> Index:
        """Times, microseconds since 1970 (n_events,)."""
        return self.encoded.log.view.ts

    @property
    def offsets(self) -> Index:
        """Where paths begin (n_users + 1,)."""
        return self.encoded.log.view.offsets

    @cached_property
    def is_step(self) -> Bools:
        """Mark the first event of each step."""
        marks: Bools = self.encoded.log.view.step == 1
        return marks

    @cached_property
    def begins_session(self) -> Bools:
        """Mark the first event of each session."""
        order, starts = self._by_session
        marks = np.zeros(self.n_events, np.bool_)
        marks[order[starts[:-1]]] = True
        return marks

    @cached_property
    def step_number(self) -> Index:
        """Number of the event's step within its session, from 1."""
        order, starts = self._by_session
        number = np.zeros(self.n_events, np.int64)
        if len(order):
            number[order] = count_within(self.is_step[order], starts)
        return number

    @cached_property
    def ordinal(self) -> Index:
        """Number of the session among its user's, from 1 (n_sessions,)."""
        users = self.encoded.log.view.sessions.user
        return np.arange(len(users)) - np.searchsorted(users, users, side="left") + 1

    @cached_property
    def gap(self) -> Floats:
        """Seconds since the session's step before, at the first event of each step; else NaN."""
        return self._since_step_before[0]

    @cached_property
    def kind_before(self) -> Index:
        """Type of the session's step before, at the first event of each step; else 0."""
        return self._since_step_before[1]

    @cached_property
    def _since_step_before(self) -> tuple[Floats, Index]:
        order = self._by_session[0]
        first = order[self.is_step[order]]
        session = self.encoded.log.view.session[first]
        later = np.flatnonzero(session[1:] == session[:-1]) + 1
        gap, kind = np.full(self.n_events, np.nan), np.zeros(self.n_events, np.int64)
        gap[first[later]] = (self.ts[first[later]] - self.ts[first[later - 1]]) / MICROSECONDS
        kind[first[later]] = self.encoded.event_id[first[later - 1]]
        return gap, kind

    def is_kind(self, name: str) -> Bools:
        """Mark the events of a type; none where the encoder does not know it."""
        values = self.encoder.events.values
        return self.encoded.event_id == 2 + values.index(name) if name in values else np.zeros(self.n_events, np.bool_)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Types that counts are given for."""
        return self.encoder.events.values[:_KINDS]

    def known(self, *names: str) -> list[str]:
        """Return those of some types that the encoder knows."""
        return [name for name in names if name in self.encoder.events.values]

    def ids(self, field: str) -> Index:
        """Return the ids of a field of events within its own vocabulary (n_events,); 0 is absent."""
        if field not in self._ids:
            column = self.encoded.events[:, self.fields.index(field)].astype(np.int64)
            self._ids[field] = np.maximum(column - self.offset_of[field], ABSENT)
        return self._ids[field]

    @cached_property
    def _ids(self) -> dict[str, Index]:
        return {}

    @cached_property
    def fields(self) -> list[str]:
        """Fields of events that the encoder knows."""
        return self.encoder.event_fields

    @cached_property
    def offset_of(self) -> dict[str, int]:
        """Where each field's ids begin."""
        return self.encoder.offsets

    def codes(self, field: str) -> Index:
        """Return what tells values of a field apart (n_events,); -1 is absent."""
        if field in ("item", "page", "query"):
            codes: npt.NDArray[np.int32] = getattr(self.encoded.log.view, field)
            return codes.astype(np.int64)
        return self.ids(field) - 1

    def has(self, field: str) -> bool:
        """Whether the encoder knows a field of events."""
        return field in self.fields

    @property
    def session_of(self) -> Index:
        """Session of each event."""
        return self.encoded.log.view.session.astype(np.int64)

    @cached_property
    def user_of(self) -> Index:
        """User of each event."""
        return user_of_event(self.encoded.log.view).astype(np.int64)

    def first_in_session(self, codes: Index) -> Index:
        """Return the place of the session's first event with the same code (n_events,); -1 where there is no code."""
        return _first_of(codes, *self._by_session)

    def first_of_user(self, codes: Index) -> Index:
        """Return the place of the user's first event with the same code (n_events,); -1 where there is no code."""
        return _first_of(codes, self.path.order, self.offsets)

    @cached_property
    def _by_session(self) -> tuple[Index, Index]:
        return by_session(self.encoded.log.view)


def _first_of(codes: Index, order: Index, starts: Index) -> Index:
    return first_of(codes, order, starts, np.zeros(int(codes.max(initial=-1)) + 1, np.int64))
