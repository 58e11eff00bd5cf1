"""Funnels over logs laid out by hand, without a store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths import matching
from cartpath.paths.calendar import calendar
from cartpath.paths.conditions import Condition, Pattern, Step
from cartpath.paths.counting import BEGINNING, FOREVER, Counting
from cartpath.paths.funnel import FunnelCounts, FunnelPlan, FunnelResult, merge_funnel, scan_funnel
from cartpath.paths.funnel.count import result_of
from cartpath.paths.funnel.plan import NO_WINDOW, Breakdown
from cartpath.paths.properties import EVENT, TEXT, Property
from cartpath.paths.rule import Rule
from cartpath.store import NO_QUANTITY, PathView
from tests.paths.twin import EVENTS, SECOND, Row, buckets_of
from tests.paths.twin_funnel import Asked


@dataclass(frozen=True)
class Quantity:
    """The quantity as a code."""

    def __call__(self, view: PathView) -> npt.NDArray[np.int32]:
        return np.where(view.quantity == NO_QUANTITY, -1, view.quantity).astype(np.int32)


VALUE = Property("quantity", EVENT, TEXT, Quantity(), ("0", "1"))


def plan_of(asked: Asked, by: int | None = None, trend: str | None = None) -> FunnelPlan:
    """Bind a question without a store."""
    by_event = np.zeros(len(EVENTS) + 1, np.uint64)
    tested = []
    for step, patterns in enumerate((*asked.steps, asked.exclude)):
        for event, value in patterns:
            code = EVENTS.index(event) if event in EVENTS else -2
            if value is not None:
                table = np.array([value == 0, value == 1, False])
                test = matching.Test(VALUE, Condition("quantity", "=", (str(value),)), table)
                tested.append((step, code, (test,)))
            elif code >= 0:
                by_event[code] |= np.uint64(1 << step)
    steps = tuple(Step(tuple(Pattern(event) for event, _ in patterns)) for patterns in asked.steps)
    return FunnelPlan(
        steps,
        matching.Matcher(by_event, tuple(tested), ()),
        asked.unit,
        asked.order,
        NO_WINDOW if asked.window is None else asked.window * SECOND,
        asked.in_session,
        steps[:1] if asked.exclude else (),
        VALUE if asked.hold else None,
        None if by is None else Breakdown(VALUE, by),
        None if trend is None else calendar(trend, "UTC", 0, 400 * 86400 * SECOND),
    )


def rule_of(unit: str = "users", since: int | None = None, until: int | None = None) -> Rule:
    low = BEGINNING if since is None else since * SECOND
    return Rule(Counting(unit, low, FOREVER if until is None else until * SECOND))


def counts_of(rows: list[Row], plan: FunnelPlan, rule: Rule | None = None, buckets: int = 3) -> FunnelCounts:
    rule = rule_of(plan.unit) if rule is None else rule
    parts = [scan_funnel(view, rule, plan) for view in buckets_of(rows, buckets)]
    return merge_funnel(parts, plan.n_steps)


def result(rows: list[Row], plan: FunnelPlan, top: int = 10) -> FunnelResult:
    return result_of(counts_of(rows, plan), plan, rule_of(plan.unit), EVENTS, top)


def asked(*steps: str, **more: object) -> Asked:
    """A question by event names, a name with alternatives as ``view|cart``."""
    return Asked(tuple(tuple((name, None) for name in step.split("|")) for step in steps), **more)  # type: ignore[arg-type]


def path(*events: str, gap: int = 1) -> list[Row]:
    return [Row(0, gap * i, event) for i, event in enumerate(events)]


def reached(rows: list[Row], question: Asked) -> list[int]:
    """Units, then those that reached each step."""
    found = counts_of(rows, plan_of(question))
    return [found.units, *found.reached.tolist()]
