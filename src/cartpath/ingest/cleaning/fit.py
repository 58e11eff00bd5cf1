"""Fitting: one pass over the raw runs, a partial a bucket, merged, then turned into a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.config import CleaningSettings
from cartpath.config.cleaning import DWELL
from cartpath.ingest.cleaning.bounds import Bounds, fit_bounds
from cartpath.ingest.cleaning.fill import Fill, fit_fill
from cartpath.ingest.cleaning.kernels import dwell_seconds, near_duplicates, session_delays
from cartpath.ingest.cleaning.observed import COARSE, Observed, merge_observed, observe
from cartpath.ingest.cleaning.plan import VALUES, Plan
from cartpath.ingest.cleaning.robots import robots
from cartpath.ingest.cleaning.statistics import median
from cartpath.ingest.doctor.columns import EXPECTED
from cartpath.schema import Columns
from cartpath.store import NO_QUANTITY
from cartpath.store.run import Run, rebuild_run

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

DELAY = "delay"
#: The smallest spread that counts, on the log scale: with a limit of 4, nothing within a factor of 2.7 (price), of 11
#: (quantity), of 1.5 (dwell) of the middle is an outlier, however alike the others are.
LEAST: Mapping[str, float] = {Columns.price: 0.25, Columns.quantity: 0.6, DWELL: 0.1}


@dataclass(frozen=True)
class Partial:
    """What was seen in some runs; partials of runs are added to those of all.

    Attributes
    ----------
    observed : mapping of str to Observed
        Prices and quantities by item; dwell in seconds; of each session the median delay of receipt in microseconds.
    counts : mapping of str to int
        ``events users sessions``; ``price_expected price_missing`` (likewise quantity): events that should have one
        and events of those that lack it; ``near_duplicates robots robot_events``; ``received`` sessions.
    """

    observed: dict[str, Observed]
    counts: dict[str, int]


def expecting(run: Run, column: str, events: Sequence[str]) -> Bools:
    """Mark the events that should have a value in a column.

    A price: product events that name their item (a checkout of a whole cart has no price to be missing). A quantity:
    purchases.
    """
    should = np.array([name in EXPECTED[column] for name in events] or [False])
    marked: Bools = should[run.array("event")]
    return marked & (run.array("item") >= 0) if column == Columns.price else marked


def values_of(run: Run, column: str) -> npt.NDArray[np.float64]:
    """Return prices or quantities as numbers, NaN where unknown."""
    values = run.array(column)
    if column == Columns.quantity:
        return np.where(values == NO_QUANTITY, np.nan, values.astype(np.float64))
    return values


def split(run: Run, until: int | None, gap_seconds: int) -> tuple[Run, Bools]:
    """Return the run of the events before a moment, and where they are in ``run``."""
    before = np.ones(len(run), np.bool_) if until is None else run.array("ts") < until
    return (run if before.all() else rebuild_run(run, np.flatnonzero(before), gap_seconds)), before


def doubled(run: Run, window: int) -> Bools:
    """Mark the near duplicates of a run."""
    ts, event, item = run.array("ts"), run.array("event"), run.array("item")
    page, order, step = run.array("page"), run.array("order"), run.array("step")
    return near_duplicates(run.offsets, ts, event, item, page, order, step, window)


def delays(run: Run, before: Bools) -> tuple[npt.NDArray[np.int64], Bools]:
    """Return the median delay of receipt of each session, and which sessions have one."""
    return session_delays(run.array("ts"), run.array("received"), run.array("session"), before, len(run.sessions))


def scan(run: Run, settings: CleaningSettings, events: Sequence[str], gap_seconds: int) -> Partial:
    """Look at the events of a raw run before ``settings.until``.

    Parameters
    ----------
    run : Run
    settings : CleaningSettings
        Robots and near duplicates that will be dropped do not shape the statistics of the others.
    events : sequence of str
        Names of events by code: ``Snapshot.codes("event")``.
    gap_seconds : int
        As the run was built with.
    """
    run, _ = split(run, settings.until_ts, gap_seconds)
    suspect, near = robots(run), doubled(run, settings.near_window_us)
    of_robots = np.repeat(suspect, np.diff(run.offsets))
    keep = np.ones(len(run), np.bool_)
    if settings.robots == "drop":
        keep &= ~of_robots
    if settings.near_duplicates == "drop":
        keep &= ~near
    item, session = run.array("item"), run.array("session")
    observed = {column: observe(item[keep], values_of(run, column)[keep]) for column in VALUES}
    dwell = dwell_seconds(run.array("ts"), session, keep, len(run.sessions))
    observed[DWELL] = observe(None, dwell, level=COARSE)
    delay, received = delays(run, np.ones(len(run), np.bool_))
    observed[DELAY] = observe(None, delay[received], level=COARSE)
    counts = {"events": len(run), "users": len(run.user_key), "sessions": len(run.sessions)}
    for column in VALUES:
        expected = expecting(run, column, events)
        counts[f"{column}_expected"] = int(expected.sum())
        counts[f"{column}_missing"] = int((expected & np.isnan(values_of(run, column))).sum())
    counts |= {
        "near_duplicates": int(near.sum()),
        "robots": int(suspect.sum()),
        "robot_events": int(of_robots.sum()),
        "received": int(received.sum()),
    }
    return Partial(observed, counts)


def merge(a: Partial, b: Partial) -> Partial:
    """Add two partials; the order does not matter."""
    observed = {name: merge_observed([found, b.observed[name]]) for name, found in a.observed.items()}
    return Partial(observed, {name: n + b.counts[name] for name, n in a.counts.items()})


def finish(partial: Partial, settings: CleaningSettings) -> Plan:
    """Turn what was seen into a plan."""
    bounds = {}
    for column in (*VALUES, DWELL):
        rule = settings.outliers.of(column)
        if rule is None:
            continue
        # Two events of one action are milliseconds apart: that is no tab left open.
        fitted = fit_bounds(partial.observed[column], rule, LEAST[column], above_only=column == DWELL)
        if fitted is not None:
            bounds[column] = fitted
    fills = {}
    for column in VALUES:
        fill = _fill(column, partial.observed[column], bounds.get(column), settings)
        if fill is not None:
            fills[column] = fill
    return Plan(settings, partial.counts["events"], settings.until_ts, fills, bounds, _delay(partial.observed[DELAY]))


def _delay(found: Observed) -> int | None:
    if not found.total:
        return None
    return round(median(found.value, found.count))


def _fill(column: str, found: Observed, bounds: Bounds | None, settings: CleaningSettings) -> Fill | None:
    method, constant = getattr(settings.missing, column), settings.missing.constant(column)
    if constant is not None:
        return Fill([constant], {})
    if method == "leave":
        return None
    rule = settings.outliers.of(column)
    if bounds is not None and rule is not None and rule.action != "flag":
        found = _within(found, bounds, rule.action)
    return fit_fill(found, method, settings.missing.by == "item", column == Columns.quantity)


def _within(found: Observed, bounds: Bounds, action: str) -> Observed:
    """Return what is observed once outliers are dealt with: what is made up follows the values that stay."""
    if action != "clip":
        return found.select(~bounds.outside(found.item, found.value))
    return merge_observed([Observed(found.item, bounds.clipped(found.item, found.value), found.count, found.level)])


def fit(runs: Iterable[Run], settings: CleaningSettings, events: Sequence[str], gap_seconds: int) -> Plan:
    """Fit a plan on raw runs, each a bucket; one is held at a time.

    Parameters
    ----------
    runs : iterable of Run
    settings : CleaningSettings
    events : sequence of str
        Names of events by code: ``Snapshot.codes("event")``.
    gap_seconds : int
        Inactivity that ends a session without an id, as the runs were built with.

    Returns
    -------
    Plan
        The same however the users are spread over the runs.
    """
    partials = (scan(run, settings, events, gap_seconds) for run in runs)
    first = next(partials, None)
    if first is None:
        empty = observe(None, np.zeros(0))
        first = Partial(dict.fromkeys((*VALUES, DWELL, DELAY), empty), {"events": 0})
    return finish(reduce(merge, partials, first), settings)


def outliers(found: Observed, bounds: Bounds | None) -> int:
    """Count observed values out of bounds."""
    return 0 if bounds is None else int(found.count[bounds.outside(found.item, found.value)].sum())


def skewed(found: Observed, delay: int | None, tolerance: int) -> int:
    """Count sessions whose delay is more than a tolerance away from the typical one, both in microseconds."""
    if delay is None:
        return 0
    return int(found.count[np.abs(found.value - delay) > tolerance].sum())
