"""What a comparison found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cartpath.paths.comparison import correction
from cartpath.paths.comparison.evidence import Evidence, Measure
from cartpath.paths.comparison.groups import Group, Pair
from cartpath.paths.counting import Counting

if TYPE_CHECKING:
    import pandas as pd

_ENDS = ("interval", "effect_interval")


@dataclass(frozen=True)
class ComparisonResult:
    """Two groups compared on a view.

    Attributes
    ----------
    view : str
    options : tuple of (str, object)
        Of the view.
    pair : Pair
    counting : Counting
        As it was asked, without the groups.
    measures : tuple of Measure
    correction : str
        ``"holm"``, ``"bh"`` or ``"none"``.
    alpha : float
        Level at which a difference is called significant.
    left_out : int
        Measures with too few users behind them to be tested.
    beyond : int
        Measures that were not looked at, as they are less frequent than all that were.
    min_users : int
        How few users are too few.
    many : bool
        Whether the clearest differences come first; else measures are in the order of the view.
    noted : tuple of str
        Warnings of the view.
    """

    view: str
    options: tuple[tuple[str, Any], ...]
    pair: Pair
    counting: Counting
    measures: tuple[Measure, ...]
    correction: str
    alpha: float = 0.05
    left_out: int = 0
    beyond: int = 0
    min_users: int = 0
    many: bool = False
    noted: tuple[str, ...] = ()

    @cached_property
    def _evidence(self) -> list[Evidence]:
        return [measure.evidence() for measure in self.measures]

    @property
    def looks(self) -> int:
        """How many differences were tested."""
        return sum(found.p is not None for found in self._evidence)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One record a measure: both numbers, difference, interval, effect, test, p, adjusted p."""
        evidence = self._evidence
        tested = [i for i, found in enumerate(evidence) if found.p is not None]
        method = correction.method_for(self.correction, len(tested))
        adjusted = correction.adjust([p for i in tested if (p := evidence[i].p) is not None], method)
        by_place = dict(zip(tested, adjusted.tolist(), strict=True))
        rows = [
            self._row(measure, found, by_place.get(i))
            for i, (measure, found) in enumerate(zip(self.measures, evidence, strict=True))
        ]
        return sorted(rows, key=_clearest) if self.many else rows

    def _row(self, measure: Measure, found: Evidence, adjusted: float | None) -> dict[str, Any]:
        return {
            "name": measure.name,
            "kind": measure.kind,
            "unit": measure.unit,
            "a": found.a,
            "a_n": found.a_n,
            "b": found.b,
            "b_n": found.b_n,
            "difference": found.difference,
            "interval": found.interval,
            "ratio": found.ratio,
            "effect": found.effect,
            "effect_name": found.effect_name,
            "effect_interval": found.effect_interval,
            "test": found.test,
            "p": found.p,
            "p_adjusted": adjusted,
            "significant": None if adjusted is None else adjusted < self.alpha,
        }

    @property
    def significant(self) -> int:
        """How many differences are significant after the correction."""
        return sum(bool(row["significant"]) for row in self.rows)

    @property
    def sentence(self) -> str:
        """What was looked at and how it was judged, as a sentence says it."""
        method = correction.method_for(self.correction, self.looks)
        how = {"holm": "Holm", "bh": "Benjamini-Hochberg", "none": "no correction"}[method]
        left = f"; {self.left_out:,} with fewer than {self.min_users} users were not tested" if self.left_out else ""
        left += f"; {self.beyond:,} less frequent ones were not looked at" if self.beyond else ""
        looks = "1 look" if self.looks == 1 else f"{self.looks:,} looks"
        return f"{looks}, {how}, {self.significant:,} significant at {self.alpha:g}{left}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know first."""
        return tuple(dict.fromkeys([*self.pair.warnings, *self.noted]))

    @property
    def frame(self) -> pd.DataFrame:
        """One row a measure, as a pandas frame; interval ends are columns of their own."""
        import pandas as pd

        flat = []
        for row in self.rows:
            ends = {
                f"{name}_{end}": (row[name] or (None, None))[i] for name in _ENDS for i, end in enumerate(_LOW_HIGH)
            }
            flat.append({**{k: v for k, v in row.items() if k not in _ENDS}, **ends})
        return pd.DataFrame(flat, columns=_COLUMNS)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON has it."""
        measures = [{**row, **{name: _listed(row[name]) for name in _ENDS}} for row in self.rows]
        return {
            "view": self.view,
            "options": dict(self.options),
            "a": _group(self.pair.a),
            "b": _group(self.pair.b),
            "overlap": self.pair.overlap,
            "correction": correction.method_for(self.correction, self.looks),
            "alpha": self.alpha,
            "looks": self.looks,
            "left_out": self.left_out,
            "beyond": self.beyond,
            "significant": self.significant,
            "count": self.counting.unit,
            **self.counting.to_dict(),
            "measures": measures,
            "warnings": list(self.warnings),
            "generation": self.pair.generation,
        }


_LOW_HIGH = ("low", "high")
_COLUMNS = [
    *("name", "kind", "unit", "a", "a_n", "b", "b_n", "difference", "interval_low", "interval_high", "ratio"),
    *("effect", "effect_name", "effect_interval_low", "effect_interval_high"),
    *("test", "p", "p_adjusted", "significant"),
]


def _clearest(row: dict[str, Any]) -> tuple[float, float, str]:
    p = 2.0 if row["p"] is None else row["p"]
    return p, -abs(row["effect"] or 0.0), row["name"]


def _group(group: Group) -> dict[str, Any]:
    basis = group.basis
    return {
        "name": group.name,
        "expression": group.expression,
        "users": basis.users,
        "sessions": basis.sessions,
        "events": basis.events,
        "segment_users": group.all_users,
        "rest": group.rest,
    }


def _listed(ends: Sequence[float] | None) -> list[float] | None:
    return None if ends is None else list(ends)
