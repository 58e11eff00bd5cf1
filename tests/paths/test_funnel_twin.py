"""Every combination of order, window, exclusion, held property and unit, held to the brute-force twin."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.paths.counted import Counted
from cartpath.paths.funnel import chains_of, depth_of
from cartpath.paths.funnel.plan import FIRST, LAST
from tests.paths.funnels import counts_of, plan_of
from tests.paths.twin import EVENTS, SECOND, Row, path_order, step_starts, view_of
from tests.paths.twin_funnel import Asked, Told, dense, funnel_told, lanes

seeds = st.integers(0, 2**32)


def told(rows: list[Row], kept: list[bool], asked: Asked) -> list[Told]:
    counted = Counted(view_of(rows), np.flatnonzero(kept))
    found = chains_of(counted, plan_of(asked))

    def row(place: int) -> int:
        return -1 if place < 0 else int(found.rows(np.array([place]))[0])

    return [
        Told(int(found.depth[u]), row(found.first[u]), row(found.last[u]), tuple(row(p) for p in found.at[u]))
        for u in range(len(found.depth))
    ]


def in_order(found: list[Told]) -> list[Told]:
    return sorted(found, key=lambda t: (t.first, t.last, t.depth, t.at))


@pytest.mark.parametrize("order", ["loose", "strict", "any"])
@pytest.mark.parametrize("unit", ["users", "sessions", "entries"])
@settings(max_examples=400)
@given(seed=seeds)
def test_equals_the_twin(unit: str, order: str, seed: int) -> None:
    rows, kept, asked = dense(seed)
    asked = replace(asked, unit=unit, order=order)
    assert in_order(told(rows, kept, asked)) == in_order(funnel_told(rows, kept, asked)), asked


@given(seed=seeds)
def test_depths_come_in_the_order_of_the_paths(seed: int) -> None:
    rows, _, asked = dense(seed)
    depth = depth_of(Counted(view_of(rows)), plan_of(asked))
    assert depth.tolist() == [t.depth for t in funnel_told(rows, [True] * len(rows), asked)]


def twin_of(seed: int, unit: str, order: str) -> tuple[list[Row], Asked, list[Told], list[Row]]:
    rows, _, asked = dense(seed)
    asked = replace(asked, unit=unit, order=order)
    return rows, asked, funnel_told(rows, [True] * len(rows), asked), path_order(rows)


both = pytest.mark.parametrize(("unit", "order"), [("users", "loose"), ("sessions", "strict"), ("entries", "any")])


@both
@given(seed=seeds, buckets=st.sampled_from((1, 3)))
def test_counts_and_times_are_those_of_the_chains(unit: str, order: str, seed: int, buckets: int) -> None:
    rows, asked, twin, ordered = twin_of(seed, unit, order)
    found = counts_of(rows, plan_of(asked), buckets=buckets)
    n_steps = len(asked.steps)
    assert found.units == len(twin)
    assert found.reached.tolist() == [sum(t.depth > step for t in twin) for step in range(n_steps)]
    whole = [ordered[t.last].ts - ordered[t.first].ts for t in twin if t.depth == n_steps]
    assert found.durations.whole.tolist() == sorted(whole)
    for step, between in enumerate(found.durations.between, start=1):
        gaps = [ordered[t.at[step]].ts - ordered[t.at[step - 1]].ts for t in twin if t.depth > step]
        assert between.tolist() == sorted(gaps)
    assert len(found.durations.between) == (0 if order == "any" else n_steps - 1)


@both
@pytest.mark.parametrize("where", [FIRST, LAST, 0, 1])
@settings(max_examples=40)
@given(seed=seeds)
def test_groups_are_those_of_the_chains_and_add_up(unit: str, order: str, where: int, seed: int) -> None:
    rows, asked, twin, ordered = twin_of(seed, unit, order)
    n_steps = len(asked.steps)
    where = min(where, n_steps - 1)
    table = counts_of(rows, plan_of(asked, by=where)).groups
    groups: Counter[tuple[int, int]] = Counter()
    for t in twin:
        at = t.first if where == FIRST else t.last if where == LAST else t.at[where]
        value = -2 if at < 0 else -1 if ordered[at].quantity is None else ordered[at].quantity
        for step in range(t.depth):
            groups[int(value or 0), step] += 1
    assert table is not None
    found = {(int(k), s): int(n) for k, row in zip(table.key, table.reached, strict=True) for s, n in enumerate(row)}
    assert {cell: n for cell, n in found.items() if n} == dict(groups)
    assert table.reached.sum(axis=0).tolist() == [sum(t.depth > s for t in twin) for s in range(n_steps)]


@both
@given(seed=seeds)
def test_what_was_done_instead_is_the_next_step_of_the_path(unit: str, order: str, seed: int) -> None:
    rows, asked, twin, ordered = twin_of(seed, unit, order)
    starts = step_starts(ordered)
    paths = [path for found in lanes(rows, [True] * len(rows), asked).values() for path in found]
    expected: Counter[tuple[int, str]] = Counter()
    for t in twin:
        if 0 < t.depth < len(asked.steps):
            path = next(p for p in paths if any(place.index == t.last for place in p))
            later = [p.row.event for p in path if p.index > t.last and starts[p.index]]
            expected[t.depth, later[0] if later else "(end)"] += 1
    after = counts_of(rows, plan_of(asked)).after
    depth, code = np.divmod(after.cell, len(EVENTS) + 1)
    found = {
        (int(d) + 1, EVENTS[c - 1] if c else "(end)"): int(n) for d, c, n in zip(depth, code, after.n, strict=True)
    }
    assert found == dict(expected)


@both
@given(seed=seeds)
def test_the_trend_is_by_when_the_chain_began_and_adds_up(unit: str, order: str, seed: int) -> None:
    rows, asked, _, _ = twin_of(seed, unit, order)
    rows = [replace(row, at=row.at * 20_000) for row in rows]
    asked = replace(asked, window=None if asked.window is None else asked.window * 20_000)
    twin, ordered = funnel_told(rows, [True] * len(rows), asked), path_order(rows)
    table = counts_of(rows, plan_of(asked, trend="day")).periods
    began = Counter(ordered[t.first].ts // (86400 * SECOND) for t in twin if t.depth)
    assert table is not None
    assert dict(zip(table.key.tolist(), table.reached[:, 0].tolist(), strict=True)) == dict(began)
    assert table.reached.sum(axis=0).tolist() == [sum(t.depth > s for t in twin) for s in range(len(asked.steps))]


@given(seed=seeds)
def test_strict_is_within_loose_and_loose_within_any(seed: int) -> None:
    rows, _, asked = dense(seed)
    strict, loose, free = (
        counts_of(rows, plan_of(replace(asked, order=o))).reached for o in ("strict", "loose", "any")
    )
    assert (strict <= loose).all()
    assert (loose <= free).all()
    turned = replace(asked, order="any", steps=asked.steps[::-1])
    assert counts_of(rows, plan_of(turned)).reached[-1] == free[-1]
