"""What live paths can do, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cartpath.features import Log
from cartpath.serving.state.given import Rejected


@dataclass
class Accepted:
    """What became of events that were sent.

    Attributes
    ----------
    accepted : int
        Those that are new; they are durable, and part of their users' paths.
    duplicates : int
        Those that were there before: by user and ``event_id``, or the same in all columns.
    rejected : list of Rejected
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True)
class Erased:
    """What was removed of a user.

    Attributes
    ----------
    events : int
        Live events that were part of the path.
    lines : int
        Of the log.
    """

    events: int
    lines: int


@dataclass(frozen=True)
class Health:
    """How live paths are.

    Attributes
    ----------
    ok : bool
    kind : {"embedded", "redis"}
    generation : int
        Of the store, pinned.
    users, events : int
        Live ones: after that generation.
    damaged : int
        Lines of the log that could not be read.
    facts : mapping
        Of the log: its size, and ``error``.
    """

    ok: bool
    kind: str
    generation: int
    users: int
    events: int
    damaged: int
    facts: dict[str, Any]


class LiveState(Protocol):
    """Live paths of a shop, wherever the log of live events is kept; safe for many threads."""

    def append(self, events: Sequence[Any]) -> Accepted:
        """Take events; they are durable when it returns, and visible to the next read."""

    def log(self, users: Sequence[str]) -> Log:
        """Return the whole paths of users, in the order asked; unknown users have empty ones."""

    def known(self, user: str) -> bool:
        """Whether a user has any event."""

    def latest(self) -> int:
        """Return the moment of the shop's latest event, microseconds since 1970 UTC; 0 where there is none."""

    def forget(self, user: str) -> Erased:
        """Remove the live events of a user."""

    def health(self) -> Health:
        """Return how live paths are."""

    def close(self) -> None:
        """Let the log and the generation go."""
