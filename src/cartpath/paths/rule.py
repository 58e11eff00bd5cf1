"""A counting rule bound to a store: the one place that says which events of a bucket count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Basis, Counted
from cartpath.paths.counting import Counting
from cartpath.paths.matching import Test, bind_condition
from cartpath.paths.properties import EVENT, SESSION, Properties
from cartpath.store import PathView, Snapshot
from cartpath.store.jit import kernel

if TYPE_CHECKING:
    from cartpath.paths.segments import SegmentPlan


class Members(Protocol):
    """Who of a bucket belongs to a segment."""

    @property
    def expression(self) -> str:
        """What the segment's name stands for."""

    def mask(self, view: PathView) -> npt.NDArray[np.bool_]:
        """Return for each user of a bucket whether they belong, bool (n_users,)."""


def bind(counting: Counting, snap: Snapshot) -> Rule:
    """Look up what a rule names in a store; see ``Counting.bind``."""
    properties = Properties(snap, counting.time_zone)
    tests, warnings = [], []
    for condition in counting.where:
        test, missed = bind_condition(properties, condition)
        tests.append(test)
        warnings += missed
    members: SegmentPlan | None = None
    if counting.segment is not None:
        from cartpath.paths.segments import compile_segment

        members = compile_segment(snap, counting.segment, time_zone=counting.time_zone)
        warnings += members.warnings
    return Rule(counting, tuple(tests), members, tuple(warnings), snap.generation)


@dataclass(frozen=True)
class Rule:
    """A counting rule bound to a store; it may be pickled.

    Attributes
    ----------
    counting : Counting
    tests : tuple of Test
        What must hold of an event, its session or its user.
    members : object with ``mask(view)``, or None
        The segment.
    warnings : tuple of str
        Values of the filter that were never seen.
    generation : int
        Of the store.
    """

    counting: Counting
    tests: tuple[Test, ...] = ()
    members: Members | None = None
    warnings: tuple[str, ...] = ()
    generation: int = 0

    def counted(self, view: PathView) -> Counted:
        """Return the events of a bucket that count."""
        counting = self.counting
        if counting.whole:
            return Counted(view)
        # Users and sessions first: they are fewer than events.
        users = np.ones(view.n_users, np.bool_) if self.members is None else self.members.mask(view).copy()
        sessions = np.ones(len(view.sessions), np.bool_)
        events = np.ones(view.n_events, np.bool_)
        for test in self.tests:
            mask = {EVENT: events, SESSION: sessions}.get(test.property.level, users)
            mask &= test.holds(view)
        rows = _counted_rows(
            view.offsets, view.ts, view.session, users, sessions, events, counting.since, counting.until
        )
        return Counted(view, rows)

    @property
    def heading(self) -> Heading:
        """What results say of the rule; unlike the rule itself it may be kept in a file."""
        expression = None if self.members is None else self.members.expression
        return Heading(self.counting, expression, self.warnings, self.generation)

    def header(self, basis: Basis, warnings: Sequence[str] = (), unit: str | None = None) -> dict[str, Any]:
        """Return what every view says of what it counted; see ``Heading.header``."""
        return self.heading.header(basis, warnings, unit)


@dataclass(frozen=True)
class Heading:
    """What a result says of the rule that it was counted by: plain data, so that answers can be kept.

    Attributes
    ----------
    counting : Counting
    segment_expression : str or None
        What the segment's name stands for.
    warnings : tuple of str
        Values of the filter that were never seen.
    generation : int
        Of the store.
    """

    counting: Counting
    segment_expression: str | None = None
    warnings: tuple[str, ...] = ()
    generation: int = 0

    def header(self, basis: Basis, warnings: Sequence[str] = (), unit: str | None = None) -> dict[str, Any]:
        """Return what every view says of what it counted, as JSON has it.

        Parameters
        ----------
        basis : Basis
        warnings : sequence of str
            Of the view.
        unit : str, optional
            What is counted, where it is not the rule's.
        """
        unit = unit or self.counting.unit
        return {
            "count": unit,
            "units": basis.sessions if unit == "sessions" else basis.users,
            "users": basis.users,
            "sessions": basis.sessions,
            "events": basis.events,
            "steps": basis.steps,
            **self.counting.to_dict(),
            "segment_expression": self.segment_expression,
            "ties": {"events": basis.tied_events, "users": basis.tied_users},
            "warnings": [*self.warnings_of(basis), *warnings],
            "generation": self.generation,
        }

    def warnings_of(self, basis: Basis) -> list[str]:
        """Return the warnings that concern every view: of the filter, of an empty selection, of ties."""
        found = list(self.warnings)
        if not basis.events:
            found.append(f"no event counts: {self.counting.sentence}")
        if self.segment_expression is not None and not self.counting.always:
            found.append(
                "who is in the segment is decided by all that the store holds, not by the period; an expression may say"
                " since and until"
            )
        if basis.tied_events:
            found.append(
                f"{basis.tied_events:,} of {basis.events:,} events ({basis.tied_users:,} of {basis.users:,} users) have"
                " the same time as another event before them; their order is that of the source"
            )
        return found


@kernel
def _counted_rows(
    offsets: npt.NDArray[np.int64],
    ts: npt.NDArray[np.int64],
    session: npt.NDArray[np.int32],
    users: npt.NDArray[np.bool_],
    sessions: npt.NDArray[np.bool_],
    events: npt.NDArray[np.bool_],
    since: int,
    until: int,
) -> npt.NDArray[np.int64]:
    rows = np.empty(len(ts), np.int64)
    n = 0
    for user in range(len(offsets) - 1):
        if not users[user]:
            continue
        for i in range(offsets[user], offsets[user + 1]):
            if events[i] and sessions[session[i]] and since <= ts[i] < until:
                rows[n] = i
                n += 1
    return rows[:n].copy()
