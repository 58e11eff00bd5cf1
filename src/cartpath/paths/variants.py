"""Variants: the most frequent paths, with how often they convert, what they bring and how long they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.conditions import Step, parse_step
from cartpath.paths.counting import Counting, wilson
from cartpath.paths.matching import match
from cartpath.paths.properties import Properties
from cartpath.paths.same_paths import NO_LIMIT, Cut, most_frequent
from cartpath.paths.variant_scan import Plan, Whole, codes_of_groups, merge_variants, ranks_of, scan_variants
from cartpath.schema import OTHER, CartpathError, Event
from cartpath.store import Snapshot
from cartpath.store.answers import kept

if TYPE_CHECKING:
    import pandas as pd

#: What stands for the rest of a path that is longer than is shown.
MORE = "…"
#: Elements of a path can be.
ELEMENTS = ("step", "event")
#: Of the frame.
COLUMNS = (
    "path", "length", "n", "share", "share_low", "share_high", "users", "conversions", "conversion",
    "conversion_low", "conversion_high", "revenue", "median_seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """A path that several sessions may take.

    Attributes
    ----------
    path : tuple of str
        Ends in ``MORE`` where it goes on.
    n, conversions, users : int
        Sessions that take it, those of them that convert, and users with such a session; users of ``(other)`` are
        not counted (None), as they may take other variants, too.
    revenue : float
        Of orders placed in these sessions.
    median_seconds : float or None
        Half of the sessions take at most so long from their first event to their last.
    """

    path: tuple[str, ...]
    n: int
    conversions: int
    users: int | None
    revenue: float
    median_seconds: float | None

    def to_dict(self, of: int) -> dict[str, Any]:
        """Return it as JSON has it; ``of`` is the number of sessions in all."""
        share, conversion = wilson(self.n, of), wilson(self.conversions, self.n)
        return {
            "path": list(self.path),
            "n": self.n,
            "share": self.n / of if of else None,
            "share_interval": None if share is None else list(share),
            "users": self.users,
            "conversions": self.conversions,
            "conversion": self.conversions / self.n if self.n else None,
            "conversion_interval": None if conversion is None else list(conversion),
            "revenue": self.revenue,
            "median_seconds": self.median_seconds,
        }


@dataclass(frozen=True)
class VariantsResult:
    """The most frequent variants, and all others as one.

    Attributes
    ----------
    header : mapping
        What was counted; ``count`` is ``"sessions"``, or ``"users"`` across sessions.
    question : mapping
        How paths were made: ``unit node collapse across_sessions max_length goal``.
    variants : tuple of Variant
        Most frequent first; of equally frequent ones the shorter, then by name.
    other : Variant
        The rest; ``n`` is 0 where all are shown.
    distinct : int
        Different variants in all.
    truncated : int
        Sessions whose path is longer than ``max_length``.
    revenue : float
        Of all orders, each counted once.
    """

    header: Mapping[str, Any]
    question: Mapping[str, Any]
    variants: tuple[Variant, ...]
    other: Variant
    distinct: int
    truncated: int
    revenue: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know first."""
        return tuple(self.header["warnings"])

    @property
    def units(self) -> int:
        """Sessions (users) in all."""
        return int(self.header["units"])

    @property
    def note(self) -> str:
        """What was counted, and how much of it the variants shown are, in words."""
        count, shown = self.header["count"], sum(v.n for v in self.variants)
        asked = self.question
        words = [
            f"{len(self.variants):,} of {self.distinct:,} variants, {shown:,} of {self.units:,} {count}",
            str(self.header["period"]),
        ]
        words += [f"where {self.header['filter']}"] if self.header["filter"] else []
        words += [f"users in {self.header['segment']}"] if self.header["segment"] else []
        words += ["repeats as one"] if asked["collapse"] else []
        if asked["max_length"] is not None:
            words.append(f"cut after {asked['max_length']:,}, which concerns {self.truncated:,} {count}")
        return f"{'; '.join(words)}. Converts: {asked['goal']}."

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One record a variant, and last one for the others where there are any."""
        shown = [*self.variants, self.other] if self.other.n else self.variants
        return [variant.to_dict(self.units) for variant in shown]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a variant as ``rows`` has it, the path as one text; interval ends are columns of their own."""
        import pandas as pd

        flat = []
        for row in self.rows:
            ends = {
                f"{name}_{end}": (row[f"{name}_interval"] or (None, None))[i]
                for name in ("share", "conversion")
                for i, end in enumerate(("low", "high"))
            }
            length = None if row["path"] == [OTHER] else len(row["path"])
            flat.append({**row, **ends, "path": " → ".join(row["path"]), "length": length})
        return pd.DataFrame(flat, columns=list(COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """Return the variants as JSON has them."""
        whole = [*self.variants, self.other]
        n, conversions = self.units, sum(v.conversions for v in whole)
        return {
            **self.header,
            **self.question,
            "variants": [variant.to_dict(n) for variant in self.variants],
            "other": self.other.to_dict(n),
            "distinct": self.distinct,
            "truncated": self.truncated,
            "coverage": sum(v.n for v in self.variants) / n if n else None,
            "conversions": conversions,
            "conversion": conversions / n if n else None,
            "revenue": self.revenue,
        }


@kept
def variants(
    snap: Snapshot,
    counting: Counting = Counting(),  # noqa: B008 - frozen
    *,
    unit: str = "step",
    collapse: bool = False,
    top: int = 20,
    max_length: int | None = None,
    node: str = "event",
    goal: str = Event.purchase,
    across_sessions: bool = False,
) -> VariantsResult:
    """Count the most frequent paths of sessions.

    Parameters
    ----------
    snap : Snapshot
    counting : Counting
        Its unit does not matter: paths are of sessions unless ``across_sessions``.
    unit : str
        ``"step"`` or ``"event"``: what an element of a path is.
    collapse : bool
        Take a node that follows itself for one.
    top : int
        How many variants are shown.
    max_length : int, optional
        Longer paths are the same where their first so many elements are; they end in ``MORE``.
    node : str
        The property that names an element: ``event``, ``page``, ``item_id``, ``category_1`` …
    goal : str
        What converts: one step, such as ``checkout|purchase``.
    across_sessions : bool
        Paths of users over all their sessions.

    Returns
    -------
    VariantsResult

    Raises
    ------
    CartpathError
        If an option cannot be read, or a property is unknown.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> store.init(folder)
    >>> with store.open_snapshot(folder) as snap:
    ...     variants(snap, collapse=True).distinct
    0
    """
    _check(unit, top, max_length)
    step = parse_step(goal)
    plan = variants_plan(
        snap, counting, Cut(unit == "step", collapse, max_length or NO_LIMIT), node, step, across_sessions
    )
    whole = engine.run(snap, partial(scan_variants, plan=plan), merge_variants)
    question = {
        "unit": unit, "node": node, "collapse": collapse, "across_sessions": across_sessions,
        "max_length": max_length, "goal": str(step),
    }  # fmt: skip

    def names(numbers: npt.NDArray[np.int64]) -> list[tuple[str, ...]]:
        return plan.names(codes_of_groups(snap, plan, whole.groups, numbers), MORE)

    chosen = most_frequent(whole.groups, top, names)
    paths = names(chosen)
    header = plan.rule.header(whole.basis, plan.goal.warnings, plan.count)
    shown, other = summary(whole, chosen, paths)
    truncated = int(whole.groups.n[whole.groups.cut == 1].sum())
    revenue = float(whole.orders.amounts.sum().round(2))
    return VariantsResult(header, question, shown, other, len(whole.groups), truncated, revenue)


def _check(unit: str, top: int, max_length: int | None) -> None:
    if unit not in ELEMENTS:
        raise CartpathError(f"a path has no {unit!r} elements", f"choose one of: {', '.join(ELEMENTS)}")
    for name, number in (("top", top), ("max_length", max_length)):
        if number is not None and number < 1:
            raise CartpathError(f"{name} is {number}, less than 1", "give a number from 1 on")


def variants_plan(snap: Snapshot, counting: Counting, cut: Cut, node: str, goal: Step, across_sessions: bool) -> Plan:
    """Look up what a question names in a store."""
    found = Properties(snap, counting.time_zone).find(node)
    return Plan(
        counting.bind(snap),
        "users" if across_sessions else "sessions",
        cut,
        found,
        ranks_of(found),
        match(snap, [goal], counting.time_zone),
        snap.code_of("event", Event.purchase),
    )


def summary(
    whole: Whole, chosen: npt.NDArray[np.int64], paths: Sequence[tuple[str, ...]]
) -> tuple[tuple[Variant, ...], Variant]:
    """Return the chosen groups as variants, in the order they are shown, and the others as one."""
    g, n = whole.groups, len(chosen)
    rank = np.full(len(g), n, np.int32)
    rank[chosen] = np.arange(n)
    revenue = np.bincount(rank[whole.orders.owner], whole.orders.amounts, n + 1).round(2).tolist()
    medians = whole.medians(rank, n)
    shown = [
        Variant(path, int(g.n[i]), int(g.converted[i]), int(g.users[i]), revenue[at], medians[at])
        for at, (i, path) in enumerate(zip(chosen.tolist(), paths, strict=True))
    ]
    rest, converted = (int(every.sum() - every[chosen].sum()) for every in (g.n, g.converted))
    other = Variant((OTHER,), rest, converted, None, revenue[n], medians[n])
    return tuple(sorted(shown, key=lambda v: (-v.n, len(v.path), v.path))), other
