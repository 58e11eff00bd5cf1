"""How many users segments hold, how much they overlap, and who is in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import engine
from cartpath.paths.segments.atoms import Atom
from cartpath.paths.segments.meaning import meaning
from cartpath.paths.segments.plan import Refused, SegmentPlan, SegmentWords, compile_segment, expressions_of
from cartpath.schema import CartpathError, Columns
from cartpath.store import PathView, Snapshot
from cartpath.store.answers import answered
from cartpath.store.files import atomic

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SegmentsResult:
    """Segments in numbers.

    Attributes
    ----------
    plans : tuple of SegmentWords
    shared : int64 array (n, n)
        Users in both of two segments; on the diagonal the users of one.
    users : int
        All users of the store.
    generation : int
    time_zone : str
        Of dates and clock times in them.
    refused : tuple of Refused
        Definitions that cannot be read, where all were asked for.
    """

    plans: tuple[SegmentWords, ...]
    shared: npt.NDArray[np.int64]
    users: int
    generation: int
    time_zone: str = "UTC"
    refused: tuple[Refused, ...] = ()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One record a segment: ``name``, ``expression``, ``users`` and their share of all."""
        counts = np.diagonal(self.shared).tolist()
        return [
            {
                "name": plan.text,
                "expression": plan.expression,
                "users": n,
                "share": n / self.users if self.users else None,
            }
            for plan, n in zip(self.plans, counts, strict=True)
        ]

    @property
    def overlaps(self) -> list[dict[str, Any]]:
        """One record a pair: ``a``, ``b``, users in both, and by Jaccard of those in either (None: nobody)."""
        found = []
        for i, a in enumerate(self.plans):
            for j in range(i + 1, len(self.plans)):
                both = int(self.shared[i, j])
                either = int(self.shared[i, i] + self.shared[j, j]) - both
                jaccard = both / either if either else None
                found.append({"a": a.text, "b": self.plans[j].text, "users": both, "jaccard": jaccard})
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """What cannot be read, what was never seen, and segments without users."""
        empty = [f"no user is in {row['name']}" for row in self.rows if not row["users"]]
        refused = [one.warning for one in self.refused]
        return (*refused, *dict.fromkeys(text for plan in self.plans for text in plan.warnings), *empty)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a segment, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["name", "expression", "users", "share"])

    def to_dict(self) -> dict[str, Any]:
        """Return the segments as JSON has them."""
        return {
            "users": self.users,
            "segments": self.rows,
            "overlaps": self.overlaps,
            "period": "all events: a segment is evaluated over everything the store holds",
            "time_zone": self.time_zone,
            "refused": [
                {"name": one.name, "expression": one.expression, "error": one.problem, "hint": one.hint}
                for one in self.refused
            ],
            "warnings": list(self.warnings),
            "generation": self.generation,
        }


def segments(
    snap: Snapshot, names: Sequence[str] | None = None, named: Mapping[str, str] | None = None, time_zone: str = "UTC"
) -> SegmentsResult:
    """Count segments and their overlaps.

    Parameters
    ----------
    snap : Snapshot
    names : sequence of str, optional
        Names or expressions; by default every segment of ``cartpath.toml``.
    named : mapping of str to str, optional
        What names stand for; by default as ``cartpath.toml`` has it.
    time_zone : str
        Of dates and clock times in them.

    Returns
    -------
    SegmentsResult
        Where all are asked for, those that cannot be read are ``refused`` and the others are counted.

    Raises
    ------
    CartpathError
        If one that is asked for by name cannot be read, or none can.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> store.init(folder)
    >>> with store.open_snapshot(folder) as snapshot:
    ...     segments(snapshot, ["everyone"]).rows
    [{'name': 'everyone', 'expression': 'everyone', 'users': 0, 'share': None}]
    """
    known = expressions_of(snap) if named is None else named
    asked = tuple(known if names is None else names)
    forgiving = names is None
    question = {
        "view": "segments",
        "forgiving": forgiving,
        "asked": [_meant(snap, name, known, time_zone, forgiving) for name in asked],
    }
    return answered(snap, question, lambda: _count(snap, asked, known, time_zone, forgiving))


def _meant(snap: Snapshot, name: str, known: Mapping[str, str], time_zone: str, forgiving: bool) -> dict[str, Any]:
    try:
        return meaning(snap, name, known, time_zone)
    except CartpathError as error:
        if not forgiving:
            raise
        return {"text": name, "expression": known[name], "refused": error.message}


def _compiled(
    snap: Snapshot, names: Sequence[str], known: Mapping[str, str], time_zone: str, forgiving: bool
) -> tuple[tuple[SegmentPlan, ...], tuple[Refused, ...]]:
    """Bind segments to the store; one bad definition does not keep the others from being listed."""
    plans, refused = [], []
    for name in names:
        try:
            plans.append(compile_segment(snap, name, known, time_zone))
        except CartpathError as error:
            if not forgiving:
                raise
            refused.append(Refused(name, known[name], error.message, error.hint))
    if refused and not plans:
        raise CartpathError(refused[0].problem, refused[0].hint)
    return tuple(plans), tuple(refused)


def _count(
    snap: Snapshot, names: Sequence[str], known: Mapping[str, str], time_zone: str, forgiving: bool
) -> SegmentsResult:
    plans, refused = _compiled(snap, names, known, time_zone, forgiving)
    scan = partial(scan_overlaps, atoms=tuple(plan.atom for plan in plans))
    shared = engine.run(snap, scan, partial(merge_overlaps, n=len(plans)))
    said = tuple(plan.said for plan in plans)
    return SegmentsResult(said, shared, snap.totals.users, snap.generation, time_zone, refused)


def scan_overlaps(view: PathView, atoms: Sequence[Atom]) -> npt.NDArray[np.int64]:
    """Count for each pair the users of a bucket who are in both."""
    masks = [atom.mask(view) for atom in atoms]
    shared = np.zeros((len(masks), len(masks)), np.int64)
    for i, one in enumerate(masks):
        for j in range(i, len(masks)):
            shared[i, j] = shared[j, i] = np.count_nonzero(one & masks[j])
    return shared


def merge_overlaps(parts: Sequence[npt.NDArray[np.int64]], n: int) -> npt.NDArray[np.int64]:
    """Add the counts of buckets."""
    total: npt.NDArray[np.int64] = np.sum([np.zeros((n, n), np.int64), *parts], axis=0)
    return total


def members(snap: Snapshot, plan: SegmentPlan) -> pa.Table:
    """Return the ids of a segment's users, one column ``user_id``, in the store's order."""
    found = engine.run(snap, partial(scan_members, atom=plan.atom), merge_members)
    return pa.table({Columns.user_id: found})


def scan_members(view: PathView, atom: Atom) -> pa.Array:
    """Return the ids of a bucket's users who belong."""
    return view.user_id.filter(pa.array(atom.mask(view)))


def merge_members(parts: Sequence[pa.Array]) -> pa.ChunkedArray:
    """Put the ids of buckets one behind the other."""
    return pa.chunked_array(list(parts), pa.string())


def write_members(snap: Snapshot, plan: SegmentPlan, path: Path) -> int:
    """Write the ids of a segment's users as CSV, whole or not at all; returns how many."""
    from pyarrow import csv

    found = members(snap, plan)
    with atomic(path) as draft, open(draft, "wb") as file:
        csv.write_csv(found, file)
    return len(found)
