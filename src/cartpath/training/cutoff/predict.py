"""Churn, spend and repeat purchase of millions of users as of a moment: a bucket of the store at a time."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath import config, store
from cartpath.features import check_known_before
from cartpath.features.surroundings import ShopLog, in_snapshot, surrounded
from cartpath.models.cutoff import LabelScorer, SpendScorer
from cartpath.schema import MICROSECONDS, CartpathError, Columns, iso, microseconds_of
from cartpath.store import Snapshot
from cartpath.store.prop_buckets import owners_of
from cartpath.tasks import REPEATED, CutoffRows, RepeatRows, RepeatTask, SpendTask
from cartpath.training.cutoff.asking import asked_at
from cartpath.training.cutoff.chosen import Chosen, chosen_model
from cartpath.training.cutoff.job import CutoffTask
from cartpath.training.cutoff.question import check_task, words_of
from cartpath.training.data import Progress, silent
from cartpath.training.intent.predict import TIME, shop_log
from cartpath.training.row_file import check_row_file, row_file
from cartpath.training.users_asked import EVERYONE, Keys, paths_of, wanted_keys

_DAY = 86_400 * MICROSECONDS


def predict(
    workspace: Path | str,
    out: Path | str,
    *,
    task: str,
    users: Path | str = EVERYONE,
    at: str | int | None = None,
    model: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score users as of a moment: whoever would be asked about there.

    Parameters
    ----------
    workspace : Path
    out : Path
        ``.parquet`` or ``.csv``: a row a user, ``user_id at score``; of spend also ``low high``; of repeat purchase a
        row a pair, with ``item_id``, ``category`` … after the user.
    task : str
        ``churn``, ``spend`` or ``repeat``.
    users : Path or str
        A file of ids, one a line or in a column ``user_id``; ``"all"`` by default.
    at : str or int, optional
        A date or time of the shop's time zone, or microseconds since 1970 UTC; by default just after the last event.
    model : str, optional
        A fitted one; by default the best by the calibration slice. The question is that it was fitted for.
    progress : callable, optional

    Returns
    -------
    dict
        ``task``, ``asked``, ``model``, ``at``, ``rows``, ``users_unknown`` and ``users_not_asked`` (of the file: whom
        the store does not know, and who was not active), ``warnings``, ``out``, ``generation``, ``seconds``.

    Raises
    ------
    CartpathError
        If no model is fitted, it is unknown or damaged, nobody is asked about, later events shaped the paths, the file
        of users cannot be read, or ``out`` not be written.
    """
    check_task(task)
    workspace, out, told, began = Path(workspace), Path(out), progress or silent, time.monotonic()
    check_row_file(out)
    told("loading the model", 0.0)
    with store.open_snapshot(workspace) as snapshot:
        chosen, zone = chosen_model(workspace, task, model), config.load(workspace).shop
        moment = _moment(snapshot, microseconds_of(at, zone.zone) if isinstance(at, str) else at)
        check_known_before(snapshot.shaped_until, moment)
        wanted = None if str(users) == EVERYONE else wanted_keys(Path(users), owners_of(snapshot))
        work = _Work(snapshot, chosen, moment, wanted, zone.time_zone)
        about = {**words_of(task, chosen.task), "model": chosen.name, "at": iso(moment)}
        words = {name: str(value) for name, value in {**about, "generation": snapshot.generation}.items()}
        with row_file(out, schema_of(chosen.task), words) as write:
            for bucket in range(snapshot.n_buckets):
                write(work.rows(bucket))
                told("scoring", (bucket + 1) / snapshot.n_buckets)
            _check_somebody(work, about["at"])
        unknown = 0 if wanted is None else len(wanted) - work.known
        ignored = 0 if wanted is None else work.known - work.asked
        warnings, generation = _warnings(snapshot, moment), snapshot.generation
    counts = {"rows": work.written, "users_unknown": unknown, "users_not_asked": ignored}
    more = {"warnings": warnings, "out": str(out), "generation": generation}
    return {**about, **counts, **more, "seconds": round(time.monotonic() - began, 2)}


def schema_of(task: CutoffTask) -> pa.Schema:
    """Return the columns of what is written for a task.

    Examples
    --------
    >>> schema_of(RepeatTask("30d", "brand")).names, schema_of(SpendTask("30d")).names
    (['user_id', 'brand', 'at', 'score'], ['user_id', 'at', 'score', 'low', 'high'])
    """
    what = [(_column_of(task), pa.string())] if isinstance(task, RepeatTask) else []
    ends = [("low", pa.float64()), ("high", pa.float64())] if isinstance(task, SpendTask) else []
    return pa.schema([(Columns.user_id, pa.string()), *what, ("at", TIME), ("score", pa.float64()), *ends])


def _column_of(task: RepeatTask) -> str:
    return Columns.item_id if task.of == REPEATED[0] else task.of


class _Work:
    """Makes the rows of a bucket, and counts them."""

    def __init__(self, snapshot: Snapshot, chosen: Chosen, at: int, wanted: Keys | None, zone: str) -> None:
        self.snapshot, self.chosen, self.at, self.wanted = snapshot, chosen, at, wanted
        self.known = self.asked = self.written = 0
        # One object for all buckets, by which models know codes and catalogue again.
        empty = shop_log(snapshot.codes, snapshot.items, snapshot.generation)
        self._shop: ShopLog = surrounded(empty, in_snapshot(snapshot, zone))

    def rows(self, bucket: int) -> pa.Table:
        """Return the rows of a bucket."""
        log = replace(self._shop, view=paths_of(self.snapshot, bucket, self.wanted))
        rows = asked_at(log, self.at, self.chosen.task)
        self.known += log.view.n_users
        self.asked += len(np.unique(rows.user))
        self.written += len(rows)
        columns: dict[str, Any] = {Columns.user_id: log.view.user_id.take(pa.array(rows.user))}
        if isinstance(rows, RepeatRows):
            texts = pa.array(rows.texts, pa.string())
            columns[schema_of(self.chosen.task).names[1]] = texts.take(pa.array(rows.what))
        columns["at"] = pa.array(rows.cutoff, pa.int64()).cast(TIME)
        columns |= _said(self.chosen.scorer, log, rows)
        if log.surroundings is not None:
            log.surroundings.tables.clear()
        schema = schema_of(self.chosen.task)
        return pa.table(columns, schema=schema) if len(rows) else schema.empty_table()


def _said(scorer: LabelScorer | SpendScorer, log: ShopLog, rows: CutoffRows) -> dict[str, Any]:
    if not len(rows):
        return {}
    if isinstance(scorer, LabelScorer):
        return {"score": scorer.score(log, rows)}
    predicted = scorer.model.predicted(log, rows)
    low, high = scorer.interval(predicted)
    return {"score": scorer.scale.amount(predicted), "low": low, "high": high}


def _moment(snapshot: Snapshot, at: int | None) -> int:
    last = snapshot.totals.last_ts
    if last is None:
        raise CartpathError("the store has no events", "ingest some first: cartpath ingest SHOP SOURCE")
    return last + 1 if at is None else at


def _check_somebody(work: _Work, at: str) -> None:
    if not work.written and work.wanted is None:
        raise CartpathError(
            f"nobody is asked about at {at}: no user was active before it, in the way that the question wants",
            "choose another --at, or fine-tune with a longer --active-within",
        )


def _warnings(snapshot: Snapshot, at: int) -> list[str]:
    last = snapshot.totals.last_ts or at
    if at - last <= _DAY:
        return []
    return [f"the last event is at {iso(last)}: until {iso(at)} everybody looks inactive"]
