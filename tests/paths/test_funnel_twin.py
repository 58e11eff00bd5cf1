"""Every combination of order, window, exclusion, held property and unit, held to the brute-force twin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.paths import matching
from cartpath.paths.conditions import Condition, Step
from cartpath.paths.conditions import Pattern as PatternOf
from cartpath.paths.counted import Counted
from cartpath.paths.funnel import FunnelPlan, chains_of, depth_of
from cartpath.paths.funnel.plan import NO_WINDOW
from cartpath.paths.properties import EVENT, TEXT, Property
from cartpath.store import NO_QUANTITY, PathView
from tests.paths.twin import EVENTS, SECOND, Row, view_of
from tests.paths.twin_funnel import Asked, Told, dense, funnel_told


@dataclass(frozen=True)
class Quantity:
    """The quantity as a code."""

    def __call__(self, view: PathView) -> npt.NDArray[np.int32]:
        return np.where(view.quantity == NO_QUANTITY, -1, view.quantity).astype(np.int32)


VALUE = Property("quantity", EVENT, TEXT, Quantity(), ("0", "1"))


def plan_of(asked: Asked) -> FunnelPlan:
    """Bind a question without a store."""
    by_event = np.zeros(len(EVENTS) + 1, np.uint64)
    tested = []
    for step, patterns in enumerate((*asked.steps, asked.exclude)):
        for event, value in patterns:
            code = EVENTS.index(event) if event in EVENTS else -2
            if value is not None:
                table = np.array([value == 0, value == 1, False])
                tested.append((step, code, (matching.Test(VALUE, Condition("quantity", "=", (str(value),)), table),)))
            elif code >= 0:
                by_event[code] |= np.uint64(1 << step)
    steps = tuple(Step(tuple(PatternOf(event) for event, _ in patterns)) for patterns in asked.steps)
    return FunnelPlan(
        steps,
        matching.Matcher(by_event, tuple(tested), ()),
        asked.unit,
        asked.order,
        NO_WINDOW if asked.window is None else asked.window * SECOND,
        asked.in_session,
        steps[:1] if asked.exclude else (),
        VALUE if asked.hold else None,
    )


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
@given(seed=st.integers(0, 2**32))
def test_equals_the_twin(unit: str, order: str, seed: int) -> None:
    rows, kept, asked = dense(seed)
    asked = replace(asked, unit=unit, order=order)
    assert in_order(told(rows, kept, asked)) == in_order(funnel_told(rows, kept, asked)), asked


@given(seed=st.integers(0, 2**32))
def test_depths_come_in_the_order_of_the_paths(seed: int) -> None:
    rows, _, asked = dense(seed)
    asked = replace(asked, unit="users")
    depth = depth_of(Counted(view_of(rows)), plan_of(asked))
    assert depth.tolist() == [t.depth for t in funnel_told(rows, [True] * len(rows), asked)]
