"""The step view: where paths are one, two, three steps after an event, or where they were before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.conditions import Step, parse_step
from cartpath.paths.counting import Counting, wilson
from cartpath.paths.flow.nodes import MOST_NODES, START, NodeNames, Nodes, nodes_of
from cartpath.paths.matching import match
from cartpath.paths.rule import Heading
from cartpath.paths.step_count import StepCounts, Walk, fold, merge_steps, scan_steps
from cartpath.schema import OTHER, CartpathError
from cartpath.store import Snapshot
from cartpath.store.answers import kept

if TYPE_CHECKING:
    import pandas as pd

#: Where paths are that have ended; backwards they are at START, as they had not begun.
LEFT = "(left)"

#: Most steps from the anchor, and most values of a step that are shown.
MOST_STEPS, MOST_SHOWN = 50, 50

#: Up to so many nodes the links between all of them are counted at once; beyond, between those that are shown.
_FEW = 64

_ENDS = ("interval_low", "interval_high")


@dataclass(frozen=True)
class StepViewResult:
    """A counted step view.

    Attributes
    ----------
    rule : Heading
    nodes_of : NodeNames
        What is shown.
    unit : str
        What a path is of: ``"sessions"`` or ``"users"``.
    backwards, collapse : bool
    anchor : Step or None
        None is the start of the path.
    shown : list of list of int
        For each step the nodes that are shown, most frequent first; the rest is ``(other)``.
    gathered : tuple of int
        For each step how many values are in ``(other)``, at most.
    counts : StepCounts
        By place in ``shown``, then ``(other)``, then those that left.
    missed : tuple of str
        Warnings of events that were never seen.
    """

    rule: Heading
    nodes_of: NodeNames
    unit: str
    backwards: bool
    collapse: bool
    anchor: Step | None
    shown: list[list[int]]
    gathered: tuple[int, ...]
    counts: StepCounts
    missed: tuple[str, ...] = ()

    @property
    def counting(self) -> Counting:
        """The counting rule as it was asked."""
        return self.rule.counting

    @property
    def direction(self) -> str:
        """``"forwards"`` or ``"backwards"``."""
        return "backwards" if self.backwards else "forwards"

    @property
    def gone(self) -> str:
        """What paths are called that have no such step."""
        return START if self.backwards else LEFT

    @property
    def paths(self) -> int:
        """Paths with the anchor: the denominator of every share."""
        return int(self.counts.columns[0].sum())

    @property
    def left_out(self) -> int:
        """Paths without the anchor."""
        return self.counts.left_out

    @property
    def anchor_words(self) -> str:
        """What the view starts from, in words."""
        if self.anchor is not None:
            return str(self.anchor)
        return "session start" if self.unit == "sessions" else "first step of the user"

    def _name(self, step: int, slot: int) -> str:
        shown = self.shown[step]
        if slot < len(shown):
            return self.nodes_of.names[shown[slot]]
        return OTHER if slot == self.counts.columns.shape[1] - 2 else self.gone

    @cached_property
    def columns(self) -> list[dict[str, Any]]:
        """One record a step: ``step``, ``gathered``, and ``values``, each ``event n share interval``.

        Shares are of the paths with the anchor and sum to one in every step.
        """
        found = []
        for step, column in enumerate(self.counts.columns.tolist()):
            values = [
                {"event": self._name(step, slot), "n": n, "share": n / self.paths, "interval": wilson(n, self.paths)}
                for slot, n in enumerate(column)
                if n
            ]
            found.append({"step": step, "gathered": self.gathered[step], "values": values})
        return found if self.paths else []

    @cached_property
    def links(self) -> list[dict[str, Any]]:
        """One record a pair of values at a step (``source``) and at the next one from the anchor (``target``)."""
        return [
            {
                "step": step,
                "source": self._name(step, source),
                "target": self._name(step + 1, target),
                "n": (n := int(self.counts.links[step, source, target])),
                "share": n / self.paths,
            }
            for step, source, target in np.argwhere(self.counts.links).tolist()
        ]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a step and value, as a pandas frame."""
        import pandas as pd

        rows = [
            {"step": column["step"], **value, **dict(zip(_ENDS, value["interval"], strict=True))}
            for column in self.columns
            for value in column["values"]
        ]
        return pd.DataFrame(rows, columns=["step", "event", "n", "share", *_ENDS])

    @property
    def link_frame(self) -> pd.DataFrame:
        """One row a link, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.links, columns=["step", "source", "target", "n", "share"])

    @property
    def note(self) -> str:
        """What is shown, of how many, and what is left out, in words."""
        words = f"{self.paths:,} {self.unit}"
        if self.anchor is not None:
            words += f" with {self.anchor_words}, {'back from' if self.backwards else 'from'} its first time"
            words += f"; {self.left_out:,} without it are left out"
        other = max(self.gathered, default=0)
        return words + (f"; (other) is up to {other:,} values a step." if other else ".")

    @property
    def warnings(self) -> list[str]:
        """What a reader should know first."""
        return self.rule.warnings_of(self.counts.basis) + self._more()

    def to_dict(self) -> dict[str, Any]:
        """Return the view as JSON has it."""
        return {
            **self.rule.header(self.counts.basis, self._more(), self.unit),
            "direction": self.direction,
            "anchor": self.anchor_words,
            "node": self.nodes_of.of,
            "across_sessions": self.unit == "users",
            "collapse": self.collapse,
            "paths": self.paths,
            "left_out": self.left_out,
            "columns": [
                {**column, "values": [{**value, "interval": list(value["interval"])} for value in column["values"]]}
                for column in self.columns
            ],
            "links": self.links,
        }

    def _more(self) -> list[str]:
        found = list(self.missed)
        if self.anchor is not None and not self.paths and self.left_out:
            found.append(f"none of {self.left_out:,} {self.unit} has {self.anchor_words}")
        return found


@kept
def step_view(
    snap: Snapshot,
    counting: Counting | None = None,
    *,
    start: str | None = None,
    end: str | None = None,
    steps: int = 5,
    top: int = 8,
    collapse: bool = False,
    across_sessions: bool = False,
    node: str = "event",
) -> StepViewResult:
    """Count where paths are after an event, or where they were before one, step by step.

    Parameters
    ----------
    snap : Snapshot
    counting : Counting, optional
        Which events count; its unit is not read.
    start : str, optional
        The event to look forwards from, with conditions as in ``view[price>50]``; by default the path's first step.
    end : str, optional
        The event to look backwards from, instead.
    steps : int
        How many steps.
    top : int
        How many values of a step are shown; the rest is ``(other)``.
    collapse : bool
        Steps at the same value, one directly after the other, are one.
    across_sessions : bool
        Follow users through all their sessions.
    node : str
        What is shown: ``"event"`` or another property, such as ``"page"``.

    Returns
    -------
    StepViewResult

    Raises
    ------
    CartpathError
        If both ends are given, a number is out of range, an event cannot be read or a property is unknown.

    Notes
    -----
    A path is looked at from the first step that the event holds for; of a hit of several events, any may be it.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> store.init(folder)
    >>> with store.open_snapshot(folder) as snap:
    ...     step_view(snap, end="purchase").to_dict()["direction"]
    'backwards'
    """
    _check(start, end, steps, top)
    rule = (counting or Counting()).bind(snap)
    text = start if end is None else end
    anchor = None if text is None else parse_step(text)
    matcher = None if anchor is None else match(snap, [anchor], rule.counting.time_zone)
    nodes = nodes_of(snap, rule, node, MOST_NODES)
    unit = "users" if across_sessions else "sessions"
    walk = Walk(rule, nodes, unit, matcher, steps, end is not None, collapse)
    every = np.tile(np.arange(len(nodes.names) + 1, dtype=np.int32), (steps + 1, 1))
    few = len(nodes.names) <= _FEW
    first = engine.run(snap, partial(scan_steps, walk=walk, slots=every, linked=few), merge_steps)
    shown, gathered, slots = rank(first.columns, nodes, top)
    if few:
        counts = fold(first, slots)
    else:
        counts = engine.run(snap, partial(scan_steps, walk=walk, slots=slots, linked=True), merge_steps)
    missed = () if matcher is None else matcher.warnings
    return StepViewResult(
        rule.heading, nodes.called(), unit, walk.backwards, collapse, anchor, shown, gathered, counts, missed
    )


def _check(start: str | None, end: str | None, steps: int, top: int) -> None:
    if start is not None and end is not None:
        raise CartpathError("a step view looks from one event", "give --start to look forwards or --end to look back")
    if not 1 <= steps <= MOST_STEPS:
        raise CartpathError(f"cannot show {steps:,} steps", f"from 1 to {MOST_STEPS}")
    if not 1 <= top <= MOST_SHOWN:
        raise CartpathError(f"cannot show {top:,} values a step", f"from 1 to {MOST_SHOWN}")


def rank(
    columns: npt.NDArray[np.int64], nodes: Nodes, top: int
) -> tuple[list[list[int]], tuple[int, ...], npt.NDArray[np.int32]]:
    """Choose what is shown of each step.

    Returns
    -------
    shown : list of list of int
        Nodes, most frequent first, by name where they are as frequent; ``(other)`` is none of them.
    gathered : tuple of int
        How many values are in ``(other)``, at most.
    slots : int32 array (steps + 1, n_nodes + 1)
        Where each node is counted: its place in ``shown``, then ``top`` for ``(other)``, ``top + 1`` for none.
    """
    names = nodes.names
    slots = np.full((len(columns), len(names) + 1), top, np.int32)
    slots[:, -1] = top + 1
    shown, gathered = [], []
    for step, column in enumerate(columns[:, : len(names)].tolist()):
        there = [i for i, n in enumerate(column) if n and names[i] != OTHER]
        kept = sorted(there, key=lambda i: (-column[i], names[i]))[:top]
        slots[step, kept] = np.arange(len(kept))
        shown.append(kept)
        rare = nodes.gathered if nodes.gathered and column[-1] else 0  # of which not all need be at this step
        gathered.append(len(there) - len(kept) + rare)
    return shown, tuple(gathered), slots
