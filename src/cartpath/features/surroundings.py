"""What the paths of some users are described beside: what all users of the shop did before the same moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pyarrow as pa

from cartpath import engine
from cartpath.features.log import Log
from cartpath.features.profile.reference import Reference, fit_reference, fit_reference_over
from cartpath.features.repurchase import Places, Repurchase, merge_repurchase, scan_repurchase
from cartpath.ingest.cleaning import Plan
from cartpath.schema import Event
from cartpath.store import Snapshot

_Things = tuple[Places, int]


@dataclass
class Surroundings:
    """Usual prices, attributes of users, and how often things are bought again, as of any moment; kept once found.

    Attributes
    ----------
    reference : callable
        A moment to a ``Reference``.
    repurchase : callable
        A moment, the place of the thing by item code, and the number of things, to a ``Repurchase``.
    zone : str
        IANA name of the shop's time zone: of days, hours and weekdays.
    tables : dict
        What was worked out of rows, for whoever asks for the same again; whoever puts it there takes it out.
    """

    reference: Callable[[int], Reference]
    repurchase: Callable[[int, Places, int], Repurchase]
    zone: str = "UTC"
    tables: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    _references: dict[int, Reference] = field(default_factory=dict, init=False, repr=False)
    _repurchases: dict[tuple[int, str], Repurchase] = field(default_factory=dict, init=False, repr=False)

    def reference_at(self, at: int) -> Reference:
        """Return what features of users read beside the paths, before a moment."""
        if at not in self._references:
            self._references[at] = self.reference(at)
        return self._references[at]

    def repurchase_at(self, at: int, of: str, things: _Things) -> Repurchase:
        """Return what all users did with each thing before a moment.

        Parameters
        ----------
        at : int
        of : str
            What a thing is: ``item``, ``category`` …
        things : tuple
            The place of the thing by item code, and how many things there are.
        """
        if (at, of) not in self._repurchases:
            self._repurchases[at, of] = self.repurchase(at, *things)
        return self._repurchases[at, of]


@dataclass(frozen=True)
class ShopLog(Log):
    """A log, of all users or of some, and what all users did.

    Attributes
    ----------
    surroundings : Surroundings, optional
    """

    surroundings: Surroundings | None = None


def in_log(log: Log, zone: str = "UTC", users: pa.Table | None = None, plan: Plan | None = None) -> Surroundings:
    """Return what a log in memory says of itself, of all its users.

    Parameters
    ----------
    log : Log
    zone : str
    users, plan : optional
        As ``fit_reference`` takes them.
    """
    purchase = log.event_codes.get(Event.purchase, -1)
    return Surroundings(
        lambda at: fit_reference(log, at, users, plan),
        lambda at, place, n: scan_repurchase(log.view, at, purchase, place, n),
        zone,
    )


def in_snapshot(snapshot: Snapshot, zone: str = "UTC") -> Surroundings:
    """Return what a snapshot says of all its users, bucket by bucket; it must stay open."""
    purchase = snapshot.code_of("event", Event.purchase)

    def repurchase(at: int, place: Places, n: int) -> Repurchase:
        scan = partial(scan_repurchase, at=at, purchase=purchase, place=place, n_things=n)
        return engine.run(snapshot, scan, merge_repurchase)

    return Surroundings(partial(fit_reference_over, snapshot), repurchase, zone)


def surrounded(log: Log, surroundings: Surroundings) -> ShopLog:
    """Return the log with what all users did."""
    return ShopLog(**{**vars(replace(log)), "surroundings": surroundings})


def surroundings_of(log: Log) -> Surroundings:
    """Return what a log is described beside: what it carries, else what it says itself."""
    carried = log.surroundings if isinstance(log, ShopLog) else None
    return in_log(log) if carried is None else carried
