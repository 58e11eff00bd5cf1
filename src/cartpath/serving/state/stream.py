"""The log as a Redis stream that several processes write and read: an entry an event, in the order Redis gave."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cartpath.ingest.follow.stream import group_of
from cartpath.schema import MissingExtraError
from cartpath.serving.state.journal import START, Closed, Lines, Position, StateDownError
from cartpath.store.live_lines import user_of

#: The field of an entry that holds the event.
FIELD = b"event"
_PAGE, _PIECE = 10_000, 100_000
_SECONDS = 5.0


def entry_of(position: Position) -> str:
    """Return a position as the id of an entry.

    Examples
    --------
    >>> entry_of((1577836800000, 1)), position_of(b"1577836800000-1")
    ('1577836800000-1', (1577836800000, 1))
    """
    return f"{position[0]}-{position[1]}"


def position_of(entry: bytes) -> Position:
    """Return the id of an entry as a position."""
    ms, _, number = entry.partition(b"-")
    return int(ms), int(number)


class RedisStream:
    """A log in Redis; durable is what Redis calls so (``appendonly``, ``appendfsync``).

    Parameters
    ----------
    workspace : Path
        Its id names the stream.
    url : str
        ``redis://[user:password@]HOST[:PORT][/DB]``

    Raises
    ------
    StateDownError
        If there is no server.
    """

    kind, shared = "redis", True

    def __init__(self, workspace: Path, url: str) -> None:
        try:
            import redis
        except ModuleNotFoundError:
            raise MissingExtraError("keeping live events in Redis", "live") from None
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError
        from redis.retry import Retry

        # No retries below us: a write whose answer was lost is told to the client, who may send the events again.
        self._redis: Any = redis.Redis.from_url(
            url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 0)
        )
        self._errors: tuple[type[Exception], ...] = (RedisError, OSError)
        self._key = f"{group_of(workspace)}:live"
        #: The connection was lost since the stream was last compared with what was read of it.
        self._doubtful = True
        with self._asking():
            self._redis.ping()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            self._doubtful = True
            raise StateDownError(
                f"Redis, which keeps the live events, does not answer: {type(error).__name__}: {error}",
                "is the server up? what was acknowledged is in it, and it is asked again with each request",
            ) from error

    def write(self, lines: Sequence[bytes]) -> list[Position]:
        """Add entries, all or none."""
        if not lines:
            return []
        with self._asking():
            pipe = self._redis.pipeline(transaction=True)
            for line in lines:
                pipe.xadd(self._key, {FIELD: line})
            return [position_of(entry) for entry in pipe.execute()]

    def sync(self, end: Position) -> None:
        """Redis answers once it has done what it calls durable."""

    def read(self, after: Position) -> Iterator[Lines]:
        """Yield the entries after a position."""
        while True:
            with self._asking():
                found = self._redis.xrange(self._key, min=f"({entry_of(after)}", count=_PAGE)
            if not found:
                return
            ends = [position_of(entry) for entry, _ in found]
            yield Lines([fields.get(FIELD, b"\n") for _, fields in found], ends)
            after = ends[-1]
            if len(found) < _PAGE:
                return

    def lost(self, position: Position) -> bool:
        """Whether the stream ends before what was read of it: Redis came back with less than it had."""
        if not self._doubtful:
            return False
        last = self._last()
        self._doubtful = False
        return last < position

    def _last(self) -> Position:
        from redis.exceptions import ResponseError

        with self._asking():
            try:
                found = self._redis.xinfo_stream(self._key)
            except ResponseError as error:
                if "no such key" not in str(error).lower():
                    raise
                return START
        last = found["last-generated-id"]
        return position_of(last if isinstance(last, bytes) else last.encode())

    def roll(self) -> None:
        """All that is written may be absorbed."""

    def closed(self, after: Position) -> Iterator[Closed]:
        """Yield the entries there are now, in pieces."""
        last, held, end = self._last(), list[bytes](), after
        for part in self.read(after):
            for line, at in zip(part.lines, part.ends, strict=True):
                if at <= last:
                    held.append(line)
                    end = at
            if len(held) >= _PIECE:
                yield Closed(b"".join(held), end)
                held = []
        if held:
            yield Closed(b"".join(held), end)

    def drop(self, end: Position) -> None:
        """Delete the entries up to a position."""
        if end > START:
            with self._asking():
                self._redis.xtrim(self._key, minid=entry_of((end[0], end[1] + 1)), approximate=False)

    def erase(
        self, users: Collection[str], is_forgotten: Callable[[str], bool] | None = None, after: Position = START
    ) -> int:
        """Delete the entries of users."""
        gone = 0
        for part in self.read(after):
            whose = [(entry_of(at), user_of(line)) for line, at in zip(part.lines, part.ends, strict=True)]
            mine = [e for e, user in whose if user in users or (is_forgotten and user and is_forgotten(user))]
            if mine:
                with self._asking():
                    gone += int(self._redis.xdel(self._key, *mine))
        return gone

    def facts(self) -> Mapping[str, Any]:
        """Return the entries there are, and how Redis keeps them."""
        try:
            with self._asking():
                entries = int(self._redis.xlen(self._key))
                kept = self._redis.info("persistence")
        except StateDownError as error:
            return {"error": error.message}
        return {"entries": entries, "appendonly": bool(kept.get("aof_enabled")), "error": None}

    def close(self) -> None:
        """Let the connections go."""
        with suppress(*self._errors):
            self._redis.close()
