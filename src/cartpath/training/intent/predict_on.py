"""The probability that a purchase follows, at the events of new files, which are not stored."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import store
from cartpath.features import Log, by_session
from cartpath.ingest import IngestSummary
from cartpath.ingest.catalogue import load_items
from cartpath.models.intent import steps_at
from cartpath.schema import Columns
from cartpath.store import PathView
from cartpath.store.prop_buckets import owners_of
from cartpath.store.tables import upsert
from cartpath.training.data import Progress, silent
from cartpath.training.intent.chosen import Chosen, chosen_model, pieces
from cartpath.training.intent.explain import driven, with_drivers
from cartpath.training.intent.finetune import check_task
from cartpath.training.intent.joined import Joiner, value_rules
from cartpath.training.intent.keep import INTENT
from cartpath.training.intent.on_source import OWN_ID, Reading, SourceRows, read_source
from cartpath.training.intent.predict import TIME, named, shop_log, told_once
from cartpath.training.intent.session_ids import with_made_up
from cartpath.training.row_file import check_row_file, row_file

#: A row an event of the source.
EVENT_ROWS = pa.schema(
    [
        (Columns.user_id, pa.string()),
        (Columns.session_id, pa.string()),
        (Columns.event_id, pa.string()),
        ("position", pa.int32()),
        (Columns.ts, TIME),
        (Columns.event, pa.string()),
        ("score", pa.float64()),
        ("step", pa.int32()),
    ]
)
Index = npt.NDArray[np.int64]


def predict_on(
    workspace: Path | str,
    reading: Reading,
    out: Path | str,
    *,
    task: str = INTENT,
    every_event: bool = False,
    items: Path | str | None = None,
    model: str | None = None,
    drivers: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score new files without storing them: at each event, will a purchase follow in the rest of its session?

    A score is read from its event and from earlier ones of the same user alone, of the source and of the shop.

    Parameters
    ----------
    workspace : Path
    reading : Reading
    out : Path
        ``.parquet`` or ``.csv``: ``user_id session_id event_id position ts event score step``.
    task : str
        ``intent``.
    every_event : bool
        A row an event of the source; by default a row a session, at its latest event.
    items : Path, optional
        A catalogue that goes over the shop's.
    model : str, optional
        A fitted one; by default the best by the calibration slice.
    drivers : int
        As of ``predict``.
    progress : callable, optional

    Returns
    -------
    dict
        As ``predict``; ``users_unknown`` are those of the source that the shop does not know, and ``source`` says what
        became of its rows: ``read = events + duplicates + quarantined``, and of the events ``known`` are the shop's.

    Raises
    ------
    CartpathError
        As ``predict`` and ``cartpath.ingest``.
    """
    check_task(task)
    workspace, out, told, began = Path(workspace), Path(out), progress or silent, time.monotonic()
    check_row_file(out)
    told("loading the model", 0.0)
    with store.open_snapshot(workspace) as shop:
        chosen, owners, catalogue = chosen_model(workspace, model), owners_of(shop), shop.items
        if items is not None:
            catalogue = upsert(catalogue, load_items(items), Columns.item_id)
        with read_source(shop, owners, reading, lambda words, share: told(words, share / 2)) as source:
            joiner = Joiner(shop, source.snapshot.codes("event"), value_rules(shop))
            work = _Events(
                chosen, joiner, shop_log(source.snapshot.codes, catalogue, shop.generation), every_event, drivers
            )
            with row_file(out, driven(EVENT_ROWS, drivers), told_once(chosen, shop)) as write:
                for bucket, rows in source:
                    for table in work.rows(bucket, rows):
                        write(table)
                    told("scoring", 0.5 + (bucket + 1) / shop.n_buckets / 2)
            about = {**chosen.about(), **work.counts.to_dict(), "source": _told(source, work.counts)}
    about |= {"out": str(out), "generation": shop.generation}
    return {**about, "seconds": round(time.monotonic() - began, 2)}


def _told(source: SourceRows, counts: _Counts) -> dict[str, Any]:
    summary: IngestSummary = source.summary
    names = ("files", "source_rows", "not_requested", "read", "duplicates", "quarantined", "reasons", "truncated")
    if summary.stored != counts.events:
        raise AssertionError(f"{summary.stored} events were read and {counts.events} joined")
    return {**{name: getattr(summary, name) for name in names}, "events": counts.events, "known": counts.known}


@dataclass
class _Counts:
    rows: int = 0
    users: int = 0
    unknown: int = 0
    events: int = 0
    known: int = 0

    def to_dict(self) -> dict[str, int]:
        return {"rows": self.rows, "users": self.users, "users_unknown": self.unknown}


@dataclass
class _Events:
    """Makes the rows of a bucket, and counts."""

    chosen: Chosen
    joiner: Joiner
    shop: Log
    every_event: bool
    drivers: int = 0
    counts: _Counts = field(default_factory=_Counts)

    def rows(self, bucket: int, rows: pa.Table) -> Iterator[pa.Table]:
        """Yield the rows of a bucket's users, some users at a time, in path order."""
        joined = self.joiner(bucket, rows)
        counts, view = self.counts, joined.view
        counts.users += view.n_users
        counts.unknown += view.n_users - joined.known_users
        counts.events += len(joined.rows)
        counts.known += joined.known_events
        for first, part in pieces(view):
            begin = int(view.offsets[first])
            low, high = np.searchsorted(joined.places, [begin, begin + part.n_events])
            table = self._piece(part, joined.places[low:high] - begin, rows.take(pa.array(joined.rows[low:high])))
            counts.rows += len(table)
            yield table

    def _piece(self, part: PathView, places: Index, rows: pa.Table) -> pa.Table:
        log, session = replace(self.shop, view=part), part.session[places].astype(np.int64)
        if not self.every_event:
            keep = _latest(session)
            places, session, rows = places[keep], session[keep], rows.take(pa.array(keep))
        ends = places + 1
        columns = {
            Columns.user_id: _text(rows, OWN_ID if OWN_ID in rows.column_names else Columns.user_id),
            Columns.session_id: with_made_up(_text(rows, Columns.session_id), part, session),
            Columns.event_id: _text(rows, Columns.event_id),
            "position": pa.array(positions(part)[places], pa.int32()),
            Columns.ts: rows[Columns.ts].cast(TIME),
            Columns.event: named(log, places),
            "score": self.chosen.scorer.score(log, ends),
            "step": pa.array(steps_at(log, ends), pa.int32()),
        }
        return with_drivers(columns, EVENT_ROWS, self.chosen, log, ends, self.drivers)


def positions(view: PathView) -> Index:
    """Return the place of each event within its session, from 1, in path order (n_events,).

    Examples
    --------
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 1, 9000], pa.timestamp("s", tz="UTC"))
    >>> events = {"user_id": ["u"] * 3, "ts": when, "event": ["view"] * 3}
    >>> positions(log_from_table(pa.table(events)).view).tolist()
    [1, 2, 1]
    """
    order, starts = by_session(view)
    found = np.empty(view.n_events, np.int64)
    found[order] = np.arange(view.n_events) - np.repeat(starts[:-1], np.diff(starts)) + 1
    return found


def _latest(session: Index) -> Index:
    """Return the last place of each session among the places given, ascending."""
    _, back = np.unique(session[::-1], return_index=True)
    return np.sort(len(session) - 1 - back)


def _text(rows: pa.Table, name: str) -> pa.Array:
    if name not in rows.column_names:
        return pa.nulls(len(rows), pa.string())
    return rows[name].combine_chunks().cast(pa.string())
