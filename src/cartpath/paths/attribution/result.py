"""An attribution as people read it: tables, a dictionary, the words that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cartpath.paths.attribution.channels import ChannelNames
from cartpath.paths.attribution.evidence import Evidence
from cartpath.paths.attribution.journeys import Floats
from cartpath.paths.attribution.question import Question
from cartpath.paths.attribution.rules import Credit
from cartpath.paths.attribution.tables import plain, rate, top_journeys, touched
from cartpath.paths.conditions import NONE
from cartpath.paths.counted import Basis
from cartpath.paths.counting import BEGINNING, wilson
from cartpath.paths.rule import Heading
from cartpath.schema import OTHER, Z95

if TYPE_CHECKING:
    import pandas as pd

#: What every reader of an attribution should know.
NOT_CAUSAL = (
    "These shares divide conversions among touches by a rule; they are not causal effects: they do not say how many"
    " conversions there would be without a channel. Only an experiment does."
)
#: Decimals of a value: what lies beyond is rounding.
_DIGITS = 9
_TINY = 1e-9
_COLUMNS = (
    "model", "channel", "conversions", "share", "conversions_low", "conversions_high", "revenue", "revenue_share"
)  # fmt: skip


@dataclass(frozen=True)
class AttributionResult:
    """What each model gives to each channel.

    Attributes
    ----------
    question : Question
    rule : Heading
    basis : Basis
    channels : ChannelNames
    evidence : Evidence
    credits : mapping of str to Credit
        By model.
    effects : mapping of str to float64 array (width, 2)
        Removal effects on conversions and revenue, by Markov model.
    goal_warnings : tuple of str
    """

    question: Question
    rule: Heading
    basis: Basis
    channels: ChannelNames
    evidence: Evidence
    credits: Mapping[str, Credit]
    effects: Mapping[str, Floats]
    goal_warnings: tuple[str, ...] = ()

    @property
    def conversions(self) -> int:
        """Orders and steps that are conversions."""
        return self.evidence.orders + self.evidence.steps

    @property
    def revenue(self) -> float:
        """Revenue of the conversions, by the rule of ``status``."""
        return float(round(self.evidence.worth[:, 1].sum(), 2))

    @cached_property
    def order(self) -> list[int]:
        """Codes of the channels that were touched, those first that the models give most; "(other)" and none last."""
        seen = np.flatnonzero(self.evidence.journeys.touches() > 0).tolist()
        given = np.sum([credit.values[:, 0] for credit in self.credits.values()], axis=0)
        names = self.channels.names
        last = {OTHER: 1, NONE: 2}
        return sorted(seen, key=lambda c: (last.get(names[c], 0), -round(given[c], _DIGITS), names[c]))

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One record a model and channel."""
        found = []
        for model, credit in self.credits.items():
            for code in self.order:
                n, revenue = np.round(credit.values[code], _DIGITS).tolist()
                low, high = self._interval(model, n, float(credit.error[code]))
                found.append({
                    "model": model, "channel": self.channels.names[code], "conversions": n,
                    "share": rate(n, self.conversions), "conversions_low": low, "conversions_high": high,
                    "revenue": revenue, "revenue_share": rate(revenue, self.evidence.worth[:, 1].sum()),
                })  # fmt: skip
        return found

    @property
    def frame(self) -> pd.DataFrame:
        """One row a model and channel, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=list(_COLUMNS))

    def wide(self, value: str = "conversions") -> list[tuple[str, list[float]]]:
        """Return a channel's name and its values, one a model: ``"conversions"`` or ``"revenue"``."""
        column = ("conversions", "revenue").index(value)
        return [
            (self.channels.names[c], [float(by.values[c, column]) for by in self.credits.values()]) for c in self.order
        ]

    @cached_property
    def touched(self) -> list[dict[str, Any]]:
        """One record a channel, as ``tables.touched`` has it."""
        return touched(self.evidence.journeys, self.channels.names, self.order)

    def paths(self, top: int = 10) -> list[dict[str, Any]]:
        """Return the most frequent journeys that end in a conversion, as ``tables.top_journeys`` has them."""
        return top_journeys(self.evidence.journeys, self.channels.names, self.conversions, top)

    @property
    def warnings(self) -> list[str]:
        """What a reader should know first."""
        tally, found = self.evidence.tally, list(self.goal_warnings)
        if not self.conversions:
            found.append(f"no {self.question.goal} counts as a conversion: {self.rule.counting.sentence}")
        if len(self.order) == 1 and self.channels.names[self.order[0]] == NONE and self.channels.by_session:
            found.append(f"no session has a {self.question.of}: all credit goes to {NONE}")
        if tally.without_touch:
            found.append(f"{tally.without_touch:,} conversions have no touch and are credited to {NONE}")
        if tally.cut:
            found.append(f"{tally.cut:,} conversions have more than 200 touches; the oldest are left out")
        below = sum(credit.values[:, 0] < -(10.0**-_DIGITS) for credit in self.credits.values())
        if np.any(below):
            found.append(
                f"{np.count_nonzero(below):,} values of {self.question.of} have a negative Shapley value by rate:"
                " journeys with them convert less often"
            )
        if self.evidence.shared:
            found.append(f"{self.evidence.shared:,} orders belong to several {self.rule.counting.unit}; each is shared")
        return found

    @property
    def all_warnings(self) -> list[str]:
        """Those that concern every view, and those of this one."""
        return [*self.rule.warnings_of(self.basis), *self.warnings]

    @property
    def caution(self) -> str:
        """What the shares do not say."""
        return NOT_CAUSAL

    @property
    def note(self) -> str:
        """The denominator and the rule of touches, in words."""
        journeys, tally = self.evidence.journeys, self.evidence.tally
        what = "sessions" if self.channels.by_session else "steps"
        if self.rule.counting.unit == "sessions":
            what = "the conversion's session" if self.channels.by_session else "steps of the conversion's session"
        words = (
            f"{self.conversions:,} conversions ({self.question.goal}), revenue {self.revenue:,.2f};"
            f" {int(journeys.lost.sum()):,} journeys without one. Touches are {what} {self.question.window_words};"
            f" {self.rule.counting.sentence}."
        )
        if tally.beyond_lookback:
            words += f" {tally.beyond_lookback:,} conversions have touches before the lookback."
        if self.rule.counting.since > BEGINNING:
            words += " Touches before the period do not count, so journeys at its start are shorter than they were."
        if self.channels.merged:
            words += f" (other) is {self.channels.merged:,} values of {self.question.of}."
        return words

    def to_dict(self) -> dict[str, Any]:
        """Return the attribution as JSON has it."""
        evidence, journeys = self.evidence, self.evidence.journeys
        return {
            **self.rule.header(self.basis, self.warnings),
            **self.question.to_dict(),
            "touch": "session" if self.channels.by_session else "step",
            "conversions": self.conversions,
            "orders": evidence.orders,
            "conversions_without_order": evidence.steps,
            "shared_orders": evidence.shared,
            "revenue": self.revenue,
            "models": self._by_model("conversions"),
            "revenue_models": self._by_model("revenue"),
            "shares": self._by_model("share"),
            "revenue_shares": self._by_model("revenue_share"),
            "intervals": self._intervals(),
            "errors": self._errors(),
            "removal_effects": self._effects(),
            "channels": self.touched,
            "paths": self.paths(),
            "journeys": {
                "distinct": len(journeys),
                "converted": self.conversions,
                "lost": int(journeys.lost.sum()),
                "touches": plain(journeys.touches().sum()),
            },
            "other_values": self.channels.merged,
            **asdict(evidence.tally),
            "note": self.note,
            "caution": NOT_CAUSAL,
        }

    def _interval(self, model: str, n: float, error: float) -> tuple[float | None, float | None]:
        # By rate the error is that of the draws alone; an exact value has none, and says nothing of chance.
        by_rate = model == "shapley" and self.question.game == "rate"
        if error != error or (by_rate and not error):
            return None, None
        if by_rate:
            return n - Z95 * error, n + Z95 * error
        return _wilson(n, self.conversions, error)

    def _by_model(self, name: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {model: {} for model in self.credits}
        for row in self.rows:
            found[row["model"]][row["channel"]] = row[name]
        return found

    def _intervals(self) -> dict[str, dict[str, list[float] | None]]:
        low, high = self._by_model("conversions_low"), self._by_model("conversions_high")
        return {
            model: {name: None if value is None else [value, high[model][name]] for name, value in by.items()}
            for model, by in low.items()
        }

    def _errors(self) -> dict[str, dict[str, float | None]]:
        return {
            model: {self.channels.names[c]: _known(credit.error[c]) for c in self.order}
            for model, credit in self.credits.items()
        }

    def _effects(self) -> dict[str, dict[str, dict[str, float]]]:
        return {
            model: {
                self.channels.names[c]: {"conversions": float(by[c, 0]), "revenue": float(by[c, 1])} for c in self.order
            }
            for model, by in self.effects.items()
        }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _wilson(n: float, conversions: int, error: float) -> tuple[float | None, float | None]:
    """Return the interval of a credit: as many conversions count as would give a yes-or-no rate this error."""
    share = n / conversions if conversions else 0.0
    binomial = share * (1 - share) * conversions
    size = conversions * (binomial / error**2 if error > _TINY and binomial > 0 else 1)
    ends = wilson(share * size, size)
    return (None, None) if ends is None else (ends[0] * conversions, ends[1] * conversions)
