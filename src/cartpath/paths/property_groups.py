"""Groups by a property of the event that a unit starts with: the largest by name, the rest together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.conditions import NONE
from cartpath.paths.properties import Property
from cartpath.schema import OTHER, CartpathError


@dataclass(frozen=True)
class GroupNames:
    """What the groups of a result are called: plain data, so that answers can be kept.

    Attributes
    ----------
    names : tuple of str
        The largest first; then ``(other)``, where there are more.
    merged : int
        Values that are in ``(other)``.
    """

    names: tuple[str, ...]
    merged: int = 0


@dataclass(frozen=True)
class Groups:
    """Which group each value of a property belongs to.

    Attributes
    ----------
    names : tuple of str
        The largest first; then ``(other)``, where there are more.
    place : int32 array (n_codes + 1,)
        Group of each code; the last entry is that of a missing value.
    merged : int
        Values that are in ``(other)``.
    """

    names: tuple[str, ...]
    place: npt.NDArray[np.int32]
    merged: int = 0

    @classmethod
    def largest(cls, counts: npt.NDArray[np.int64], found: Property, top: int) -> Groups:
        """Choose groups.

        Parameters
        ----------
        counts : int64 array (n_codes + 1,)
            Units of each value; the last entry is that of a missing value.
        found : Property
        top : int
            How many are kept by name.
        """
        codes = np.flatnonzero(counts)
        names = {int(code): NONE if code == len(counts) - 1 else found.label(int(code)) for code in codes}
        ranked = sorted(names, key=lambda code: (-counts[code], names[code]))
        place = np.full(len(counts), min(top, len(ranked)), np.int32)
        place[ranked[:top]] = np.arange(len(ranked[:top]))
        merged = len(ranked[top:])
        return cls((*(names[code] for code in ranked[:top]), *([OTHER] if merged else [])), place, merged)

    @classmethod
    def one(cls) -> Groups:
        """Return the grouping that parts nothing."""
        return cls(("all",), np.zeros(1, np.int32))

    @property
    def called(self) -> GroupNames:
        """What they are called, for results."""
        return GroupNames(self.names, self.merged)

    def of(self, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the group of each code."""
        return self.place[codes]


def property_name(by: str) -> str:
    """Return the property of ``--by``, which is taken where the unit starts: later values would know the future.

    Examples
    --------
    >>> property_name("channel"), property_name("channel@first")
    ('channel', 'channel')
    """
    name, _, taken = by.partition("@")
    if taken not in ("", "first"):
        raise CartpathError(
            f"cannot group by {by!r}: what is known only later would decide the group",
            f"write {name}@first: its value at the start event",
        )
    return name


def count_codes(codes: npt.NDArray[np.int32], n_labels: int) -> npt.NDArray[np.int64]:
    """Count codes; the last entry is that of a missing value, -1."""
    return np.bincount(np.where(codes < 0, n_labels, codes), minlength=n_labels + 1).astype(np.int64)
