"""Conditions and patterns bound to a store: which events of a bucket they hold for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.conditions import NONE, Condition, Step, as_condition
from cartpath.paths.counted import Counted
from cartpath.paths.names import codes_of
from cartpath.paths.properties import NUMBER, Properties, Property, holds_category, spread
from cartpath.schema import OTHER, CartpathError, Columns
from cartpath.store import PathView, Snapshot

Mask = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint64]

#: Most steps that one question can tell apart: the bits of a word.
MOST_STEPS = 64

_COMPARE = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}


@dataclass(frozen=True)
class Test:
    """A condition bound to a store.

    Attributes
    ----------
    property : Property
    condition : Condition
    table : bool array or None
        For a text: by code, whether it holds; the last entry is that of no value.
    """

    property: Property
    condition: Condition
    table: Mask | None

    def of_events(self, view: PathView) -> Mask:
        """Return for each event of a bucket whether the condition holds, bool (n_events,)."""
        return spread(self.holds(view), self.property.level, view)

    def holds(self, view: PathView) -> Mask:
        """Return whether it holds, one an event, session or user as the property has it."""
        if self.table is not None:
            return self.table[self.property.codes(view)]
        return _compare(self.property.numbers(view), self.condition)


def bind_condition(properties: Properties, condition: Condition) -> tuple[Test, list[str]]:
    """Look a condition's property and values up.

    Returns
    -------
    tuple of Test and list of str
        The warnings name values that were never seen, and say so where one is written like a condition.

    Raises
    ------
    CartpathError
        If there is no such property, or it cannot be compared that way.
    """
    found = properties.find(condition.name)
    if found.kind == NUMBER:
        _check_numbers(condition)
        return Test(found, condition, None), []
    if condition.op in _COMPARE:
        raise CartpathError(f"{found.name} is text, not a number", "compare it with = or !=, or ~ for contains")
    table, missed = _table(found, condition)
    return Test(found, condition, table), missed + _conditions_as_values(properties, found, condition)


def _check_numbers(condition: Condition) -> None:
    if condition.op == "~":
        raise CartpathError(f"{condition.name} is a number and cannot contain a text", "compare it with = < <= > >=")
    for value in condition.values:
        try:
            float(0 if value == NONE else value)
        except ValueError:
            raise CartpathError(
                f"{condition.name} is a number, not {value!r}", f"for example {condition.name}>50"
            ) from None


def _conditions_as_values(properties: Properties, found: Property, condition: Condition) -> list[str]:
    """Return a warning if ``page~basket|page~payment`` was asked, where ``page~basket|payment`` is meant."""
    unseen = [v for v in condition.values if not any(v.casefold() in label.casefold() for label in found.labels)]
    meant = {value: parts for value in unseen if (parts := as_condition(value)) and _is_property(properties, parts[0])}
    if not meant:
        return []
    same = all(parts[:2] == (condition.name, condition.op) for parts in meant.values())
    values = "|".join(meant[value][2] if value in meant else value for value in condition.values)
    tail = (
        f"write {condition.name}{condition.op}{values}" if same else "conditions that must all hold have commas between"
    )
    asked = ", ".join(map(repr, meant))
    return [f"what stands after | is a value of {found.name}, not a condition, also {asked}; {tail}"]


def _is_property(properties: Properties, name: str) -> bool:
    try:
        properties.find(name)
    except CartpathError:
        return False
    return True


def _table(found: Property, condition: Condition) -> tuple[Mask, list[str]]:
    labels = found.labels
    table = np.zeros(len(labels) + 1, np.bool_)
    missed = []
    place = {label: code for code, label in enumerate(labels)}
    for value in condition.values:
        if value == NONE:
            table[-1] = True
        elif condition.op == "~":
            hit = np.array([value.casefold() in label.casefold() for label in labels], np.bool_)
            table[:-1] |= hit
            missed += [] if hit.any() else [f"no {found.name} that contains {value!r} was ever seen"]
        elif found.name == Columns.category:
            hit = np.array([holds_category(label, value) for label in labels], np.bool_)
            table[:-1] |= hit
            missed += codes_of([value], labels, found.name)[1] if not hit.any() else []
        elif value in place:
            table[place[value]] = True
        elif found.name.startswith("props.") and labels[-1:] == (OTHER,):
            missed.append(
                f"{value!r} is not among the {len(labels) - 1:,} most frequent values of {found.name};"
                f" rarer ones are only known together, as {OTHER}"
            )
        else:
            missed += codes_of([value], labels, found.name)[1]
    return (~table if condition.op == "!=" else table), missed


def _compare(numbers: npt.NDArray[np.float64], condition: Condition) -> Mask:
    if condition.op in _COMPARE:
        found: Mask = _COMPARE[condition.op](numbers, float(condition.values[0]))
        return found
    equal = np.zeros(len(numbers), np.bool_)
    for value in condition.values:
        equal |= np.isnan(numbers) if value == NONE else numbers == float(value)
    return ~equal if condition.op == "!=" else equal


@dataclass(frozen=True)
class Matcher:
    """Steps bound to a store: which of them each event can be.

    Attributes
    ----------
    by_event : uint64 array (n_codes + 1,)
        For each event code the bits of the steps that ask for it by name alone; the last entry is 0.
    tested : tuple
        For each pattern with conditions its step, its event code (-1: any; -2: never seen) and its tests.
    warnings : tuple of str
        Events and values that were never seen.
    """

    by_event: Bits
    tested: tuple[tuple[int, int, tuple[Test, ...]], ...]
    warnings: tuple[str, ...]

    def bits(self, counted: Counted) -> Bits:
        """Return for each event that counts the steps that it can be, bit ``k`` for step ``k``; uint64 (n,)."""
        view = counted.view
        found: Bits = self.by_event[counted.take(view.event)]
        for step, code, tests in self.tested:
            hit: Any = np.ones(len(counted), np.bool_) if code == -1 else counted.take(view.event) == code
            for test in tests:
                hit &= counted.take(test.of_events(view))
            found |= np.where(hit, np.uint64(1 << step), np.uint64(0))
        return found


def match(snap: Snapshot, steps: Sequence[Step], time_zone: str = "UTC") -> Matcher:
    """Bind steps to a store.

    Parameters
    ----------
    snap : Snapshot
    steps : sequence of Step
        At most 64.
    time_zone : str
        Of ``hour`` and ``weekday`` in their conditions.

    Returns
    -------
    Matcher

    Raises
    ------
    CartpathError
        If there are too many steps, a property is unknown or cannot be compared that way.
    """
    if len(steps) > MOST_STEPS:
        raise CartpathError(f"{len(steps)} steps are more than the {MOST_STEPS} that can be told apart")
    known = snap.codes("event")
    patterns = [(k, pattern) for k, step in enumerate(steps) for pattern in step.alternatives]
    codes, warnings = codes_of([p.event for _, p in patterns if p.event is not None], known)
    place = dict(zip([p.event for _, p in patterns if p.event is not None], codes, strict=True))
    by_event = np.zeros(len(known) + 1, np.uint64)
    tested = []
    properties = Properties(snap, time_zone)
    for k, pattern in patterns:
        code = -1 if pattern.event is None else place[pattern.event]
        if pattern.event is not None and code < 0:
            code = -2
        tests = []
        for condition in pattern.conditions:
            test, missed = bind_condition(properties, condition)
            tests.append(test)
            warnings += missed
        if tests:
            tested.append((k, code, tuple(tests)))
        elif code == -1:
            by_event[:-1] |= np.uint64(1 << k)
        elif code >= 0:
            by_event[code] |= np.uint64(1 << k)
    return Matcher(by_event, tuple(tested), tuple(dict.fromkeys(warnings)))
