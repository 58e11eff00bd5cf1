"""``step-view`` compared: where users are so many steps after an event, or before one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.rates import Rate
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.counting import Counting
from cartpath.schema import OTHER, CartpathError
from cartpath.store import Snapshot

if TYPE_CHECKING:
    from cartpath.paths.step_view import StepViewResult

#: Values that are told apart at each step: as many as the view can.
_TOP = 50
_STEPS = 5


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return for each step and value the users who are there, of those with the event that is looked from.

    Users are followed across their sessions: a session is no independent trial, a user is.
    """
    from cartpath.paths.step_view import step_view

    if not str(options.get("steps", 1)).isdigit():
        raise CartpathError(f"a step view goes so many steps, not {options['steps']!r}", "such as 5")
    asked: dict[str, Any] = {"top": _TOP, **options, "across_sessions": True}
    asked["steps"] = int(asked.get("steps", _STEPS))
    results = [step_view(snap, counting, **asked) for counting in (a, b)]
    one, other = (dict(_places(result)) for result in results)
    rates = [
        (Rate(one.get(key, 0), results[0].paths), Rate(other.get(key, 0), results[1].paths)) for key in one | other
    ]
    back = "before" if options.get("end") else "after"
    # What one group has only among the others cannot be told from nothing there.
    told = [_whole(key, results) for key in one | other]
    made = [
        Measure(f"{event}, {step} {back}" if step else f"{event}, first", "rate", *pair)
        for (step, event), pair, known in zip(one | other, rates, told, strict=True)
        if known and step
    ]
    return Found(made, sum(not known for known in told))


COMPARABLE = Comparable(measures, options=("start", "end", "steps", "collapse", "node"), many=True)


def _places(result: StepViewResult) -> list[tuple[tuple[int, str], int]]:
    return [((column["step"], value["event"]), value["n"]) for column in result.columns for value in column["values"]]


def _whole(key: tuple[int, str], results: list[StepViewResult]) -> bool:
    step, event = key
    if event == OTHER:
        return False
    for result in results:
        columns = result.columns
        if not columns:
            continue
        there = {value["event"] for value in columns[step]["values"]}
        if event not in there and columns[step]["gathered"]:
            return False
    return True
