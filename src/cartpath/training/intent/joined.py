"""Paths of the users of a source: what the shop knows of them, and the source's events, in one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.config import CleaningSettings, OutlierSettings, OutliersSettings
from cartpath.ingest import cleaning
from cartpath.ingest.cleaning import Plan
from cartpath.store import PathView, Snapshot
from cartpath.store.prepare import ROW_HASH, USER_KEY
from cartpath.store.run import Run, build, column, merge, order_rows, rows_of, select

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Joined:
    """Paths, and which of their events are the source's.

    Attributes
    ----------
    view : PathView
    places : int64 array (n,)
        Places in the path of the source's events, ascending; those that the shop has already among them.
    rows : int64 array (n,)
        The row of each, in the table they came from.
    known_users, known_events : int
        Users and events of the source that the shop has.
    """

    view: PathView
    places: Index
    rows: Index
    known_users: int
    known_events: int


@dataclass(frozen=True)
class Joiner:
    """Joins rows of a bucket to the shop's paths of their users.

    Attributes
    ----------
    shop : Snapshot
    events : sequence of str
        Names of events by code, the source's among them.
    plan : Plan, optional
        What cleaning does to values, fitted on the shop; see ``value_rules``.
    """

    shop: Snapshot
    events: Sequence[str]
    plan: Plan | None = None

    def __call__(self, bucket: int, rows: pa.Table) -> Joined:
        """Join rows, of which none is there twice, to the users' paths.

        The order is the store's: by time, and of equal times what the shop has comes first.

        Parameters
        ----------
        bucket : int
        rows : pyarrow.Table (n,)
            As ``SourceRows`` yields them.
        """
        gap, whole = self.shop.gap_seconds, self.shop.run(bucket)
        known = select(whole, rows_of(whole, np.unique(column(rows, USER_KEY))), gap)
        prints = column(rows, ROW_HASH)
        new = np.flatnonzero(~np.isin(prints, known.arrays[ROW_HASH]))
        run = merge(known, self._clean(build(rows, *order_rows(rows, new), gap)), gap) if len(new) else known
        order = np.argsort(prints)
        at = np.minimum(np.searchsorted(prints[order], run.arrays[ROW_HASH]), len(prints) - 1)
        row = order[at]
        places = np.flatnonzero(prints[row] == run.arrays[ROW_HASH])
        if len(places) != len(rows):
            raise AssertionError(f"of {len(rows)} events of the source {len(places)} are in the paths")
        return Joined(run.view(), places, row[places], len(known.user_key), len(rows) - len(new))

    def _clean(self, run: Run) -> Run:
        return run if self.plan is None else cleaning.apply(run, self.plan, self.shop.gap_seconds, self.events).run


def value_rules(shop: Snapshot) -> Plan | None:
    """Return those rules of a shop's cleaning that look at no other event than the one they change; None without any.

    Missing and outlying prices and quantities are treated as fitted on the shop; an outlier that the shop would take
    out stays, marked. Robots, near duplicates, clocks and dwell need what comes after.

    Parameters
    ----------
    shop : Snapshot
    """
    raw = (shop.derivation or {"record": {}})["record"].get("plan")
    if raw is None:
        return None
    plan = Plan.from_dict(raw)
    outliers = OutliersSettings(_marked(plan.settings.outliers.price), _marked(plan.settings.outliers.quantity))
    rules = CleaningSettings(missing=plan.settings.missing, outliers=outliers, seed=plan.settings.seed)
    return replace(plan, settings=rules, until=None, delay=None) if rules.active else None


def _marked(rule: OutlierSettings | None) -> OutlierSettings | None:
    return replace(rule, action="flag") if rule is not None and rule.action == "quarantine" else rule
