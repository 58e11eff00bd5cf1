"""What can be filtered on, broken down by and held constant: properties of events, items, sessions and users."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import engine
from cartpath.paths.bins import COUNTS, HOURS, MONEY, Bins
from cartpath.paths.clock import LocalClock, local_clock
from cartpath.paths.conditions import NONE
from cartpath.schema import CODED_CONTEXT, MICROSECONDS, CartpathError, Columns
from cartpath.store import NO_QUANTITY, PathView, Snapshot
from cartpath.store.codes import CODED
from cartpath.store.hashing import hash_strings

if TYPE_CHECKING:
    from cartpath.store.props import Prop

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

EVENT, SESSION, USER = "event", "session", "user"
TEXT, NUMBER = "text", "number"

#: Texts of the events, and the array of ``PathView`` that has their codes.
_EVENT_TEXTS = {name: CODED[name] for name in (Columns.event, Columns.item_id, Columns.page, Columns.query)}
_EVENT_NUMBERS = (Columns.price, Columns.quantity, Columns.order_value)
_CLOCK = ("hour", "weekday")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CATEGORY_SEPARATOR = ">"
#: What names of properties that only the event store has begin with.
_PROPS = "props."


class Reader(Protocol):
    """Reads one property of a bucket: codes of texts, or numbers."""

    def __call__(self, view: PathView) -> npt.NDArray[Any]:
        """Return one value an event, a session or a user."""


@dataclass(frozen=True)
class Property:
    """A property, as scans read it.

    Attributes
    ----------
    name : str
    level : str
        What has one value of it: ``"event"``, ``"session"`` or ``"user"``.
    kind : str
        ``"text"`` or ``"number"``.
    reader : callable
        From a bucket to codes (text) or numbers; -1 and NaN where there is none.
    labels : sequence of str
        Of the codes; for a number those of its bins.
    bins : Bins or None
        How a number becomes a code.
    """

    name: str
    level: str
    kind: str
    reader: Reader
    labels: Sequence[str] = field(repr=False)
    bins: Bins | None = None

    def numbers(self, view: PathView) -> Floats:
        """Return the numbers of a bucket, float64; NaN where there is none."""
        if self.kind != NUMBER:
            raise CartpathError(f"{self.name} is text, not a number", "compare it with = or !=, or ~ for contains")
        return self.reader(view)

    def codes(self, view: PathView) -> Codes:
        """Return the codes of a bucket, int32, one an event, session or user; -1 where there is none."""
        found = self.reader(view)
        return found if self.bins is None else self.bins.codes(found)

    def of_events(self, view: PathView) -> Codes:
        """Return one code an event, int32 (n_events,)."""
        return spread(self.codes(view), self.level, view)

    def label(self, code: int) -> str:
        """Return what a code stands for."""
        return NONE if code < 0 else self.labels[code]


def spread(values: npt.NDArray[Any], level: str, view: PathView) -> npt.NDArray[Any]:
    """Return values of sessions or users as one value an event."""
    if level == SESSION:
        return values[view.session]
    if level == USER:
        return np.repeat(values, np.diff(view.offsets))
    return values


@dataclass(frozen=True)
class EventArray:
    """An array of the path table as it is."""

    array: str

    def __call__(self, view: PathView) -> npt.NDArray[Any]:
        """Return one value an event."""
        found: npt.NDArray[Any] = getattr(view, self.array)
        if self.array == Columns.quantity:
            return np.where(found == NO_QUANTITY, np.nan, found)
        return found


@dataclass(frozen=True)
class OfItem:
    """A column of the catalogue, looked up by the event's item; the last value is that of no item."""

    values: npt.NDArray[Any]

    def __call__(self, view: PathView) -> npt.NDArray[Any]:
        """Return one value an event."""
        return self.values[view.item]


@dataclass(frozen=True)
class OfSession:
    """The context of the session."""

    name: str

    def __call__(self, view: PathView) -> npt.NDArray[Any]:
        """Return one value a session."""
        found = view.sessions.context[self.name]
        return np.where(found < 0, np.nan, found) if self.name == Columns.visit_number else found


@dataclass(frozen=True)
class OfUser:
    """A column of the user table; ``keys`` are the hashes of the ids, ascending."""

    keys: npt.NDArray[np.uint64]
    values: npt.NDArray[Any]
    missing: float

    def __call__(self, view: PathView) -> npt.NDArray[Any]:
        """Return one value a user."""
        found = np.full(view.n_users, self.missing, self.values.dtype)
        if len(self.keys):
            wanted = hash_strings(view.user_id)
            at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            known = self.keys[at] == wanted
            found[known] = self.values[at[known]]
        return found


@dataclass(frozen=True)
class Clock:
    """The hour (a number) or the weekday (a code) of the event, as a zone's clock shows it."""

    part: str
    clock: LocalClock

    def __call__(self, view: PathView) -> npt.NDArray[Any]:
        """Return one value an event."""
        hours = self.clock.local(view.ts) // (3600 * MICROSECONDS)
        # 1 January 1970 was a Thursday.
        if self.part == "hour":
            return (hours % 24).astype(np.float64)
        return ((hours // 24 + 3) % 7).astype(np.int32)


@dataclass(frozen=True)
class OfProps:
    """A key of the events' ``props``, read from the event store."""

    prop: Prop

    def __call__(self, view: PathView) -> npt.NDArray[Any]:
        """Return one value an event."""
        return self.prop.numbers(view) if self.prop.is_number else self.prop.codes(view)


class Properties:
    """The properties of a store, by name.

    Parameters
    ----------
    snap : Snapshot
    time_zone : str
        Of ``hour`` and ``weekday``.

    Notes
    -----
    ``props.NAME`` is a key of the JSON that events carry, ``props.a.b`` a nested one. Any other name is looked for
    among the event's own columns, the catalogue, the session's context and the user table, in this order;
    ``item.NAME`` and ``user.NAME`` say which.
    """

    def __init__(self, snap: Snapshot, time_zone: str = "UTC") -> None:
        self._snap, self._time_zone = snap, time_zone

    @property
    def names(self) -> list[str]:
        """All names that there are."""
        levels = ("category_1", "category_2", "category_3") if Columns.category in self._item_columns else ()
        context = (*CODED_CONTEXT, Columns.is_direct, Columns.visit_number)
        names = (*_EVENT_TEXTS, *_EVENT_NUMBERS, *self._item_columns, *levels, *context, *self._user_columns, *_CLOCK)
        return list(dict.fromkeys(names))

    @property
    def _item_columns(self) -> list[str]:
        return [name for name in self._snap.items.column_names if name != Columns.item_id]

    @property
    def _user_columns(self) -> list[str]:
        return [name for name in self._snap.users.column_names if name != Columns.user_id]

    def find(self, name: str) -> Property:
        """Return a property.

        Parameters
        ----------
        name : str

        Returns
        -------
        Property

        Raises
        ------
        CartpathError
            If there is none of that name; the message suggests which may have been meant.
        """
        if name.startswith(_PROPS):
            return self._of_props(name)
        for look in (self._of_event, self._of_item, self._of_session, self._of_user):
            found = look(name)
            if found is not None:
                return found
        near = difflib.get_close_matches(name, self.names, n=1)
        tail = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self.names)}"
        raise CartpathError(f"no property {name!r}", tail)

    def _of_props(self, name: str) -> Property:
        from cartpath.store.props import keys_of, prop

        found = prop(self._snap, name.removeprefix(_PROPS), engine.map)
        if not found.rows:
            near = [f"{_PROPS}{key}" for key in keys_of(self._snap)]
            likely = difflib.get_close_matches(name, near, n=1) or near[:15]
            tail = f"did you mean {likely[0]!r}?" if len(likely) == 1 else f"there are: {', '.join(likely) or 'none'}"
            raise CartpathError(f"no event has {name}", tail)
        if found.is_number:
            return Property(name, EVENT, NUMBER, OfProps(found), MONEY.labels, MONEY)
        return Property(name, EVENT, TEXT, OfProps(found), found.labels)

    def _of_event(self, name: str) -> Property | None:
        if name in _EVENT_TEXTS:
            return Property(name, EVENT, TEXT, EventArray(_EVENT_TEXTS[name]), self._snap.codes(_EVENT_TEXTS[name]))
        if name in _EVENT_NUMBERS:
            bins = COUNTS if name == Columns.quantity else MONEY
            return Property(name, EVENT, NUMBER, EventArray(name), bins.labels, bins)
        if name in _CLOCK:
            return self._of_clock(name)
        return None

    def _of_clock(self, name: str) -> Property:
        totals = self._snap.totals
        reader = Clock(name, local_clock(self._time_zone, totals.first_ts or 0, totals.last_ts or 0))
        if name == "hour":
            return Property(name, EVENT, NUMBER, reader, HOURS.labels, HOURS)
        return Property(name, EVENT, TEXT, reader, _WEEKDAYS)

    def _of_item(self, name: str) -> Property | None:
        name = name.removeprefix("item.")
        items = self._snap.items
        column, level = _level_of(name) if name not in items.column_names else (name, None)
        if column not in self._item_columns:
            return None
        place = self._item_rows(items)
        if pa.types.is_floating(items[column].type) or pa.types.is_integer(items[column].type):
            values = np.append(items[column].cast(pa.float64()).to_numpy(), np.nan)
            return Property(name, EVENT, NUMBER, OfItem(values[place]), MONEY.labels, MONEY)
        texts = _as_text(items[column])
        codes, labels = _encoded(texts if level is None else _cut(texts, level))
        return Property(name, EVENT, TEXT, OfItem(np.append(codes, np.int32(-1))[place]), labels)

    def _item_rows(self, items: pa.Table) -> npt.NDArray[np.int64]:
        """Return each item code's row in the catalogue, -1 for none; the last entry is that of no item."""
        import pyarrow.compute as pc

        codes = pa.array(self._snap.codes("item"), pa.string())
        found = pc.index_in(codes, items[Columns.item_id].combine_chunks()).fill_null(-1)
        return np.append(found.to_numpy(zero_copy_only=False).astype(np.int64), -1)

    def _of_session(self, name: str) -> Property | None:
        if name in CODED_CONTEXT:
            return Property(name, SESSION, TEXT, OfSession(name), self._snap.codes(name))
        if name == Columns.is_direct:
            return Property(name, SESSION, TEXT, OfSession(name), ("no", "yes"))
        if name == Columns.visit_number:
            return Property(name, SESSION, NUMBER, OfSession(name), COUNTS.labels, COUNTS)
        return None

    def _of_user(self, name: str) -> Property | None:
        name = name.removeprefix("user.")
        if name not in self._user_columns:
            return None
        users = self._snap.users
        keys = hash_strings(users[Columns.user_id])
        order = np.argsort(keys)
        if pa.types.is_floating(users[name].type) or pa.types.is_integer(users[name].type):
            values = users[name].cast(pa.float64()).to_numpy()
            return Property(name, USER, NUMBER, OfUser(keys[order], values[order], np.nan), MONEY.labels, MONEY)
        codes, labels = _encoded(_as_text(users[name]))
        return Property(name, USER, TEXT, OfUser(keys[order], codes[order], -1), labels)


def holds_category(label: str, wanted: str) -> bool:
    """Return whether a category path is the wanted one, lies below it, or has a level of that name.

    Examples
    --------
    >>> [holds_category("Home > Apparel > Shoes", w) for w in ("Apparel", "Home > Apparel", "Shoe")]
    [True, True, False]
    """
    levels = [level.strip() for level in label.split(_CATEGORY_SEPARATOR)]
    asked = [level.strip() for level in wanted.split(_CATEGORY_SEPARATOR)]
    return levels[: len(asked)] == asked or (len(asked) == 1 and asked[0] in levels)


def _level_of(name: str) -> tuple[str, int | None]:
    column, _, level = name.rpartition("_")
    return (column, int(level)) if column == Columns.category and level.isdigit() and level != "0" else (name, None)


def _cut(texts: pa.Array, level: int) -> pa.Array:
    """Return category paths down to a level; null where a path ends before."""

    def cut(path: str | None) -> str | None:
        levels = [part.strip() for part in (path or "").split(_CATEGORY_SEPARATOR)]
        return f" {_CATEGORY_SEPARATOR} ".join(levels[:level]) if path and len(levels) >= level else None

    return pa.array([cut(path) for path in texts.to_pylist()], pa.string())


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks) if found.num_chunks else pa.array([], pa.string())
    if pa.types.is_dictionary(found.type):
        found = found.cast(found.type.value_type)
    if pa.types.is_nested(found.type):
        return pa.array([None if v is None else str(v) for v in found.to_pylist()], pa.string())
    return found.cast(pa.string())


def _encoded(texts: pa.Array) -> tuple[Codes, list[str]]:
    coded = texts.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return codes, coded.dictionary.to_pylist()
