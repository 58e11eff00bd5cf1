"""What ``doctor`` says the rules of cleaning would do, switched on or not; nothing is changed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import reduce
from typing import Any

from cartpath.config import CleaningSettings, MissingSettings, OutlierSettings, OutliersSettings
from cartpath.config.cleaning import DWELL
from cartpath.ingest.cleaning.bounds import Bounds
from cartpath.ingest.cleaning.fit import DELAY, Partial, finish, merge, outliers, scan, skewed
from cartpath.ingest.cleaning.plan import VALUES, Plan
from cartpath.ingest.doctor.finding import Finding, level_of
from cartpath.schema import MICROSECONDS, Columns
from cartpath.store import Snapshot

#: The unit of what the title calls by a longer name.
_UNITS = {
    "product events with an item": "events",
    "purchases": "events",
    "events with one": "events",
    "sessions with a time of receipt": "sessions",
}
#: What is looked for where nothing is configured.
_SKEW = "1h"


def proposed(settings: CleaningSettings) -> CleaningSettings:
    """Return the settings with the rules that are off switched on as one would begin: medians, flags, an hour."""
    missing = {name: "median" for name in VALUES if getattr(settings.missing, name) == "leave"}
    rules = {name: settings.outliers.of(name) or OutlierSettings() for name in (*VALUES, DWELL)}
    return replace(
        settings,
        missing=MissingSettings(**{**vars(settings.missing), **missing}),
        outliers=OutliersSettings(**rules),
        clock_skew=settings.clock_skew or _SKEW,
    )


def of_cleaning(snapshot: Snapshot, settings: CleaningSettings) -> list[Finding]:
    """Return a finding for each rule, fitted and counted on the raw runs in one scan."""
    asked = proposed(settings)
    fitted, whole = _scanned(snapshot, asked)
    plan = finish(fitted, asked)
    found = [_missing(column, whole, plan, settings) for column in VALUES]
    found += [_outliers(column, whole, plan, settings) for column in (*VALUES, DWELL)]
    return [*found, _near(whole, settings), _robots(whole, settings), _skew(whole, plan, settings)]


def _scanned(snapshot: Snapshot, settings: CleaningSettings) -> tuple[Partial, Partial]:
    """Scan every bucket: the events before ``until``, which statistics are of, and all of them."""
    events, gap = snapshot.codes("event"), snapshot.gap_seconds

    def both(bucket: int) -> tuple[Partial, Partial]:
        run = snapshot.raw_run(bucket)
        whole = scan(run, replace(settings, until=""), events, gap)
        return (scan(run, settings, events, gap) if settings.until else whole), whole

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        parts = list(pool.map(both, range(snapshot.n_buckets)))
    whole = reduce(merge, [part for _, part in parts])
    return (reduce(merge, [part for part, _ in parts]) if settings.until else whole), whole


def _finding(
    check: str, n: int, of: int, unit: str, what: str, would: str, on: bool, table: str, detail: dict[str, Any]
) -> Finding:
    state = "It is on" if on else f"It is off: nothing is changed until it is written in {table}"
    return Finding(
        f"cleaning_{check}",
        level_of(n, of, float("inf")),
        f"{what}: {n:,} of {of:,} {unit}",
        n,
        of,
        _UNITS.get(unit, unit),
        f"{would} {state}. The values that were read stay in the store either way.",
        {**detail, "on": on},
    )


def _missing(column: str, whole: Partial, plan: Plan, settings: CleaningSettings) -> Finding:
    fill, method = plan.fills.get(column), getattr(plan.settings.missing, column)
    made = "nothing, as none was observed," if fill is None else f"the {method}" if "const" not in method else method
    of_items = " of the item, where it has enough, else of all," if fill is not None and fill.by_item else ""
    return _finding(
        f"missing_{column}",
        whole.counts[f"{column}_missing"],
        whole.counts[f"{column}_expected"],
        "product events with an item" if column == Columns.price else "purchases",
        f"{column} to put in",
        f"The rule puts in {made}{of_items} and marks the event.",
        getattr(settings.missing, column) != "leave",
        "[cleaning.missing]",
        {
            "method": method,
            "of_all": fill.values[0] if fill is not None and len(fill.values) == 1 else None,
            "items_with_their_own": len(fill.by_item) if fill is not None else 0,
        },
    )


def _outliers(column: str, whole: Partial, plan: Plan, settings: CleaningSettings) -> Finding:
    rule, bounds = plan.settings.outliers.of(column), plan.bounds.get(column)
    assert rule is not None
    observed = whole.observed[column]
    does = {"flag": "marks them", "clip": "moves them to the bound", "blank": "makes them unknown",
            "quarantine": "takes the events out of the path table"}  # fmt: skip
    return _finding(
        f"outliers_{column}",
        outliers(observed, bounds),
        observed.total,
        "events with one",
        f"{column} too far out ({rule.method}, limit {rule.bound:g}, {rule.scale} scale)",
        f"The rule {does[rule.action]}.",
        settings.outliers.of(column) is not None,
        f"[cleaning.outliers.{column}]",
        {"method": rule.method, "limit": rule.bound, "action": rule.action, **_limits(bounds)},
    )


def _limits(bounds: Bounds | None) -> dict[str, Any]:
    if bounds is None:
        return {"low": None, "high": None, "items_with_their_own": 0}
    low, high = bounds.range
    return {"low": low, "high": high, "items_with_their_own": len(bounds.centre)}


def _near(whole: Partial, settings: CleaningSettings) -> Finding:
    return _finding(
        "near_duplicates",
        whole.counts["near_duplicates"],
        whole.counts["events"],
        "events",
        f"double clicks (equal to the event before, less than {settings.near_window} after it)",
        "The rule takes them out of the path table.",
        settings.near_duplicates != "leave",
        "[cleaning] near_duplicates",
        {"window": settings.near_window},
    )


def _robots(whole: Partial, settings: CleaningSettings) -> Finding:
    does = "marks their events" if settings.robots == "flag" else "takes their events out of the path table"
    return _finding(
        "robots",
        whole.counts["robots"],
        whole.counts["users"],
        "users",
        f"machines ({whole.counts['robot_events']:,} events)",
        f"The rule {does}.",
        settings.robots != "leave",
        "[cleaning] robots",
        {"events": whole.counts["robot_events"]},
    )


def _skew(whole: Partial, plan: Plan, settings: CleaningSettings) -> Finding:
    tolerance = plan.settings.clock_skew_us
    assert tolerance is not None
    known = "" if whole.counts["received"] else " No event says when the server received it (--option received=COLUMN)."
    return _finding(
        "clock_skew",
        skewed(whole.observed[DELAY], plan.delay, tolerance),
        whole.counts["received"],
        "sessions with a time of receipt",
        f"clocks off by more than {plan.settings.clock_skew}",
        f"The rule moves the session by as much as its clock is off.{known}",
        settings.clock_skew != "",
        "[cleaning] clock_skew",
        {"typical_delay_seconds": None if plan.delay is None else plan.delay / MICROSECONDS},
    )
