"""Compare two segments on a view."""

from __future__ import annotations

from typing import Any

from cartpath.paths.comparison import correction as corrections
from cartpath.paths.comparison.groups import pair
from cartpath.paths.comparison.registry import check, find
from cartpath.paths.comparison.result import ComparisonResult
from cartpath.paths.counting import Counting
from cartpath.paths.segments import meaning
from cartpath.paths.survival import installed
from cartpath.schema import CartpathError
from cartpath.store import Snapshot
from cartpath.store.answers import answered


def compare(
    snap: Snapshot,
    view: str,
    a: str,
    b: str,
    counting: Counting | None = None,
    *,
    correction: str = "auto",
    alpha: float = 0.05,
    min_users: int = 10,
    **options: Any,
) -> ComparisonResult:
    """Compare two segments on a view.

    Parameters
    ----------
    snap : Snapshot
    view : str
        ``"funnel"``, ``"flow"``, … : ``registry.names()``.
    a, b : str
        Segments: names or expressions. Who is in both is left out, so that the groups are independent; where one
        holds the other, it is compared with the rest.
    counting : Counting, optional
        By default all events, by user.
    correction : str
        For many looks: ``"auto"`` (Holm for up to 20, else Benjamini-Hochberg), ``"holm"``, ``"bh"``, ``"none"``.
    alpha : float
    min_users : int
        Of views with many measures: those with fewer users behind them are not tested, and counted in ``left_out``.
        This looks at both groups together, never at their difference.
    **options
        Of the view.

    Returns
    -------
    ComparisonResult

    Raises
    ------
    CartpathError
        If a segment, a view or an option cannot be read, or both segments hold the same users.
    """
    # What is not asked for; but reset is on where nothing is said.
    given = {
        name: value
        for name, value in options.items()
        if value not in (None, False, ()) or (name, value) == ("reset", False)
    }
    how = find(view)
    counting = counting or Counting(how.units[0])
    corrections.method_for(correction, 0)
    if not 0 < alpha < 1:
        raise CartpathError(f"alpha must be between 0 and 1, not {alpha}", "such as 0.05")
    check(view, how, counting.unit, given)
    judged = (correction, alpha, min_users)
    question = {
        "view": "compare",
        "on": view,
        "groups": [meaning(snap, text, time_zone=counting.time_zone) for text in (a, b)],
        "counting": counting.meant_in(snap),
        "judged": judged,
        "options": given,
        "survival": installed(),
    }
    return answered(snap, question, lambda: _compare(snap, view, a, b, counting, given, *judged))


def _compare(
    snap: Snapshot,
    view: str,
    a: str,
    b: str,
    counting: Counting,
    given: dict[str, Any],
    correction: str,
    alpha: float,
    min_users: int,
) -> ComparisonResult:
    how = find(view)
    groups = pair(snap, a, b, counting)
    found = how.measures(snap, groups.a.counting, groups.b.counting, given)
    kept = tuple(m for m in found.measures if m.support >= min_users or not how.many)
    return ComparisonResult(
        view,
        tuple(given.items()),
        groups,
        counting,
        kept,
        correction,
        alpha,
        left_out=len(found.measures) - len(kept),
        beyond=found.beyond,
        min_users=min_users,
        many=how.many,
        noted=tuple(found.warnings),
    )
