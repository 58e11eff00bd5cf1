"""Applying a plan: a raw run in, a cleaned run out, with what was taken out and how much was changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.config.cleaning import DWELL
from cartpath.ingest.cleaning.decide import IMPUTED, OUTLIER, REASONS, Decisions, decide
from cartpath.ingest.cleaning.fit import delays, expecting
from cartpath.ingest.cleaning.kernels import path_order
from cartpath.ingest.cleaning.plan import VALUES, Plan
from cartpath.ingest.cleaning.robots import robots
from cartpath.schema import Columns
from cartpath.store import FLAG_ROBOT, NO_QUANTITY
from cartpath.store.prepare import ROW_HASH
from cartpath.store.run import Run, rebuild_run

Array = npt.NDArray[Any]

#: What an action is called in the counts.
_DONE = {"flag": "flagged", "clip": "clipped", "blank": "blanked", "quarantine": "quarantined"}
#: Columns of ``Cleaned.removed``.
REMOVED = pa.schema(
    [
        (Columns.user_id, pa.string()),
        (Columns.ts, pa.timestamp("us", tz="UTC")),
        (Columns.event, pa.string()),
        (ROW_HASH, pa.int64()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Cleaned:
    """A run after cleaning.

    Attributes
    ----------
    run : Run
        The very run that was given if nothing was changed.
    removed : pyarrow.Table or None
        Events that were taken out, columns of ``REMOVED``: ``ts`` as it was read, ``reason`` one of ``REASONS``,
        ``row_hash`` the fingerprint by which the raw run has it.
    counts : dict of str to int
        What was done, and out of how many: keys end in ``_flagged _clipped _blanked _quarantined _dropped`` or begin
        with ``imputed_``; ``events users sessions price_expected …`` are what there was. They add up over runs.
    """

    run: Run
    removed: pa.Table | None
    counts: dict[str, int]


def apply(run: Run, plan: Plan, gap_seconds: int, events: Sequence[str]) -> Cleaned:
    """Clean a raw run; the same run and plan always give the same.

    Nothing that is after ``plan.until`` has any influence on what is decided about an event before it.

    Parameters
    ----------
    run : Run
    plan : Plan
    gap_seconds : int
        Inactivity that ends a session without an id, as the run was built with.
    events : sequence of str
        Names of events by code: ``Snapshot.codes("event")``.

    Returns
    -------
    Cleaned
    """
    if not plan.settings.active:
        return Cleaned(run, None, {})
    counts = {"events": len(run), "users": len(run.user_key), "sessions": len(run.sessions)}
    before = np.ones(len(run), np.bool_) if plan.until is None else run.array("ts") < plan.until
    shift, told = _shifts(run, plan, before)
    counts |= told
    order = path_order(run.offsets, run.array("ts") + shift) if shift.any() else np.arange(len(run))
    right = rebuild_run(run, order, gap_seconds, {"ts": run.array("ts") + shift}) if shift.any() else run
    before = before[order]
    done = _decided(right, before, plan, gap_seconds, events)
    counts |= _counts(right, plan, done, events)
    keep = done.reason == 0
    removed = None if keep.all() else _removed(right, right.array("ts") - shift[order], done, events)
    return Cleaned(_rebuilt(right, done, keep, gap_seconds), removed, counts)


def _decided(run: Run, before: npt.NDArray[np.bool_], plan: Plan, gap_seconds: int, events: Sequence[str]) -> Decisions:
    """Decide about the events before ``plan.until`` as if there were no others, then about the others."""
    earlier = run if before.all() else rebuild_run(run, np.flatnonzero(before), gap_seconds)
    machines = earlier.user_key[robots(earlier)] if plan.settings.robots != "leave" else earlier.user_key[:0]
    done = decide(run, plan, events, machines)
    if earlier is not run:
        done.take(decide(earlier, plan, events, machines), before)
    return done


def _shifts(run: Run, plan: Plan, before: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], dict[str, int]]:
    """Return what is added to each event's time: a session whose delay is off by more than the tolerance is moved."""
    tolerance = plan.settings.clock_skew_us
    if tolerance is None:
        return np.zeros(len(run), np.int64), {}
    delay, known = delays(run, before)
    off = np.where(known, delay - (plan.delay or 0), 0) if plan.delay is not None else np.zeros(len(delay), np.int64)
    off[np.abs(off) <= tolerance] = 0
    shift: npt.NDArray[np.int64] = off[run.array("session")]
    counts = {
        "received_sessions": int(known.sum()),
        "skewed_sessions": int(np.count_nonzero(off)),
        "skewed_events": int(np.count_nonzero(shift)),
    }
    return shift, counts


def _counts(run: Run, plan: Plan, done: Decisions, events: Sequence[str]) -> dict[str, int]:
    settings, counts = plan.settings, {}
    left = done.reason == 0
    for column in VALUES:
        if getattr(settings.missing, column) != "leave":
            counts[f"{column}_expected"] = int((expecting(run, column, events) & left).sum())
            counts[f"imputed_{column}"] = int(np.count_nonzero(done.flags[left] & IMPUTED[column]))
    for column in (*VALUES, DWELL):
        rule = settings.outliers.of(column)
        if rule is not None:
            n = int(np.count_nonzero(done.flags & OUTLIER[column]))
            counts[f"outlier_{column}_{_DONE[rule.action]}"] = n
    if settings.near_duplicates == "drop":
        counts["near_duplicate_dropped"] = int((done.reason == REASONS.index("near_duplicate")).sum())
    if settings.robots != "leave":
        marked = (done.flags & FLAG_ROBOT) != 0
        owner = np.repeat(np.arange(len(run.user_key)), np.diff(run.offsets))
        counts["robot_users"] = len(np.unique(owner[marked]))
        counts[f"robot_events_{'dropped' if settings.robots == 'drop' else 'flagged'}"] = int(marked.sum())
    return counts


def _removed(run: Run, ts: npt.NDArray[np.int64], done: Decisions, events: Sequence[str]) -> pa.Table:
    rows = np.flatnonzero(done.reason)
    owner = np.repeat(np.arange(len(run.user_key)), np.diff(run.offsets))[rows]
    columns = [
        run.user_id.take(pa.array(owner)),
        pa.array(ts[rows]).cast(pa.timestamp("us", tz="UTC")),
        pa.array(list(events), pa.string()).take(pa.array(run.array("event")[rows])),
        pa.array(run.array(ROW_HASH)[rows]),
        pa.array(REASONS).take(pa.array(done.reason[rows])),
    ]
    return pa.table(columns, schema=REMOVED)


def _rebuilt(run: Run, done: Decisions, keep: npt.NDArray[np.bool_], gap_seconds: int) -> Run:
    quantity = np.rint(np.nan_to_num(done.values[Columns.quantity], nan=float(NO_QUANTITY))).astype(np.int32)
    made: dict[str, Array] = {Columns.price: done.values[Columns.price], Columns.quantity: quantity}
    changed = {name: values for name, values in made.items() if not _same(values, run.array(name))}
    if done.flags.any():
        changed["flags"] = run.array("flags") | done.flags
    if keep.all() and not changed:
        return run
    return rebuild_run(run, np.flatnonzero(keep), gap_seconds, changed)


def _same(a: Array, b: Array) -> bool:
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
