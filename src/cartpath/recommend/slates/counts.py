"""What was shown and given, added up: where each piece of feedback went, and how often each policy was followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.paths import wilson
from cartpath.recommend.slates.feedback import KINDS, OUTCOMES
from cartpath.recommend.slates.read import Given, joined, pair, read_given, slate_tables


@dataclass(frozen=True)
class PolicyRates:
    """What came of the slates of one policy.

    Attributes
    ----------
    policy : str
    slates, items : int
        Slates shown, and items on them.
    clicked, purchased : int
        Slates with one click, or one purchase, at least.
    items_clicked, items_purchased : int
    """

    policy: str
    slates: int
    items: int
    clicked: int
    purchased: int
    items_clicked: int
    items_purchased: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON: counts, ``click_through`` and ``conversion`` of slates, with 95% Wilson intervals."""
        return {
            **asdict(self),
            "click_through": _rate(self.clicked, self.slates),
            "conversion": _rate(self.purchased, self.slates),
        }


def _rate(hits: int, n: int) -> dict[str, float | None]:
    ends = wilson(hits, n) or (None, None)
    return {"rate": hits / n if n else None, "low": ends[0], "high": ends[1]}


@dataclass(frozen=True)
class FeedbackCounts:
    """All that was shown and given.

    Attributes
    ----------
    slates, items : int
    given : int
        Pieces of feedback: the sum of ``outcomes``.
    outcomes : dict of str to int
        How many were joined, and why the others were not.
    policies : tuple of PolicyRates
        By name.
    """

    slates: int
    items: int
    given: int
    outcomes: dict[str, int]
    policies: tuple[PolicyRates, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "policies": [policy.to_dict() for policy in self.policies]}


def count_feedback(workspace: Path | str, since: int | None = None) -> FeedbackCounts:
    """Count what was shown and given, a segment of the log at a time.

    A piece of feedback that came twice is joined once, the other is a duplicate; one whose slate is not in the log, as
    after an erasure, is of an unknown request.

    Parameters
    ----------
    workspace : Path
    since : int, optional
        Slates shown from this moment on count for the policies, microseconds since 1970 UTC; all by default. Feedback
        is told apart over the whole log.

    Returns
    -------
    FeedbackCounts
    """
    given = read_given(workspace)
    seen = {kind: _Seen(given, kind) for kind in KINDS}
    by_policy: dict[str, npt.NDArray[np.int64]] = {}
    for slates in slate_tables(workspace):
        rows = joined(slates, given)
        for kind in KINDS:
            seen[kind].add(rows)
        for policy, counted in _by_policy(_since(slates, since), _since(rows, since)):
            by_policy[policy] = by_policy.get(policy, np.zeros(6, np.int64)) + counted
    outcomes = dict.fromkeys(OUTCOMES, 0)
    for kind in KINDS:
        for name, n in seen[kind].outcomes().items():
            outcomes[name] += n
    outcomes["duplicate"] = given.lines - sum(outcomes.values())
    total = sum(by_policy.values(), np.zeros(6, np.int64))
    rates = tuple(PolicyRates(name, *(int(n) for n in by_policy[name])) for name in sorted(by_policy))
    return FeedbackCounts(int(total[0]), int(total[1]), given.lines, outcomes, rates)


class _Seen:
    """Which distinct pieces of one kind found their item, or at least their request."""

    def __init__(self, given: Given, kind: str) -> None:
        self._keys, self._requests = given.of[kind], given.requests[kind]
        self._item = np.zeros(len(self._keys), np.bool_)
        self._request = np.zeros(len(self._keys), np.bool_)

    def add(self, rows: pa.Table) -> None:
        keys = pair(rows["request_id"], rows["item_id"])
        self._item |= pc.is_in(self._keys, keys).to_numpy(zero_copy_only=False)
        self._request |= pc.is_in(self._requests, rows["request_id"].combine_chunks()).to_numpy(zero_copy_only=False)

    def outcomes(self) -> dict[str, int]:
        return {
            "joined": int(self._item.sum()),
            "unknown_item": int((self._request & ~self._item).sum()),
            "unknown_request": int((~self._request & ~self._item).sum()),
        }


def _since(table: pa.Table, since: int | None) -> pa.Table:
    return table if since is None else table.filter(pc.greater_equal(table["ts"].cast(pa.int64()), since))


def _by_policy(slates: pa.Table, rows: pa.Table) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """Yield policies with slates, items, slates clicked and purchased, items clicked and purchased (6,)."""
    for policy in pc.unique(slates["policy"]).to_pylist():
        mine = rows.filter(pc.equal(rows["policy"], policy))
        shown = pc.sum(pc.equal(slates["policy"], policy)).as_py()
        hits = [mine.filter(mine[name])["request_id"] for name in ("clicked", "purchased")]
        of_slates = [pc.count_distinct(requests).as_py() for requests in hits]
        yield policy, np.array([shown, len(mine), *of_slates, *map(len, hits)], np.int64)
