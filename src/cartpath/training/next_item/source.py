"""What a benchmark runs on: an academic file or a shop as a log, its catalogue, and a hash of all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import store
from cartpath.config import FILE_NAME
from cartpath.features import Log, log_from_table, read_log
from cartpath.ingest.sequences import read_items, read_sequences
from cartpath.schema import CartpathError, Columns
from cartpath.store.codes import CODED
from cartpath.store.path import EVENT_ARRAYS
from cartpath.store.tables import upsert
from cartpath.tasks import (
    PROTOCOLS,
    NextItemSplit,
    TimeSplit,
    check_unshaped,
    leave_one_out,
    session_last,
    session_positions,
    time_split_last,
)
from cartpath.tasks.protocols import LEAVE_ONE_OUT, SESSION_POSITIONS, TIME_SPLIT, checked

_SHOP = "a shop"


@dataclass(frozen=True)
class Source:
    """A log to benchmark on.

    Attributes
    ----------
    name : str
        The file as it was named.
    log : Log
    layout : str
        What the file was taken for.
    part : int8 array (n_users,), optional
        0 learned from, 1 validation, 2 test, where the file says so.
    told : list of str
        What was left out, and other things to know.
    every_place : bool
        Whether the file's test asks at every place of its sessions; then validation does so as well.
    """

    name: str
    log: Log
    layout: str
    part: npt.NDArray[np.int8] | None = None
    told: list[str] = field(default_factory=list)
    every_place: bool = False

    @property
    def is_shop(self) -> bool:
        """Whether it is a workspace, whose users may be erased."""
        return self.layout == _SHOP

    @property
    def users(self) -> int:
        """Number of users."""
        return self.log.view.n_users

    @property
    def items(self) -> int:
        """Number of items that events have."""
        touched = self.log.view.item
        return len(np.unique(touched[touched >= 0]))

    def content_hash(self) -> str:
        """Return the SHA-256 of everything a model could read, and of what is held out."""
        return _hash(self.log, self.part)


def open_source(path: Path | str, items: Sequence[Path] = ()) -> Source:
    """Read a file, a folder of sessions or a shop.

    Parameters
    ----------
    path : Path
    items : sequence of Path
        Files about the items, added to the catalogue.

    Raises
    ------
    CartpathError
        If it cannot be read.
    """
    path = Path(path)
    source = _open_shop(path) if (path / FILE_NAME).is_file() else _open_file(path)
    if not items:
        return source
    log = source.log
    known = [log.codes("item")[code] for code in np.unique(log.view.item[log.view.item >= 0])]
    found, told = read_items([Path(file) for file in items], known)
    catalogue = upsert(log.items, found, Columns.item_id) if len(log.items) else found
    return replace(source, log=replace(log, items=catalogue), told=[*source.told, *told])


def _open_file(path: Path) -> Source:
    found = read_sequences(path)
    log = _with_texts(log_from_table(found.events, timed=found.timed))
    told = list(found.told)
    if repeated := len(found.events) - log.view.n_events:
        told.append(f"{repeated:,} events that are exact repeats (user, time, event, item) are left out")
    users = log.view.user_id.to_pylist()
    part = None if found.part is None else np.array([found.part.get(user, 0) for user in users], np.int8)
    return Source(str(path), log, found.layout, part, told, found.every_place)


def _open_shop(path: Path) -> Source:
    with store.open_snapshot(path) as snapshot:
        log = read_log(snapshot)
        # Texts are read now: the snapshot is let go, and with it its dictionaries.
        log = _with_texts(log)
    told = [] if log.share == 1 else [f"a sample of whole users with {log.share:.1%} of the events"]
    return Source(str(path), log, _SHOP, None, told)


def _with_texts(log: Log) -> Log:
    """Hold the texts of codes as plain lists, which can be handed to another process."""
    texts = {name: list(log.codes(name)) for name in CODED.values()}
    return replace(log, codes=texts.__getitem__)


def split_source(
    source: Source, protocol: str, filter_seen: bool = False, events: Sequence[str] | None = None
) -> NextItemSplit:
    """Split a log by a protocol's name.

    Raises
    ------
    CartpathError
        If there is no such protocol, it finds nothing to ask, or paths before its cut were shaped by what came later.
    """
    check_protocol(protocol)
    split = replace(_split(source, protocol, filter_seen, events), events=None if events is None else tuple(events))
    if split.until is not None:
        check_unshaped(source.log.shaped_until, TimeSplit((split.until,) * 3))
    return split


def _split(source: Source, protocol: str, filter_seen: bool, events: Sequence[str] | None) -> NextItemSplit:
    if protocol == LEAVE_ONE_OUT:
        return leave_one_out(source.log, filter_seen, events)
    if protocol == TIME_SPLIT:
        return time_split_last(source.log, filter_seen, events)
    if protocol == SESSION_POSITIONS:
        return session_positions(source.log, filter_seen, events, source.part)
    split = session_last(source.log, filter_seen, events, source.part)
    if not source.every_place:
        return split
    valid, offsets = session_positions(source.log, filter_seen, events, source.part).valid, source.log.view.offsets
    # The test knows so much at least; what was known before is no answer.
    least = (split.test.ends - offsets[split.test.user]).min()
    return checked(replace(split, valid=valid.take(valid.ends - offsets[valid.user] >= least)))


def check_protocol(protocol: str) -> None:
    """Refuse a name that no protocol has.

    Examples
    --------
    >>> check_protocol("leave_one_out")
    Traceback (most recent call last):
    cartpath.schema.errors.CartpathError: there is no protocol 'leave_one_out'
      did you mean 'leave-one-out'?
    """
    if protocol not in PROTOCOLS:
        near = get_close_matches(protocol.strip().lower().replace("_", "-"), PROTOCOLS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(PROTOCOLS)}"
        raise CartpathError(f"there is no protocol {protocol!r}", hint)


def _hash(log: Log, part: npt.NDArray[np.int8] | None) -> str:
    digest, view = hashlib.sha256(), log.view
    for name in EVENT_ARRAYS:
        digest.update(getattr(view, name).tobytes())
    digest.update(view.offsets.tobytes() + view.sessions.start.tobytes())
    for context in view.sessions.context.values():
        digest.update(context.tobytes())
    for texts in (view.user_id, pa.array(log.codes("item")), pa.array(log.codes("event"))):
        for buffer in pa.concat_arrays([texts]).buffers()[1:]:
            digest.update(buffer or b"")
    digest.update(repr([log.timed, log.items.schema.names]).encode())
    for column in log.items.columns:
        digest.update(repr(column.to_pylist()).encode())
    digest.update(b"" if part is None else part.tobytes())
    return digest.hexdigest()
