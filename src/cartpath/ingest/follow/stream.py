"""A followed Redis stream: entries are stored with the id of the last, and acknowledged only after that."""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from cartpath.ingest.follow.address import Address
from cartpath.ingest.follow.clock import now
from cartpath.ingest.follow.entries import EntriesJob, Entry
from cartpath.ingest.follow.lines import Asked
from cartpath.ingest.follow.position import Position, State, missing
from cartpath.ingest.follow.source import BATCH_ENTRIES, Notes, Part, Say
from cartpath.schema import CartpathError, MissingExtraError

#: The name under which a workspace reads: the same after a restart, so that what was pending is its own.
CONSUMER = "cartpath"
_PAGE = 10_000
_PAUSES = (0.5, 30.0)
T = TypeVar("T")


class StreamSource:
    """Follows one stream.

    Parameters
    ----------
    workspace : Path
    url : str
    asked : Asked
    options : mapping
        ``group``: the consumer group, by default one of this workspace; ``field``: the field that holds JSON.
    say : callable
        Takes messages for people.
    patient : bool
        Wait for a server that is away; else that is an error.

    Raises
    ------
    CartpathError
        If the URL cannot be read, or there is no server at first.
    """

    def __init__(
        self, workspace: Path, url: str, asked: Asked, options: Mapping[str, str], say: Say, *, patient: bool = True
    ) -> None:
        if asked.adapter.read is not None:
            raise CartpathError(f"adapter {asked.adapter.name} reads files, not streams", "use another adapter")
        self._address = Address.of(url)
        self.name, self.notes = self._address.name, Notes()
        self._asked, self._say, self._patient = asked, say, patient
        self._group = options.get("group") or group_of(workspace)
        self._payload = options["field"].encode() if options.get("field") else None
        self._redis, self._errors = _connect(self._address)
        self._position = Position()
        self._state: State | None = None
        self._joined = False
        self._failed = ""
        self._away: tuple[float, float] | None = None
        self._call(self._redis.ping, first=True)

    def begin(self, kept: Mapping[str, Any]) -> None:
        """Start after the last entry that is stored."""
        self._position = Position.from_json(kept)

    def _call(self, work: Callable[[], T], *, first: bool = False) -> T | None:
        """Ask the server; None while it is away, which is asked in growing pauses."""
        if self._away is not None and now() < self._away[0]:
            return None
        from redis.exceptions import ResponseError

        try:
            answer = work()
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise CartpathError(f"{self.name} cannot be read: {error}", "is it a stream?") from None
            self._joined = False  # the stream was deleted, or the group destroyed: seen to at the next look
            return None
        except self._errors as error:
            if first or not self._patient:
                raise CartpathError(
                    f"no answer from {self.name}: {_reason(error)}", "is the server up, and the URL right?"
                ) from None
            self._joined = False
            pause = _PAUSES[0] if self._away is None else min(2 * self._away[1], _PAUSES[1])
            self._say(f"{self.name} does not answer ({_reason(error)}); asked again in {pause:g} s")
            self._away = (now() + pause, pause)
            return None
        if self._away is not None:
            self._say(f"{self.name} answers again")
        self._away = None
        return answer

    def waiting(self) -> float:
        """Look at the stream; return the entries that wait as a share of a batch."""
        state = self._call(self._look)
        return 0.0 if state is None else self._left(state) / BATCH_ENTRIES

    def _left(self, state: State) -> int:
        return state.left(self._position)

    def _look(self) -> State | None:
        from redis.exceptions import ResponseError

        try:
            state = State.of(self._redis.xinfo_stream(self._address.stream))
        except ResponseError as error:
            if "no such key" not in str(error).lower():
                raise
            if not self._patient:
                raise CartpathError(f"no stream at {self.name}", "look at its name, or follow it: --follow") from None
            state = State()
        self._compare(state)
        if not self._joined:
            self._join()
        self._state = state
        return state

    def _compare(self, state: State) -> None:
        """Tell what was lost behind us: a stream made anew, entries cut off before they were read."""
        if self._position.is_ahead_of(state):
            self.notes.add("missing", stream=self.name, after=self._position.last, entries=None, why="made anew")
            self._say(
                f"{self.name} was deleted or made anew: it was read up to {self._position.last}; what it had after that"
                " and was not read is gone; it is read from its start"
            )
            self._position, self._joined = Position(), False
        if self._position.last is None and state.added is not None:
            self._position = Position(None, state.added - state.length)
        lost = missing(self._position, state)
        if lost is not None:
            self.notes.add("missing", stream=self.name, after=self._position.last, entries=lost.entries, why="deleted")
            self._say(
                f"{self.name}: {lost.entries:,} entries after {self._position.last} were deleted or cut off (MAXLEN,"
                " XTRIM) before they were read"
            )
            self._position = lost.position

    def _join(self) -> None:
        """Read as the group, from after the last entry stored: what was delivered and not stored comes again."""
        from redis.exceptions import ResponseError

        stream, group, last = self._address.stream, self._group, self._position.last
        try:
            self._redis.xgroup_create(stream, group, id=last or "0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
            self._acknowledge_pending(last)
            if last is not None:
                self._redis.xgroup_setid(stream, group, last)
        self._joined = True

    def _acknowledge_pending(self, last: str | None) -> None:
        """Acknowledge what is stored: a crash came between the two. Without anything stored, all comes again."""
        stream, group = self._address.stream, self._group
        if last is None:
            first = self._redis.xpending(stream, group)
            if first["pending"]:
                self._redis.xgroup_setid(stream, group, _before(first["min"].decode()))
            return
        while pending := self._redis.xpending_range(stream, group, "-", last, _PAGE):
            self._redis.xack(stream, group, *(entry["message_id"] for entry in pending))

    def parts(self, known: Mapping[str, Any]) -> list[Part]:
        """Read the entries of the next batch."""
        entries = self._call(self._read) or []
        if not entries:
            return []
        job = EntriesJob(
            self.name, self._asked, entries, self._position.seen + 1, self._payload, strict=self._position.last is None
        )
        return [Part(job, functools.partial(self._position.after, entries))]

    def _read(self) -> list[Entry]:
        if not self._joined:
            self._join()
        stream, entries = self._address.stream, list[Entry]()
        while len(entries) < BATCH_ENTRIES:
            found = self._redis.xreadgroup(self._group, CONSUMER, {stream: ">"}, count=_PAGE)
            if not found or not found[0][1]:
                break
            # An entry that was deleted while pending is delivered without fields.
            entries += [(entry, fields) for entry, fields in found[0][1] if fields]
        return entries

    def kept(self, parts: list[Part]) -> dict[str, Any]:
        """Return the last id once these entries are stored."""
        position: Position = parts[-1].after()
        return position.to_json()

    def committed(self, parts: list[Part]) -> None:
        """Acknowledge what is stored."""
        for part in parts:
            self._position = part.after()
            self._failed = ""
            self._call(functools.partial(self._acknowledge_pending, self._position.last))

    def failed(self, part: Part, why: str) -> None:
        """Entries that cannot be read, such as for want of a column, are said once and asked for again."""
        self._joined = False
        if why != self._failed:
            self.notes.add("failed", file=self.name, why=why)
            self._say(f"{self.name} cannot be read: {why}")
        self._failed = why

    def lag(self) -> dict[str, int]:
        """Return the entries that were not stored yet at the last look."""
        return {"entries": 0 if self._state is None else self._left(self._state)}

    def close(self) -> None:
        """Let the connection go."""
        self._redis.close()


def _connect(address: Address) -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        import redis
    except ModuleNotFoundError:
        raise MissingExtraError("reading a Redis stream", "live") from None
    from redis.backoff import NoBackoff
    from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError
    from redis.retry import Retry

    # No retries below us: a read whose answer was lost has moved the group on, and asking again would skip entries.
    client = redis.Redis.from_url(
        address.server, socket_timeout=30, socket_connect_timeout=10, retry=Retry(NoBackoff(), 0)
    )
    return client, (ConnectionError, TimeoutError, BusyLoadingError, OSError)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def group_of(workspace: Path) -> str:
    """Name a group for a workspace: by an id kept in it, and its path, so that a copy does not share the group."""
    path = workspace / "store" / "id"
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(secrets.token_hex(8))
    except FileExistsError:
        pass
    place = f"{path.read_text(encoding='utf-8')}:{workspace.resolve()}"
    return f"cartpath-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def _before(entry: str) -> str:
    ms, _, number = entry.partition("-")
    return f"{ms}-{int(number) - 1}" if int(number) else f"{int(ms) - 1}-{2**64 - 1}"
