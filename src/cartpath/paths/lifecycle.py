"""The lifecycle: how many users of each period are new, retained or resurrected, and how many are dormant.

A user is *new* in the period of their first event that counts, *retained* where they were active in the period before,
*resurrected* where they were active earlier but not in the period before, and *dormant* in the first period without an
event after one with. So active = new + retained + resurrected, and active(t) = active(t - 1) - dormant(t) + new(t) +
resurrected(t).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.calendar import Calendar
from cartpath.paths.conditions import ANY, parse_steps
from cartpath.paths.counted import Basis, merge_basis
from cartpath.paths.counting import Counting, wilson
from cartpath.paths.matching import Matcher, match
from cartpath.paths.observed import Observed
from cartpath.paths.rule import Heading, Rule
from cartpath.schema import CartpathError
from cartpath.store import PathView, Snapshot
from cartpath.store.answers import kept
from cartpath.store.jit import kernel

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]

#: Columns of the counts.
STATES = ("new", "retained", "resurrected", "dormant")
_NEW, _RETAINED, _RESURRECTED, _DORMANT = range(4)


@dataclass(frozen=True)
class LifecycleResult:
    """A counted lifecycle.

    Attributes
    ----------
    counts : int64 array (n_periods, 4)
        Users in each of ``STATES``.
    calendar : Calendar
    observed : Observed
    rule : Heading
    basis : Basis
    event : str
        What makes a user active.
    missed : tuple of str
        Warnings of events that were never seen.
    """

    counts: Ints
    calendar: Calendar
    observed: Observed
    rule: Heading
    basis: Basis
    event: str
    missed: tuple[str, ...] = ()

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One record a period.

        ``period active new retained resurrected dormant``; ``retention`` is the share of the period before who are
        active again, with its 95% Wilson interval ``low`` to ``high``: None in the first period, where nobody was
        active before, and where a period is not ``complete``, that is wholly observed.
        """
        whole = self.calendar.whole(self.observed.begin, self.observed.end)
        found, before = [], 0
        for i, label in enumerate(self.calendar.labels if self.basis.events else []):
            states = dict(zip(STATES, self.counts[i].tolist(), strict=True))
            known = i > 0 and before > 0 and bool(whole[i])
            low, high = (wilson(states["retained"], before) or (None, None)) if known else (None, None)
            active = sum(states.values()) - states["dormant"]
            rate = states["retained"] / before if known else None
            row = {"period": label, "active": active, **states, "retention": rate, "low": low, "high": high}
            found.append({**row, "complete": bool(whole[i])})
            before = active
        return found

    @property
    def frame(self) -> pd.DataFrame:
        """One row a period, as a pandas frame."""
        import pandas as pd

        columns = ["period", "active", *STATES, "retention", "low", "high", "complete"]
        return pd.DataFrame(self.rows, columns=columns)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know: of every view that counts so, and of this one."""
        return (*self.rule.warnings_of(self.basis), *self.remarks)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of this view's numbers."""
        found = list(self.missed)
        if self.rows:
            found.append(
                f"everybody is new in the first {self.calendar.unit}, {self.rows[0]['period']}: nothing is known of"
                " the time before, so old users count as new there and, fewer and fewer, after it"
            )
            if not self.rows[-1]["complete"]:
                found.append(
                    f"the {self.calendar.unit} {self.rows[-1]['period']} is not over in the log: it has too few active"
                    " users and too many dormant"
                )
        return (*found, *self.observed.warnings(self.rule.counting))

    def to_dict(self) -> dict[str, Any]:
        """Return the lifecycle as JSON has it."""
        return {
            **self.rule.header(self.basis, self.remarks, "users"),
            "event": self.event,
            "period_unit": self.calendar.unit,
            **self.observed.to_dict(),
            "periods": self.rows,
        }


@kept
def lifecycle(
    snap: Snapshot, counting: Counting | None = None, *, event: str = ANY, period: str = "week", zone: str | None = None
) -> LifecycleResult:
    """Count new, retained, resurrected and dormant users of each period.

    Parameters
    ----------
    snap : Snapshot
    counting : Counting, optional
        Which events count; a lifecycle counts users.
    event : str
        What makes a user active, such as ``"purchase"``; by default any event.
    period : str
        ``"day"``, ``"week"`` or ``"month"``.
    zone : str, optional
        By default that of ``counting``: the IANA name of the time zone in which periods begin.

    Returns
    -------
    LifecycleResult

    Raises
    ------
    CartpathError
        If a pattern, the period or the zone is unknown.
    """
    counting = counting or Counting()
    if counting.unit != "users":
        raise CartpathError(f"cannot count {counting.unit!r} here", "a lifecycle is one of users")
    zone = zone or counting.time_zone
    rule, seen = counting.bind(snap), Observed.of(snap, counting, zone)
    calendar = seen.calendar(period)
    steps = parse_steps([event])
    matcher = match(snap, steps, zone)
    scan = partial(scan_lifecycle, rule=rule, matcher=matcher, edges=calendar.edges)
    basis, counts = engine.run(snap, scan, merge_lifecycle)
    return LifecycleResult(counts, calendar, seen, rule.heading, basis, str(steps[0]), matcher.warnings)


def scan_lifecycle(view: PathView, rule: Rule, matcher: Matcher, edges: Ints) -> tuple[Basis, Ints]:
    """Count one bucket."""
    counted = rule.counted(view)
    paths = counted.paths("users")
    return counted.basis(), _states(paths.offsets, paths.take(view.ts), matcher.bits(counted), edges)


def merge_lifecycle(parts: Sequence[tuple[Basis, Ints]]) -> tuple[Basis, Ints]:
    """Add the counts of buckets; a user lives in one bucket, so nothing is counted twice."""
    return merge_basis([basis for basis, _ in parts]), np.sum([counts for _, counts in parts], axis=0)


@kernel
def _states(offsets: Ints, ts: Ints, bits: npt.NDArray[np.uint64], edges: Ints) -> Ints:
    n = len(edges) - 1
    counts = np.zeros((n, 4), np.int64)
    for path in range(len(offsets) - 1):
        before, ends = -1, np.int64(-(2**63))  # ends: where the period of the last active event does
        for i in range(offsets[path], offsets[path + 1]):
            if bits[i] == 0 or ts[i] < ends:
                continue
            at = np.searchsorted(edges, ts[i], side="right") - 1
            ends = edges[at + 1]
            if before < 0:
                counts[at, _NEW] += 1
            elif before == at - 1:
                counts[at, _RETAINED] += 1
            else:
                counts[at, _RESURRECTED] += 1
                counts[before + 1, _DORMANT] += 1
            before = at
        if 0 <= before < n - 1:
            counts[before + 1, _DORMANT] += 1
    return counts
