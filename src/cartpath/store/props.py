"""Properties of events that the path table does not have, read from the event store when they are asked for.

``props`` is JSON text, and only parts keep it. ``prop`` reads one key of it and lays its values down as codes in path
order, a file a bucket, so that the second question is as fast as one about a column of the path table. These files
are a cache: they are made again when they are gone, go with the generation that they are of, and hold what people
did, so an erasure deletes them all.

How a row of a part is found in the path: a raw run is its parts' rows in the stable order of user and time, part
after part. A derived one keeps the fingerprint of each of its events (``row_hash``), whichever user it came from.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import OTHER, CartpathError
from cartpath.store.files import load_arrays, write_json
from cartpath.store.manifest import PROPS, STORE
from cartpath.store.mapping import Mapper, on_threads
from cartpath.store.path import PathView
from cartpath.store.prop_buckets import Keeping, LayDown, RawProps, ReadPart, lay_down_derived, owners_of
from cartpath.store.prop_parts import merge_labels, some_texts
from cartpath.store.snapshot import Snapshot

_INDEX = "index.json"
#: What writing to a store that is read-only raises.
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Prop:
    """The values of one property in one generation; can be pickled and used where the workspace is seen.

    Attributes
    ----------
    name : str
        Without ``props.``.
    labels : tuple of str
        By code, most frequent first; the last is ``(other)`` where some values have no code of their own.
    is_number : bool
        Whether every value is a number.
    distinct, rows, left_out : int
        Different values; events that have one; events whose value is within ``(other)``. Of all events ingested.
    """

    name: str
    labels: tuple[str, ...]
    is_number: bool
    distinct: int
    rows: int
    left_out: int
    _generation: int
    _folder: Path

    def codes(self, view: PathView) -> npt.NDArray[np.int32]:
        """Return the code of each event's value, -1 where there is none (n_events,).

        Raises
        ------
        CartpathError
            If the view is not of this generation's path table, such as a live path.
        """
        stored = self._stored(view)
        return np.full(view.n_events, -1, np.int32) if stored is None else stored["codes"].to_numpy()

    def numbers(self, view: PathView) -> npt.NDArray[np.float64]:
        """Return each event's number, NaN where there is none (n_events,); also of values within ``(other)``."""
        stored = self._stored(view)
        if stored is None or not self.is_number:
            return np.full(view.n_events, np.nan)
        return stored["numbers"].to_numpy()  # type: ignore[no-any-return]

    def _stored(self, view: PathView) -> dict[str, pa.Array] | None:
        place = view.place
        if place is None or place.generation != self._generation:
            raise CartpathError(
                f"props.{self.name} is not known here", "properties are kept with stored paths, not with live ones"
            )
        if not self.rows or not view.n_events:
            return None
        stored = load_arrays(self._folder / f"{place.bucket:04d}.arrow")
        return {name: values.slice(place.first, view.n_events) for name, values in stored.items()}


def prop(snapshot: Snapshot, name: str, mapper: Mapper = on_threads) -> Prop:
    """Return a property of events by its key in ``props``; the first time in a generation it is read from the parts.

    Parameters
    ----------
    snapshot : Snapshot
    name : str
        A key; ``a.b`` is the key of that name, or else the key ``b`` of the object ``a``.
    mapper : Mapper, optional
        What reads parts and buckets: threads by default, an engine where there is one. Memory is bounded by a
        bucket each.

    Returns
    -------
    Prop
        Without labels where no event has the key.

    Raises
    ------
    CartpathError
        If the workspace cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import UTC, datetime
    >>> from cartpath import store
    >>> shop = tempfile.mkdtemp() + "/shop"
    >>> store.init(shop)
    >>> when = datetime(2024, 1, 1, tzinfo=UTC)
    >>> with store.writer(shop) as writer:
    ...     events = {"user_id": ["u", "v"], "ts": [when, when], "event": ["view", "view"]}
    ...     writer.add(pa.table({**events, "props": ['{"size": "L"}', "{}"]}))
    ...     _ = writer.commit()
    >>> with store.open_snapshot(shop) as snapshot:
    ...     size = prop(snapshot, "size")
    ...     sum(size.codes(snapshot.bucket(b)).tolist().count(0) for b in range(snapshot.n_buckets))
    1
    >>> size.labels
    ('L',)
    """
    if not name or not all(name.split(".")):
        raise CartpathError(f"no property props.{name}", "name a key, such as props.size or props.size.unit")
    store = snapshot.workspace.resolve() / STORE
    folder = store / PROPS / hashlib.blake2b(name.encode(), digest_size=12).hexdigest()
    own = folder / f"{snapshot.generation:08d}"
    if not (own / _INDEX).exists():
        try:
            _lay_down(snapshot, name, Keeping(store, folder, snapshot.generation), mapper)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            raise CartpathError(
                f"props.{name} was not asked for before, and {store} cannot be written to",
                "ask once where it can: properties are read from the event store and kept beside it",
            ) from None
    known = json.loads((own / _INDEX).read_text(encoding="utf-8"))
    return Prop(name, tuple(known.pop("labels")), **known, _generation=snapshot.generation, _folder=own)


def keys_of(snapshot: Snapshot, events: int = 100) -> list[str]:
    """Return keys that ``props`` has in some events of each bucket, most frequent first: to suggest what was meant.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> shop = tempfile.mkdtemp() + "/shop"
    >>> store.init(shop)
    >>> with store.open_snapshot(shop) as snapshot:
    ...     keys_of(snapshot)
    []
    """
    found: Counter[str] = Counter()
    store = snapshot.workspace / STORE
    for part in (store / entry["parts"][-1] for entry in snapshot.manifest.data["buckets"] if entry["parts"]):
        for text in some_texts(part, events):
            found.update(_keys(text))
    return [key for key, _ in found.most_common()]


def _keys(text: str) -> list[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return []
    inner = [f"{key}.{name}" for key, value in document.items() if isinstance(value, dict) for name in value]
    return [*document, *inner]


def _lay_down(snapshot: Snapshot, name: str, keeping: Keeping, mapper: Mapper) -> None:
    """Read the parts that were not read before, choose the labels, and write each bucket's codes in path order."""
    entries = snapshot.manifest.data["buckets"]
    parts = [part for entry in entries for part in entry["parts"]]
    mapper(ReadPart(keeping, name), parts)
    found = merge_labels([keeping.of_part(part) for part in parts])
    buckets = [bucket for bucket, entry in enumerate(entries) if entry["parts"] and found.rows]
    raw = RawProps(keeping, entries, found, bool(found.numbers == found.rows and found.rows), snapshot.gap_seconds)
    if snapshot.derivation is None:
        mapper(LayDown(raw), buckets)
    elif found.rows:
        lay_down_derived(raw, owners_of(snapshot), mapper)
    labels = found.values.to_pylist() + ([OTHER] if found.left_out else [])
    counts = {"distinct": found.distinct, "rows": found.rows, "left_out": found.left_out}
    keeping.write(
        keeping.own / _INDEX, lambda path: write_json(path, {"labels": labels, "is_number": raw.is_number} | counts)
    )
