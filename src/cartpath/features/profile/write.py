"""Features of a store's users, written a bucket at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from cartpath.features.log import Log, read_log
from cartpath.features.profile.column import Column, UserFeatures, join_features, schema_of
from cartpath.features.profile.features import feature_columns, user_features
from cartpath.features.profile.reference import fit_reference_over
from cartpath.features.text import Texts, check_texts, fit_texts
from cartpath.schema import MICROSECONDS, CartpathError, iso
from cartpath.store import Snapshot, atomic, write_json

#: Called with work done, work in all, and what it is where that is not buckets.
Progress = Callable[..., None]
ENDINGS = (".parquet", ".csv")
#: Rows that are gathered before they are written.
_ROWS = 20_000
_DAY = 86_400 * MICROSECONDS


class Sink(Protocol):
    """Takes tables of one schema."""

    def write_table(self, table: pa.Table) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


def check_ending(out: str | Path) -> Path:
    """Refuse a name that says neither Parquet nor CSV.

    Examples
    --------
    >>> check_ending("users.csv").name
    'users.csv'
    """
    path = Path(out)
    if path.suffix not in ENDINGS:
        raise CartpathError(f"cannot write features as {path.name!r}", f"end the name with {' or '.join(ENDINGS)}")
    return path


def snapshot_features(
    snapshot: Snapshot,
    at: int,
    zone: str = "UTC",
    progress: Progress | None = None,
    text: Sequence[str] = (),
    encoder: str | None = None,
) -> UserFeatures:
    """Return the features of all users of a snapshot, in memory; see ``user_features`` and ``write_features``."""
    columns, _, parts = _buckets(snapshot, at, zone, progress, _texts(snapshot, at, text, encoder, progress))
    return join_features(list(parts), columns)


def write_features(
    snapshot: Snapshot,
    at: int,
    out: str | Path,
    zone: str = "UTC",
    progress: Progress | None = None,
    text: Sequence[str] = (),
    encoder: str | None = None,
) -> dict[str, Any]:
    """Write the features of all users of a snapshot; memory is bounded by a bucket.

    Parameters
    ----------
    snapshot : Snapshot
    at : int
        Microseconds since 1970 UTC.
    out : str or Path
        ``.parquet`` or ``.csv``. Units and documentation are in the metadata of Parquet, and beside a CSV file in
        ``NAME.csv.columns.json``.
    zone : str
        IANA name of the shop's time zone.
    progress : callable, optional
    text : sequence of str
        Features of text to add: ``tfidf``, ``word2vec``, ``item2vec``, ``sentences``. They are fitted on the events
        before the moment, of whole users up to ``MAX_EVENTS``.
    encoder : str, optional
        Of ``sentences``; see ``SentenceEncoder``.

    Returns
    -------
    dict
        ``rows columns at time_zone generation out warnings``.

    Raises
    ------
    CartpathError
        If the name has another ending, the store is empty or says too little for the features of text, or later events
        shaped the paths.
    MissingExtraError
        If features of text need a library that is not installed.
    """
    path = check_ending(out)
    texts = _texts(snapshot, at, text, encoder, progress)
    columns, left_out, parts = _buckets(snapshot, at, zone, progress, texts)
    about = {"at": iso(at), "time_zone": zone, "generation": snapshot.generation}
    about |= {"text": list(texts.vectorisers)} if texts is not None else {}
    rows = 0
    with _sink(path, schema_of(columns, {"cartpath": json.dumps(about)})) as write:
        for part in parts:
            write(part)
            rows += len(part)
    if path.suffix == ".csv":
        described = {**about, "columns": [column.to_dict() for column in columns]}
        write_json(path.with_name(f"{path.name}.columns.json"), described)
    summary = {"rows": rows, "columns": len(columns), **about, "out": str(out)}
    return {**summary, "warnings": _warnings(snapshot, at, rows, left_out)}


def _texts(
    snapshot: Snapshot, at: int, names: Sequence[str], encoder: str | None, progress: Progress | None
) -> Texts | None:
    """Fit what is asked for; None if nothing is."""
    if not check_texts(names, encoder):
        return None
    _check_events(snapshot)

    def told(message: str, share: float) -> None:
        if progress is not None:
            progress(share, 1, message)

    return fit_texts(read_log(snapshot), at, names, encoder, told=told)


def _check_events(snapshot: Snapshot) -> None:
    if snapshot.totals.first_ts is None:
        raise CartpathError("the store has no events", "ingest some first: cartpath ingest SHOP SOURCE")


def _buckets(
    snapshot: Snapshot, at: int, zone: str, progress: Progress | None, texts: Texts | None
) -> tuple[list[Column], Sequence[str], Iterator[UserFeatures]]:
    _check_events(snapshot)
    reference, items = fit_reference_over(snapshot, at), snapshot.items

    def scan() -> Iterator[UserFeatures]:
        for bucket in range(snapshot.n_buckets):
            view = snapshot.bucket(bucket)
            log = Log(view, snapshot.codes, items, snapshot.generation, 1.0, snapshot.shaped_until)
            yield user_features(log, at, zone, reference, texts)
            if progress is not None:
                progress(bucket + 1, snapshot.n_buckets)

    described = feature_columns(reference.people, texts.dims if texts is not None else {})
    return described, reference.people.left_out, scan()


@contextmanager
def _sink(path: Path, schema: pa.Schema) -> Iterator[Callable[[UserFeatures], None]]:
    """Yield what takes tables; the file appears once all are written."""
    waiting: list[pa.Table] = []
    with atomic(path) as temporary:
        sink = _open(temporary, path.suffix, schema)

        def flush() -> None:
            if waiting:
                sink.write_table(pa.concat_tables(waiting).combine_chunks())
            waiting.clear()

        def write(part: UserFeatures) -> None:
            waiting.append(part.arrow().cast(schema))
            if sum(len(table) for table in waiting) >= _ROWS:
                flush()

        try:
            yield write
            flush()
        finally:
            sink.close()


def _open(path: Path, ending: str, schema: pa.Schema) -> Sink:
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    parquet = ending == ".parquet"
    sink: Sink = pq.ParquetWriter(path, schema, compression="zstd") if parquet else csv.CSVWriter(path, schema)
    return sink


def _warnings(snapshot: Snapshot, at: int, rows: int, left_out: Sequence[str]) -> list[str]:
    """Say why there are no rows, why the last days are empty, and which attributes of users are not there."""
    totals, found = snapshot.totals, []
    if left_out:
        found = [f"no number, text or list of texts, so left out of the table of users: {', '.join(left_out)}"]
    if not rows:
        found += [f"no user has an event before {iso(at)}: the first event is at {iso(totals.first_ts or 0)}"]
    elif totals.last_ts is not None and at - totals.last_ts > _DAY:
        found += [f"the last event is at {iso(totals.last_ts)}: until {iso(at)} everybody looks inactive"]
    return found
