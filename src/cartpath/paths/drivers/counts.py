"""Who did what before they converted: the counts that odds ratios are made of, one pass a bucket.

Each unit (a user or a session) has a *window* in which its behaviour counts, and an outcome after it. The units are
cut into strata by the number of steps in their window, so that the active can be compared with the active.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Basis, Paths, merge_basis
from cartpath.paths.drivers.windows import CONVERTED, EARLY, Window, windows
from cartpath.paths.matching import Matcher
from cartpath.paths.properties import EVENT, USER, Property
from cartpath.paths.rule import Rule
from cartpath.store import PathView
from cartpath.store.jit import kernel

Counts = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

#: Strata: every number of steps to 8, then each a quarter wider than the one before.
EDGES = np.unique(np.concatenate([np.arange(1, 9), np.floor(8 * 1.25 ** np.arange(1, 32))])).astype(np.int64)
N_STRATA = len(EDGES) + 1
#: More cells than this are counted by sorting.
_DENSE = 1 << 22


@dataclass(frozen=True)
class Cells:
    """Units that have a value, by value and stratum.

    Attributes
    ----------
    key : int64 array (n,)
        Code * ``N_STRATA`` + stratum, ascending; code 0 is no value, the others are a property's plus one.
    units, converted : int64 arrays (n,)
    """

    key: Counts
    units: Counts
    converted: Counts


@dataclass(frozen=True)
class DriverCounts:
    """What a bucket, or all of them, holds.

    Attributes
    ----------
    basis : Basis
    units, converted : int64 arrays (N_STRATA,)
        Units that are compared.
    left_out : int64 array (4,)
        Units that are not, by ``LEFT_OUT``.
    cells : tuple of Cells
        One a property.
    """

    basis: Basis
    units: Counts
    converted: Counts
    left_out: Counts
    cells: tuple[Cells, ...]


def scan_drivers(
    view: PathView, rule: Rule, goal: Matcher, window: Window, properties: Sequence[Property], last: int
) -> DriverCounts:
    """Count one bucket.

    Parameters
    ----------
    view : PathView
    rule : Rule
    goal : Matcher
        Of one step.
    window : Window
    properties : sequence of Property
    last : int
        The last moment that was observed.
    """
    counted = rule.counted(view)
    paths = counted.paths(rule.counting.unit)
    of_goal = counted.along(paths, goal.bits(counted) != 0)
    step = counted.along(paths, counted.step)
    ts = paths.take(view.ts)
    ends, outcome, steps = windows(paths.offsets, ts, step, of_goal, window.kind, window.length, window.follow, last)
    stratum = np.searchsorted(EDGES, steps, side="right").astype(np.int32)
    compared = outcome <= CONVERTED
    return DriverCounts(
        counted.basis(),
        np.bincount(stratum[compared], minlength=N_STRATA),
        np.bincount(stratum[outcome == CONVERTED], minlength=N_STRATA),
        np.bincount(outcome, minlength=6)[EARLY:],
        tuple(_cells(view, paths, one, ends, outcome, stratum) for one in properties),
    )


def merge_drivers(parts: Sequence[DriverCounts]) -> DriverCounts:
    """Add the counts of buckets; a user lives in one bucket, so nothing is counted twice."""
    return DriverCounts(
        merge_basis([part.basis for part in parts]),
        np.sum([part.units for part in parts], axis=0),
        np.sum([part.converted for part in parts], axis=0),
        np.sum([part.left_out for part in parts], axis=0),
        tuple(_merged([part.cells[i] for part in parts]) for i in range(len(parts[0].cells))),
    )


def _merged(parts: Sequence[Cells]) -> Cells:
    key, place = np.unique(np.concatenate([part.key for part in parts]), return_inverse=True)
    units, converted = np.zeros(len(key), np.int64), np.zeros(len(key), np.int64)
    np.add.at(units, place, np.concatenate([part.units for part in parts]))
    np.add.at(converted, place, np.concatenate([part.converted for part in parts]))
    return Cells(key, units, converted)


def _cells(
    view: PathView, paths: Paths, one: Property, ends: Counts, outcome: npt.NDArray[np.uint8], stratum: Codes
) -> Cells:
    codes = one.codes(view)
    n_codes = len(one.labels) + 1
    if one.level != EVENT:
        # Of the user, or of the session that the path begins with.
        own = codes[paths.user if one.level == USER else paths.session] + 1
        key = (own.astype(np.int64) * N_STRATA + stratum) * 2 + outcome
        return _counted(key[outcome <= CONVERTED])
    along = paths.take(codes)
    if n_codes * N_STRATA <= _DENSE:
        units, converted = _tally(paths.offsets, ends, outcome, stratum, along, n_codes, N_STRATA)
        key = np.flatnonzero(units)
        return Cells(key, units[key], converted[key])
    return _counted(_pairs(paths.offsets, ends, outcome, stratum, along, n_codes, N_STRATA))


def _counted(pairs: Counts) -> Cells:
    """Count pairs, one a unit and value: twice the key of the cell, plus one if the unit converted."""
    found, n = np.unique(pairs, return_counts=True)
    key, place = np.unique(found >> 1, return_inverse=True)
    units, converted = np.bincount(place, n, len(key)), np.bincount(place, n * (found & 1), len(key))
    return Cells(key, units.astype(np.int64), converted.astype(np.int64))


@kernel
def _tally(
    offsets: Counts,
    ends: Counts,
    outcome: npt.NDArray[np.uint8],
    stratum: Codes,
    codes: Codes,
    n_codes: int,
    n_strata: int,
) -> tuple[Counts, Counts]:
    units = np.zeros(n_codes * n_strata, np.int64)
    converted = np.zeros(n_codes * n_strata, np.int64)
    stamp = np.full(n_codes, -1, np.int64)
    for path in range(len(ends)):
        if outcome[path] > CONVERTED:
            continue
        for i in range(offsets[path], ends[path]):
            code = codes[i] + 1
            if code > 0 and stamp[code] != path:
                stamp[code] = path
                cell = code * n_strata + stratum[path]
                units[cell] += 1
                converted[cell] += outcome[path]
    return units, converted


@kernel
def _pairs(
    offsets: Counts,
    ends: Counts,
    outcome: npt.NDArray[np.uint8],
    stratum: Codes,
    codes: Codes,
    n_codes: int,
    n_strata: int,
) -> Counts:
    """As ``_tally``, for many codes: one key a unit and value, as ``_counted`` takes them."""
    found = np.empty(len(codes), np.int64)
    n = 0
    stamp = np.full(n_codes, -1, np.int64)
    for path in range(len(ends)):
        if outcome[path] > CONVERTED:
            continue
        for i in range(offsets[path], ends[path]):
            code = codes[i] + 1
            if code > 0 and stamp[code] != path:
                stamp[code] = path
                found[n] = (code * n_strata + stratum[path]) * 2 + outcome[path]
                n += 1
    return found[:n]
