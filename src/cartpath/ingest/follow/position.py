"""How far a stream was read, and what its state says about entries that are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self


def _number(entry: str | None) -> tuple[int, int]:
    ms, _, rest = (entry or "0-0").partition("-")
    return int(ms), int(rest or 0)


@dataclass(frozen=True)
class Position:
    """How far a stream was read.

    Attributes
    ----------
    last : str or None
        Id of the last entry stored.
    seen : int
        Entries of the stream up to there, those that were deleted included, as far as the server counts them.
    """

    last: str | None = None
    seen: int = 0

    def after(self, entries: Sequence[tuple[bytes, Any]]) -> Position:
        """Return the position after some entries."""
        return Position(entries[-1][0].decode(), self.seen + len(entries))

    def is_ahead_of(self, state: State) -> bool:
        """Whether a stream cannot be the one that was read: its ids or its count of entries went back."""
        if self.last is None:
            return False
        return _number(state.generated) < _number(self.last) or (state.added is not None and state.added < self.seen)

    def to_json(self) -> dict[str, Any]:
        """Return it for the manifest."""
        return {"last": self.last, "seen": self.seen}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return what ``to_json`` wrote."""
        return cls(kept.get("last"), kept.get("seen", 0))


@dataclass(frozen=True)
class State:
    """What the server says of a stream.

    Attributes
    ----------
    length : int
        Entries that are there.
    generated, first, last : str
        Ids: the last ever given, of the first and last entry that are there.
    added : int or None
        Entries ever added; None from a server before Redis 7, which does not count them.
    """

    length: int = 0
    generated: str = "0-0"
    first: str | None = None
    last: str | None = None
    added: int | None = 0

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Self:
        """Read the answer to ``XINFO STREAM``."""
        first, last = info.get("first-entry"), info.get("last-entry")
        return cls(
            info["length"],
            info["last-generated-id"].decode(),
            first[0].decode() if first else None,
            last[0].decode() if last else None,
            info.get("entries-added"),
        )

    def left(self, position: Position) -> int:
        """Return how many entries wait after a position; at least 1 where there are some that cannot be counted."""
        if self.last is None or _number(self.last) <= _number(position.last):
            return 0
        if _number(self.first) > _number(position.last):
            return self.length
        return max(1, self.added - position.seen if self.added is not None else 1)


@dataclass(frozen=True)
class Missing:
    """Entries that were deleted before they were read: how many, and the position corrected."""

    entries: int
    position: Position


def missing(position: Position, state: State) -> Missing | None:
    """Return what was deleted after a position, by the server's count of entries: a cut leaves no other trace.

    Examples
    --------
    >>> cut = State(length=2, generated="9-0", first="8-0", last="9-0", added=9)
    >>> missing(Position("3-0", 3), cut).entries
    4
    """
    if position.last is None or state.added is None:
        return None
    if state.first is not None and _number(state.first) <= _number(position.last):
        return None  # the front is there: what was deleted among the rest is counted once the front is behind
    entries = state.added - position.seen - state.length
    return Missing(entries, replace(position, seen=position.seen + entries)) if entries > 0 else None
