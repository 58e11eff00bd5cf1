"""What a retention question gives back: cohorts and their cells, what is known of them, and what is not yet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.calendar import Calendar
from cartpath.paths.conditions import ANY
from cartpath.paths.counted import Basis
from cartpath.paths.counting import wilson
from cartpath.paths.observed import Observed
from cartpath.paths.property_groups import GroupNames
from cartpath.paths.rule import Heading

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]

#: ``classic``: back in that very period; ``unbounded``: in that period or later.
MODES = ("classic", "unbounded")


@dataclass(frozen=True)
class CohortCounts:
    """Counts of a bucket or of all.

    Attributes
    ----------
    size : int64 array (n_groups, n_cohorts)
        Users who started.
    again : int64 array (n_groups, n_cohorts, n_after)
        Those with a return in the period so many after.
    last : int64 array (n_groups, n_cohorts, n_after)
        Those whose last return was then; the last place holds all later ones.
    """

    size: Ints
    again: Ints
    last: Ints


@dataclass(frozen=True)
class RetentionResult:
    """Counted retention.

    Attributes
    ----------
    counts : CohortCounts
    revenue : float64 array (n_groups, n_cohorts, n_after)
        What the orders of the cohort's users in that period are worth, from their start on.
    calendar : Calendar
        The cohorts.
    observed : Observed
    rule : Heading
    basis : Basis
    mode : str
    events : tuple of str
        What is a start, and what a return.
    by : str or None
    groups : GroupNames
    missed : tuple of str
        Warnings of events that were never seen.
    """

    counts: CohortCounts
    revenue: npt.NDArray[np.float64]
    calendar: Calendar
    observed: Observed
    rule: Heading
    basis: Basis
    mode: str
    events: tuple[str, str]
    by: str | None
    groups: GroupNames
    missed: tuple[str, ...] = ()

    @cached_property
    def returned(self) -> Ints:
        """Users back, as the mode has it: (n_groups, n_cohorts, n_after)."""
        if self.mode == "classic":
            return self.counts.again
        return np.cumsum(self.counts.last[:, :, ::-1], axis=2)[:, :, ::-1]

    @cached_property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Which cells are wholly observed, (n_cohorts, n_after): their period has ended within the log."""
        n, width = self.counts.again.shape[1:]
        ends = np.append(self.calendar.edges[1:], np.full(width, np.iinfo(np.int64).max))
        found: npt.NDArray[np.bool_] = ends[np.arange(n)[:, None] + np.arange(width)] <= self.observed.end
        return found

    @cached_property
    def users(self) -> int:
        """Users who started: the sum of the cohorts."""
        return int(self.counts.size.sum())

    @property
    def what(self) -> str:
        """What a rate is the share of, as a sentence begins."""
        event = "any event" if self.events[1] == ANY else self.events[1]
        later = " or later" if self.mode == "unbounded" else ""
        return f"Back with {event} in that {self.calendar.unit}{later}"

    def cohorts(self, group: int | None = None) -> list[dict[str, Any]]:
        """Return one record a cohort of a group, or of all: ``cohort users complete cells``.

        ``complete`` says whether the cohort's own period is wholly observed. A cell has ``k``, ``n`` (users back so
        far), its ``rate`` and 95% Wilson interval ``low`` to ``high`` (None where the cell is not ``complete`` or
        nobody started), the ``revenue`` up to and including it, and that ``revenue_per_user``.
        """
        whole = self.calendar.whole(self.observed.begin, self.observed.end)
        size, returned, revenue = (self._of(group, name) for name in ("size", "returned", "revenue"))
        return [
            {
                "cohort": label,
                "users": int(size[c]),
                "complete": bool(whole[c]),
                "cells": [
                    self._cell(k, int(returned[c, k]), int(size[c]), bool(self.complete[c, k]), float(revenue[c, k]))
                    for k in range(min(returned.shape[1], len(self.calendar) - c))
                ],
            }
            for c, label in enumerate(self.calendar.labels if self.basis.events else [])
        ]

    def totals(self, group: int | None = None) -> list[dict[str, Any]]:
        """Return one record a period after the start, over the cohorts whose cell is wholly observed.

        ``k cohorts users n rate low high revenue revenue_per_user``: users are those of these cohorts alone.
        """
        size, returned, revenue = (self._of(group, name) for name in ("size", "returned", "revenue"))
        found = []
        for k in range(returned.shape[1]):
            here = self.complete[:, k] & (size > 0)
            n, users = int(returned[here, k].sum()), int(size[here].sum())
            cell = self._cell(k, n, users, True, float(revenue[here, k].sum()))
            found.append({"k": k, "cohorts": int(here.sum()), "users": users, **cell})
        return found

    def _of(self, group: int | None, name: str) -> Any:
        found = {"size": self.counts.size, "returned": self.returned, "revenue": np.cumsum(self.revenue, axis=2)}
        values = found[name]
        return values.sum(axis=0) if group is None else values[group]

    @staticmethod
    def _cell(k: int, n: int, users: int, complete: bool, revenue: float) -> dict[str, Any]:
        known = complete and users > 0
        low, high = (wilson(n, users) or (None, None)) if known else (None, None)
        return {
            "k": k,
            "n": n,
            "rate": n / users if known else None,
            "low": low,
            "high": high,
            "complete": complete,
            "revenue": round(revenue, 2),
            "revenue_per_user": revenue / users if known else None,
        }

    @property
    def frame(self) -> pd.DataFrame:
        """One row a group, cohort and period after it; the group ``all`` is the whole."""
        import pandas as pd

        columns = ["group", "cohort", "users", "k", "n", "rate", "low", "high", "complete", "revenue",
                   "revenue_per_user"]  # fmt: skip
        rows = [
            {"group": name, "cohort": row["cohort"], "users": row["users"], **cell}
            for name, part in self._parts()
            for row in self.cohorts(part)
            for cell in row["cells"]
        ]
        return pd.DataFrame(rows, columns=columns)

    @property
    def total_frame(self) -> pd.DataFrame:
        """One row a group and period after the start, over wholly observed cells."""
        import pandas as pd

        rows = [{"group": name, **row} for name, part in self._parts() for row in self.totals(part)]
        columns = ["group", "k", "cohorts", "users", "n", "rate", "low", "high", "complete", "revenue",
                   "revenue_per_user"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def _parts(self) -> list[tuple[str, int | None]]:
        named = [] if self.by is None else [(name, i) for i, name in enumerate(self.groups.names)]
        return [("all", None), *named]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know: of every view that counts so, and of this one."""
        return (*self.rule.warnings_of(self.basis), *self.remarks)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of this view's numbers."""
        found = list(self.missed)
        if self.users:
            first = self.calendar.labels[0]
            found.append(
                f"the log begins within or at {self.calendar.unit} {first}: who had started before counts there as new,"
                " so the first cohorts may hold old users"
            )
        if self.users and self.mode == "unbounded":
            found.append("unbounded counts returns until the log ends: late cohorts had less time to come back")
        shown, there = self.counts.again.shape[2] - 1, len(self.calendar) - 1
        if self.users and shown < there:
            found.append(
                f"returns are counted up to {shown} {self.calendar.unit}s after the start, of {there} in the log"
            )
        return (*found, *self.observed.warnings(self.rule.counting))

    def to_dict(self) -> dict[str, Any]:
        """Return retention as JSON has it."""
        named = [
            {
                "group": name,
                "users": int(self.counts.size[i].sum()),
                "cohorts": self.cohorts(i),
                "totals": self.totals(i),
            }
            for i, name in enumerate(self.groups.names)
        ]
        return {
            **self.rule.header(self.basis, self.remarks, "users"),
            "start": self.events[0],
            "return": self.events[1],
            "cohort": self.calendar.unit,
            "mode": self.mode,
            **self.observed.to_dict(),
            "started": self.users,
            "periods": self.counts.again.shape[2] - 1,
            "periods_in_log": len(self.calendar) - 1,
            "cohorts": self.cohorts(),
            "totals": self.totals(),
            "by": self.by,
            "groups": [] if self.by is None else named,
            "groups_merged": self.groups.merged,
        }
