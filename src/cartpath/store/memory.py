"""The path table of events that are in memory: for tests, notebooks and live paths."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cartpath.store.codes import Codes
from cartpath.store.path import PathView
from cartpath.store.prepare import prepare
from cartpath.store.run import Run, build, drop_duplicates, order_rows


def run_from_table(table: pa.Table, gap_seconds: int, codes: Codes) -> Run:
    """Return the run of canonical events, exact duplicates dropped."""
    rows = prepare(table, codes)
    keep = drop_duplicates(rows, np.zeros(0, np.uint64))
    if not keep.all():
        rows = rows.filter(pa.array(keep))
    return build(rows, *order_rows(rows), gap_seconds)


def view_from_table(table: pa.Table, gap_seconds: int = 1800, codes: Codes | None = None) -> tuple[PathView, Codes]:
    """Return the path table of canonical events held in memory.

    Parameters
    ----------
    table : pyarrow.Table (n events)
        Any of the columns of ``schema.event_schema()``.
    gap_seconds : int
        Inactivity that ends a session without an id.
    codes : Codes, optional
        Dictionaries to extend; new ones by default.

    Returns
    -------
    tuple of PathView and Codes

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> when = [datetime(2024, 1, 1, 0, minute, tzinfo=UTC) for minute in (5, 0)]
    >>> view, codes = view_from_table(pa.table({"user_id": ["u", "u"], "ts": when, "event": ["view", "click"]}))
    >>> [codes.text("event")[code] for code in view.event]
    ['click', 'view']
    """
    codes = codes or Codes()
    return run_from_table(table, gap_seconds, codes).view(), codes
