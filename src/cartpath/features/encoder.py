"""Events to the numbers a network looks up: one table of ids, a range of it for each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.features.catalogue import CONTENT, content_of_items, event_prices, listed_prices, price_ids
from cartpath.features.log import Log
from cartpath.features.moments import Moments, log_bucket, moments
from cartpath.features.vocabulary import Vocabulary, lookup
from cartpath.schema import CODED_CONTEXT, Columns

Array = npt.NDArray[Any]

#: Fields of an event that are text: name, values kept, places for the rest, users a value needs.
TEXT: tuple[tuple[str, int, int, int], ...] = (
    ("event", 200, 8, 1),
    ("item", 2_000_000, 0, 1),
    ("page", 2000, 256, 5),
    ("section", 300, 64, 5),
    ("query", 500, 64, 5),
)
#: Fields of an event that are numbers, and their ids.
_NUMBERS: Mapping[str, int] = {"gap": 48, "hour": 25, "weekday": 8, "place": 24, "since": 32, "visit": 16, "price": 22}
#: Those of them that need no times.
_UNTIMED: tuple[str, ...] = ("price",)
#: Fields of the session.
_SESSION_NUMBERS: Mapping[str, int] = {Columns.is_direct: 3, Columns.visit_number: 16}


@dataclass(frozen=True)
class PathEncoder:
    """What the fields are and which values they have; fitted on events before ``until`` alone.

    Attributes
    ----------
    vocabularies : mapping of str to Vocabulary
        Text fields of events, of the catalogue and of sessions; those the data has.
    edges : float64 array
        Limits of the price buckets.
    until : int
        Microseconds since 1970; nothing at or after it was read.
    timed : bool
        Whether the log had times; without, there are no fields of them. See ``Log.timed``.
    """

    vocabularies: Mapping[str, Vocabulary]
    edges: npt.NDArray[np.float64]
    until: int
    timed: bool = True

    @property
    def event_fields(self) -> list[str]:
        """Fields of an event in the order of their ids; ``event`` and ``item`` first."""
        text = [name for name, *_ in TEXT if name in self.vocabularies]
        return [*text, *self.content_fields, *(_NUMBERS if self.timed else _UNTIMED)]

    @property
    def content_fields(self) -> list[str]:
        """Fields of an item that come from the catalogue."""
        return [name for name in CONTENT if name in self.vocabularies]

    @property
    def session_fields(self) -> list[str]:
        """Fields of a session."""
        text = [name for name in CODED_CONTEXT if name in self.vocabularies]
        return [*text, *(_SESSION_NUMBERS if self.timed else ())]

    @property
    def sizes(self) -> dict[str, int]:
        """Ids of each field: of events, then of sessions, then ``start``."""
        text = {name: vocabulary.size for name, vocabulary in self.vocabularies.items()}
        known = {**_NUMBERS, **_SESSION_NUMBERS, **text}
        return {name: known[name] for name in [*self.event_fields, *self.session_fields]}

    @property
    def offsets(self) -> dict[str, int]:
        """Where each field's range begins in the table; id 0 of every field is the padding, row 0."""
        ends = np.cumsum([0, *self.sizes.values()])
        return {name: int(end) for name, end in zip(self.sizes, ends, strict=False)}

    @property
    def events(self) -> Vocabulary:
        """The event types."""
        return self.vocabularies["event"]

    @property
    def items(self) -> Vocabulary:
        """The items whose identity is known."""
        return self.vocabularies["item"]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        vocabularies = {name: vocabulary.to_dict() for name, vocabulary in self.vocabularies.items()}
        return {
            "vocabularies": vocabularies,
            "edges": self.edges.tolist(),
            "until": self.until,
            "timed": self.timed,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> PathEncoder:
        """Read what ``to_dict`` returned."""
        vocabularies = {name: Vocabulary.from_dict(value) for name, value in raw["vocabularies"].items()}
        return cls(vocabularies, np.array(raw["edges"], np.float64), int(raw["until"]), bool(raw.get("timed", True)))


@dataclass(frozen=True)
class EncodedLog:
    """A log's ids, each already moved to its field's range; 0 is absent.

    Attributes
    ----------
    log : Log
    events : int32 array (n_events, n_event_fields)
    sessions : int32 array (n_sessions, n_session_fields)
    event_id, item_id : int32 array (n_events,)
        Ids within their own vocabulary, for targets.
    moments : Moments
    """

    log: Log
    events: npt.NDArray[np.int32]
    sessions: npt.NDArray[np.int32]
    event_id: npt.NDArray[np.int32]
    item_id: npt.NDArray[np.int32]
    moments: Moments


def section_of(page: str) -> str:
    """Return the first two parts of a page's path.

    Examples
    --------
    >>> section_of("/shop/men/shirts?sort=price")
    '/shop/men'
    """
    return "/".join(page.split("?", 1)[0].split("/")[:3])


@dataclass(frozen=True)
class Lookups:
    """Ids by code, the last one of code -1: all of an encoder that does not depend on events, so worked out once.

    Attributes
    ----------
    text : mapping of str to int32 array (n_codes + 1,)
        Text fields of events and of sessions; ``section`` by the code of the page.
    content : int32 array (n_items + 1, n_content_fields)
        Content ids by item code.
    prices : float64 array (n_items + 1,)
        The catalogue's price by item code, NaN where it has none.
    """

    text: Mapping[str, npt.NDArray[np.int32]]
    content: npt.NDArray[np.int32]
    prices: npt.NDArray[np.float64]


def lookups(log: Log, encoder: PathEncoder) -> Lookups:
    """Return the ids of a log's codes; they are the same for every log of one store."""
    text = {}
    for name, vocabulary in encoder.vocabularies.items():
        if name == "section":
            text[name] = lookup(vocabulary, [section_of(page) for page in log.codes("page")])
        elif name not in CONTENT:
            text[name] = lookup(vocabulary, log.codes(name))
    return Lookups(text, item_content(log, encoder), listed_prices(log))


def grown_lookups(known: Lookups, log: Log, encoder: PathEncoder) -> Lookups:
    """Return the ids of a log whose dictionaries have more texts at their ends than when ``known`` was worked out.

    Parameters
    ----------
    known : Lookups
        Returned as it is where nothing was added.
    log : Log
    encoder : PathEncoder
    """
    text = dict(known.text)
    for name, ids in known.text.items():
        texts = log.codes("page" if name == "section" else name)
        if len(texts) + 1 < len(ids):
            return lookups(log, encoder)
        if len(texts) + 1 > len(ids):
            new = texts[len(ids) - 1 :]
            more = encoder.vocabularies[name].ids(map(section_of, new) if name == "section" else new)
            text[name] = np.concatenate([ids[:-1], more, ids[-1:]])
    if all(text[name] is ids for name, ids in known.text.items()):
        return known
    added = len(text["item"]) - len(known.text["item"])
    if not added:
        return Lookups(text, known.content, known.prices)
    alone = _with_items(log, log.codes("item")[-added:])
    content = np.concatenate([known.content[:-1], item_content(alone, encoder)])
    return Lookups(text, content, np.concatenate([known.prices[:-1], listed_prices(alone)]))


def _with_items(log: Log, texts: list[str]) -> Log:
    """Return a log whose items are these alone: a catalogue of many is not gone through for a few that are new."""
    items = log.items
    if Columns.item_id in items.column_names:
        items = items.filter(pc.is_in(items[Columns.item_id], pa.array(texts, items[Columns.item_id].type)))
    return replace(log, codes=lambda name: texts if name == "item" else log.codes(name), items=items)


def encode(log: Log, encoder: PathEncoder, ids: Lookups | None = None) -> EncodedLog:
    """Give each event and each session of a log its ids.

    An event's ids depend on it and on what came before it, never on what comes after.

    Parameters
    ----------
    log : Log
    encoder : PathEncoder
    ids : Lookups, optional
        ``lookups(log, encoder)``, where it is at hand.
    """
    ids = lookups(log, encoder) if ids is None else ids
    known = moments(log.view)
    columns = {**_event_text(log, encoder, ids), **_event_numbers(log, encoder, ids, known)}
    context = _session_columns(log, encoder, ids)
    return EncodedLog(
        log,
        _moved([columns[name] for name in encoder.event_fields], encoder.event_fields, encoder, log.view.n_events),
        _moved(
            [context[name] for name in encoder.session_fields], encoder.session_fields, encoder, len(log.view.sessions)
        ),
        columns["event"],
        columns["item"],
        known,
    )


def _event_text(log: Log, encoder: PathEncoder, ids: Lookups) -> dict[str, npt.NDArray[np.int32]]:
    columns = {}
    for name, *_ in TEXT:
        if name in encoder.vocabularies:
            codes = log.view.page if name == "section" else getattr(log.view, name)
            columns[name] = ids.text[name][codes]
    for place, name in enumerate(encoder.content_fields):
        columns[name] = ids.content[log.view.item, place]
    return columns


def item_content(log: Log, encoder: PathEncoder) -> npt.NDArray[np.int32]:
    """Return the content ids of each item code (n_codes + 1, n_content_fields); the last row is no item."""
    n_codes = len(log.codes("item"))
    content = content_of_items(log)
    out = np.zeros((n_codes + 1, len(encoder.content_fields)), np.int32)
    for place, name in enumerate(encoder.content_fields):
        if name in content:
            texts, by_item = content[name]
            out[:, place] = lookup(encoder.vocabularies[name], texts)[by_item]
    return out


def _event_numbers(log: Log, encoder: PathEncoder, ids: Lookups, known: Moments) -> dict[str, npt.NDArray[np.int32]]:
    return {
        "gap": log_bucket(known.gap, 2, _NUMBERS["gap"]),
        "hour": (known.hour + 1).astype(np.int32),
        "weekday": (known.weekday + 1).astype(np.int32),
        "place": _place_bucket(known.place),
        "since": log_bucket(known.since, 2, _NUMBERS["since"]),
        "visit": log_bucket(known.visit, 2, _NUMBERS["visit"]),
        "price": price_ids(event_prices(log.view, ids.prices), encoder.edges),
    }


def _place_bucket(place: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """One to twelve as they are, then two buckets a doubling."""
    beyond = 13 + np.floor(2 * np.log2(np.maximum(place, 13) / 13)).astype(np.int64)
    return np.minimum(np.where(place <= 12, place, beyond), _NUMBERS["place"] - 1).astype(np.int32)


def _session_columns(log: Log, encoder: PathEncoder, ids: Lookups) -> dict[str, npt.NDArray[np.int32]]:
    context = log.view.sessions.context
    columns = {name: ids.text[name][context[name]] for name in CODED_CONTEXT if name in encoder.vocabularies}
    columns[Columns.is_direct] = np.clip(context[Columns.is_direct] + 1, 0, 2).astype(np.int32)
    columns[Columns.visit_number] = log_bucket(context[Columns.visit_number], 2, _SESSION_NUMBERS[Columns.visit_number])
    return columns


def _moved(
    columns: list[npt.NDArray[np.int32]], names: list[str], encoder: PathEncoder, n: int
) -> npt.NDArray[np.int32]:
    """Put columns side by side, each moved to its field's range, absent as 0 (n, n_fields)."""
    out = np.zeros((n, len(columns)), np.int32)
    for place, (name, column) in enumerate(zip(names, columns, strict=True)):
        out[:, place] = np.where(column > 0, column + encoder.offsets[name], 0)
    return out
