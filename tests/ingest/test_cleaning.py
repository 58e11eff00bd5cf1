"""Cleaning against its brute-force twin, and what must hold of it whatever the log."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.config import CleaningSettings
from cartpath.ingest.cleaning import Plan, apply, fit
from cartpath.schema import iso
from cartpath.store.codes import Codes
from cartpath.store.run import Run, merge, select

from .cleaning_twin import (
    GAP,
    SECOND,
    START,
    Event,
    Result,
    cleaned,
    fitted,
    logs,
    marks_of,
    result_of,
    run_of,
    settings,
    typical_delay,
)


def halves(run: Run) -> list[Run]:
    """Users of a run dealt out to two."""
    rows = np.arange(len(run.user_key))
    return [select(run, own, GAP) for own in (rows[::2], rows[1::2]) if len(own)]


def assert_close(a: Result, b: Result) -> None:
    assert a.removed == b.removed
    assert a.kept.keys() == b.kept.keys()
    for mark, (ts, price, quantity, flags) in a.kept.items():
        other = b.kept[mark]
        assert (ts, quantity, flags) == (other[0], other[2], other[3]), mark
        assert (price is None) == (other[1] is None), mark
        assert price is None or price == pytest.approx(other[1], rel=1e-9), mark


@given(logs(), settings())
def test_it_does_what_its_twin_does(log: list[Event], rules: CleaningSettings) -> None:
    run, events = run_of(log)
    plan = fit([run], rules, events, GAP)
    # The typical delay is rounded to 12 binary digits: the twin takes it as it is, once it is close.
    exact = typical_delay(log, rules)
    assert (plan.delay is None) == (exact is None)
    assert plan.delay == pytest.approx(exact, rel=2**-12) if exact is not None else True
    # Dwell is rounded likewise; a bound that is almost a value could fall on either side of it.
    found = fitted(log, rules)
    for column, bounds in found["fences"].items():
        own = plan.bounds.get(column)
        assert (own is not None) == bounds.fitted
        if own is None:
            continue
        assert (own.low, own.high) == pytest.approx(bounds.whole, rel=1e-3, abs=1e-3), column
        if column == "dwell":
            bounds.whole = own.low, own.high
    done = apply(run, plan, GAP, events)
    expected = cleaned(log, rules, found, plan.delay)
    assert_close(result_of(done.run, done.removed, marks_of(log)), expected)
    assert done.counts.get("robot_users", 0) == len(
        {e.user for e in log if "robot" in (expected.kept.get(e.mark, (0, 0, 0, ()))[3])
         or expected.removed.get(e.mark) == "robot"}
    )  # fmt: skip


@given(logs(), settings(random=True))
def test_fitting_buckets_is_fitting_everything(log: list[Event], rules: CleaningSettings) -> None:
    run, events = run_of(log)
    whole = fit([run], rules, events, GAP)
    parts = halves(run)
    assert fit(parts, rules, events, GAP) == whole == fit(parts[::-1], rules, events, GAP)
    assert Plan.from_dict(json.loads(json.dumps(whole.to_dict(), allow_nan=False))) == whole


@given(logs(), settings(random=True), st.integers(0, 40))
def test_it_does_not_matter_how_the_log_was_cut(log: list[Event], rules: CleaningSettings, cut: int) -> None:
    codes = Codes()
    run, _ = run_of(log, codes)
    early, late = (run_of(part, codes) for part in (log[:cut] or log[:1], log[cut:] or log[-1:]))
    events = late[1]
    joined = merge(early[0], late[0], GAP)
    if len(joined) != len(log):  # an empty side was filled up
        return
    plan = fit([run], rules, events, GAP)
    a, b = apply(run, plan, GAP, events), apply(joined, plan, GAP, events)
    assert a.counts == b.counts
    marks = marks_of(log)
    assert result_of(a.run, a.removed, marks) == result_of(b.run, b.removed, marks)
    again = apply(run, plan, GAP, events)
    assert all(np.array_equal(again.run.arrays[n], v, equal_nan=v.dtype.kind == "f") for n, v in a.run.arrays.items())


@given(logs(), st.sampled_from(["", "2024-01-01T00:20:00"]))
def test_with_every_rule_off_a_run_stays_the_run_it_is(log: list[Event], until: str) -> None:
    run, events = run_of(log)
    plan = fit([run], CleaningSettings(until=until, seed=3, near_window="9s"), events, GAP)
    done = apply(run, plan, GAP, events)
    assert done.run is run
    assert (done.removed, done.counts) == (None, {})


@given(logs(), settings(random=True))
def test_rules_that_find_nothing_leave_the_run_it_is(log: list[Event], rules: CleaningSettings) -> None:
    clean = [replace(e, price=2.0, quantity=1, item="a", session_id=None) for e in log]
    clean = [replace(e, ts=START + i * (2000 + 97 * i) * SECOND, page=f"/{i}") for i, e in enumerate(clean)]
    clean = [replace(e, received=e.ts + SECOND) for e in clean]
    run, events = run_of(clean)
    done = apply(run, fit([run], rules, events, GAP), GAP, events)
    assert done.run is run
    assert done.removed is None


def test_robots_are_judged_before_until_alone() -> None:
    def beat(user: str, first: int, n: int, mark: int) -> list[Event]:
        return [Event(user, START + (first + 20 * i) * SECOND, "view", "a", f"/{i}", mark=mark + i) for i in range(n)]

    log = beat("early", 0, 25, 0) + beat("early", 2 * 86_400, 3, 50) + beat("late", 2 * 86_400, 25, 100)
    run, events = run_of(log)
    for until, dropped in (("2024-01-02", 28), ("", 53)):
        rules = CleaningSettings(robots="drop", until=until)
        done = apply(run, fit([run], rules, events, GAP), GAP, events)
        assert done.counts["robot_events_dropped"] == dropped
        assert done.counts["robot_users"] == (1 if until else 2)
        assert done.run.user_id.to_pylist() == (["late"] if until else [])
    late, _ = run_of(beat("late", 2 * 86_400, 25, 0))  # a bucket with nothing before that moment
    assert apply(late, fit([late], replace(rules, until="2024-01-02"), events, GAP), GAP, events).run is late


@given(logs(), logs(), settings(random=True), st.integers(1, 100))
def test_nothing_after_until_has_influence_before_it(
    log: list[Event], other: list[Event], rules: CleaningSettings, minute: int
) -> None:
    until = START + minute * 30 * SECOND
    rules = replace(rules, until=iso(until))
    before = [e for e in log if e.ts < until]
    if not before:
        return
    future = [[e for e in later if e.ts >= until] for later in (log, other)]
    future[1] = [replace(e, mark=100 + e.mark, price=(e.price or 0) * 7 + 1) for e in future[1]]
    codes = Codes()
    run_of(log + [replace(e, mark=100 + e.mark) for e in other], codes)  # so that codes are the same
    outcomes, plans = [], []
    for later in (future[0], future[1], []):
        run, events = run_of(before + later, codes)
        plans.append(fit([run], rules, events, GAP))
        done = apply(run, plans[-1], GAP, events)
        found = result_of(done.run, done.removed, marks_of(before + later))
        kept = {e.mark: found.kept[e.mark] for e in before if e.mark in found.kept}
        outcomes.append((kept, {e.mark: found.removed[e.mark] for e in before if e.mark in found.removed}))
    assert plans[0] == plans[1] == plans[2]
    assert outcomes[0] == outcomes[1] == outcomes[2]
