"""A counted funnel, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cartpath.paths.counting import Counting, wilson
from cartpath.paths.funnel.rates import flat, grouped_frame, step_rows
from cartpath.paths.funnel.times import Durations, distribution, summary
from cartpath.paths.funnel.words import rule_words, time_words

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Breakdowns:
    """What a funnel is cut into, besides its steps.

    Attributes
    ----------
    by : str or None
        The property.
    taken_at : str or None
        At which step its value is taken, in words.
    groups : list of dict
        One record a value: ``value``, ``n`` at each step, ``conversion``, ``interval``.
    trend : str or None
        ``"day"``, ``"week"`` or ``"month"``.
    periods : list of dict
        One record a period: ``period``, ``n`` at each step, ``conversion``, ``interval``, ``complete``.
    """

    by: str | None = None
    taken_at: str | None = None
    groups: list[dict[str, Any]] = field(default_factory=list)
    trend: str | None = None
    periods: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class FunnelResult:
    """A counted funnel.

    Attributes
    ----------
    steps : tuple of str
        The steps, in order.
    counts : tuple of int
        Units that reached each step.
    units : int
        Users or sessions with any event that counts, or entries: the denominator behind the first step.
    counting : Counting
    within_seconds : int or None
    warnings : tuple of str
        Steps that were never seen, ties.
    rule : mapping
        How steps follow each other: ``order``, ``within_session``, ``exclude``, ``hold``.
    header : mapping
        What every view says of what it counted.
    durations : Durations
    instead : list of dict
        For each step but the last, what those did next who went no further.
    parts : Breakdowns
    shown : str
        Which table ``frame`` is, and the figure: ``"steps"``, ``"by"``, ``"trend"``, ``"times"`` or ``"instead"``.
    """

    steps: tuple[str, ...]
    counts: tuple[int, ...]
    units: int
    counting: Counting
    within_seconds: int | None
    warnings: tuple[str, ...] = ()
    rule: Mapping[str, Any] = field(default_factory=lambda: {"order": "loose"})
    header: Mapping[str, Any] = field(default_factory=dict)
    durations: Durations | None = None
    instead: list[dict[str, Any]] = field(default_factory=list)
    parts: Breakdowns = field(default_factory=Breakdowns)
    shown: str = "steps"

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One record a step: ``event``, ``n``, both rates and their 95% Wilson intervals.

        The first step's rates are 1 by definition and have no interval.
        """
        return step_rows(self.steps, self.counts)

    @property
    def frame(self) -> pd.DataFrame:
        """The table that was asked for; the others are properties of their own."""
        frames = {
            "steps": FunnelResult.step_frame,
            "by": FunnelResult.group_frame,
            "trend": FunnelResult.trend_frame,
            "times": FunnelResult.times_frame,
            "instead": FunnelResult.instead_frame,
        }
        found: pd.DataFrame = frames[self.shown].__get__(self)
        return found

    @property
    def step_frame(self) -> pd.DataFrame:
        """One row a step; interval ends are columns of their own."""
        import pandas as pd

        return pd.DataFrame(flat(self.rows))

    @property
    def group_frame(self) -> pd.DataFrame:
        """One row a value of the property and step."""
        return grouped_frame("value", self.parts.groups, self.steps)

    @property
    def trend_frame(self) -> pd.DataFrame:
        """One row a period and step."""
        return grouped_frame("period", self.parts.periods, self.steps)

    @property
    def times_frame(self) -> pd.DataFrame:
        """One row a bin of the time to convert: ``bin``, ``from_seconds``, ``to_seconds``, ``n``, ``share``."""
        import pandas as pd

        columns = ["bin", "from_seconds", "to_seconds", "n", "share"]
        return pd.DataFrame(self.time_to_convert["distribution"], columns=columns)

    @property
    def instead_frame(self) -> pd.DataFrame:
        """One row a step and what came next: ``step``, ``event``, ``next``, ``n``, ``share``."""
        import pandas as pd

        rows = [
            {"step": row["step"], "event": row["event"], "next": to["event"], "n": to["n"], "share": to["share"]}
            for row in self.instead
            for to in row["next"]
        ]
        return pd.DataFrame(rows, columns=["step", "event", "next", "n", "share"])

    @property
    def words(self) -> str:
        """How steps must follow each other, and what counts, as a sentence says it."""
        return f"{rule_words(self.rule, self.within_seconds)}; {self.counting.sentence}"

    @property
    def time_words(self) -> str:
        """How long conversion took, as a sentence says it."""
        return time_words(self.time_to_convert, self.counting.unit)

    @cached_property
    def time_to_convert(self) -> dict[str, Any]:
        """Time from the first step to the last, of those that made the last: number, median, p90, distribution."""
        if self.durations is None:
            return {"n": 0, "median_seconds": None, "p90_seconds": None, "distribution": []}
        return {**summary(self.durations.whole), "distribution": distribution(self.durations.whole)}

    @cached_property
    def time_between(self) -> list[dict[str, Any]]:
        """One record a pair of neighbouring steps: ``source``, ``target``, number, median, p90; none in any order."""
        between = () if self.durations is None else self.durations.between
        return [
            {"source": self.steps[k], "target": self.steps[k + 1], **summary(found)} for k, found in enumerate(between)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the funnel as JSON has it."""
        first, last = self.counts[0], self.counts[-1]
        ends = wilson(last, first)
        found = {
            **self.counting.to_dict(),
            **self.header,
            "count": self.counting.unit,
            **self.rule,
            "within_seconds": self.within_seconds,
            "steps": [_plain(row) for row in self.rows],
            "units": self.units,
            "conversion": {
                "n": last,
                "of": first,
                "rate": last / first if first else None,
                "interval": list(ends) if ends else None,
            },
            "time_to_convert": self.time_to_convert,
            "time_between": self.time_between,
            "instead": self.instead,
            "warnings": list(self.warnings),
        }
        parts = self.parts
        if parts.by is not None:
            groups = [_plain(row) for row in parts.groups]
            found["by"] = {"property": parts.by, "taken_at": parts.taken_at, "groups": groups}
        if parts.trend is not None:
            found["trend"] = {"grain": parts.trend, "periods": [_plain(row) for row in parts.periods]}
        return found


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}
