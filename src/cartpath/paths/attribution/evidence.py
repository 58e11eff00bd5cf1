"""The journeys and conversions of all buckets as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.attribution.journeys import Codes, Floats, Ints, Journeys, in_order, intern, sums
from cartpath.paths.attribution.scan import Part, Tally
from cartpath.paths.counted import Basis, merge_basis


@dataclass(frozen=True)
class Evidence:
    """What all buckets say.

    Attributes
    ----------
    journeys : Journeys
    worth : float64 array (n, 2)
        Of each conversion (of each part, where several users share one): conversions and revenue.
    non_direct : uint8 array (n,)
    decay : tuple of arrays
    orders, steps, shared : int
        Orders, conversions that are steps, and orders that several paths share.
    tally : Tally
    """

    journeys: Journeys
    worth: Floats
    non_direct: Codes
    decay: tuple[Ints, Codes, Floats]
    orders: int
    steps: int
    shared: int
    tally: Tally


def merge_attribution(parts: Sequence[tuple[Basis, Part]], width: int) -> tuple[Basis, Evidence]:
    """Join buckets: journeys that are equal become one, an order of several users is shared between them."""
    found = [part for _, part in parts]
    number, codes, offsets = in_order(*intern(_join(found, "codes"), _offsets([part.offsets for part in found])))
    sizes = [len(part.offsets) - 1 for part in found]
    journey = number[_shifted([part.journey for part in found], sizes)]
    worth, orders, shared = _worth(*(_join(found, name) for name in ("order", "value", "lines")))
    n = len(offsets) - 1
    conversions, revenue = (sums(journey, worth[:, i], n) for i in (0, 1))
    lost = sums(number, _join(found, "lost"), n)
    rows = _shifted([part.decay[0] for part in found], [len(part.journey) for part in found])
    channel, parted = (np.concatenate([part.decay[i] for part in found]) for i in (1, 2))
    tally = Tally(**{f.name: sum(getattr(part.tally, f.name) for part in found) for f in fields(Tally)})
    evidence = Evidence(
        Journeys(codes, offsets, conversions, revenue, lost, width),
        worth,
        _join(found, "non_direct"),
        (rows, channel, parted),
        orders,
        int(np.count_nonzero(_join(found, "order") == 0)),
        shared,
        tally,
    )
    return merge_basis([basis for basis, _ in parts]), evidence


def _worth(order: Ints, value: Floats, lines: Floats) -> tuple[Floats, int, int]:
    """Return what each conversion is worth, how many orders there are, and how many of them are shared.

    Revenue follows ``status``: the largest order value, else the sum of price x quantity.
    """
    ids, place, n = np.unique(order, return_inverse=True, return_counts=True)
    largest, total = np.full(len(ids), np.nan), np.zeros(len(ids))
    np.fmax.at(largest, place, value)
    np.add.at(total, place, np.nan_to_num(lines))
    revenue = np.where(np.isnan(largest), total, largest) / n
    single = order == 0
    share = np.where(single, 1.0, 1.0 / n[place])
    worth = np.column_stack([share, np.where(single, np.nan_to_num(lines), revenue[place])])
    return worth, int(np.count_nonzero(ids)), int(np.count_nonzero(n[ids != 0] > 1))


def _join(parts: Sequence[Part], name: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in parts])


def _offsets(parts: Sequence[Ints]) -> Ints:
    return np.cumsum(np.concatenate([[0], *(np.diff(part) for part in parts)])).astype(np.int64)


def _shifted(rows: Sequence[Ints], sizes: Sequence[int]) -> Ints:
    starts = np.cumsum([0, *sizes])[:-1]
    return np.concatenate([part + start for part, start in zip(rows, starts, strict=True)])
