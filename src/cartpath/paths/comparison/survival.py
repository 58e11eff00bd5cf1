"""Two curves of time until an event: the log-rank test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.comparison.evidence import Evidence
from cartpath.schema import Z95

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Survival:
    """Times until an event, some cut off before it, as a table.

    Attributes
    ----------
    time : float64 array (n_times,)
        Ascending and distinct.
    events, censored : int64 array (n_times,)
        How many had the event then, and how many were last seen then without it.

    Examples
    --------
    >>> a = Survival.of(np.array([1.0, 2.0, 3.0]), np.array([True, True, False]))
    >>> a.n, a.at_risk.tolist(), a.median
    (3, [3, 2, 1], 2.0)
    """

    time: Floats
    events: Ints
    censored: Ints

    @classmethod
    def of(cls, durations: npt.ArrayLike, observed: npt.ArrayLike) -> Survival:
        """Make the table from one duration a user; ``observed`` says whether it ended with the event."""
        time, place = np.unique(np.asarray(durations, np.float64), return_inverse=True)
        seen = np.asarray(observed, np.bool_)
        counts = [np.bincount(place[chosen], minlength=len(time)).astype(np.int64) for chosen in (seen, ~seen)]
        return cls(time, counts[0], counts[1])

    @property
    def n(self) -> int:
        """Users."""
        return int(self.events.sum() + self.censored.sum())

    @property
    def support(self) -> int:
        """Users with the event."""
        return int(self.events.sum())

    @property
    def at_risk(self) -> Ints:
        """Users who were still there just before each time."""
        leaving: Ints = self.events + self.censored
        return np.cumsum(leaving[::-1])[::-1]

    @property
    def median(self) -> float | None:
        """When half had the event, by Kaplan and Meier; None where it never came to that."""
        if not self.n:
            return None
        left = np.cumprod(1 - self.events / self.at_risk)
        below = np.flatnonzero(left <= 0.5 + 1e-12)
        return float(self.time[below[0]]) if len(below) else None

    def against(self, other: Any) -> Evidence:
        """Compare with another group's curve.

        Notes
        -----
        Mantel's log-rank test (Cancer Chemotherapy Reports 50, 1966). The hazard ratio is Peto's, exp((O - E) / V),
        right near 1 and too near to 1 for large effects: above 1, group A comes to the event sooner.
        """
        made: dict[str, Any] = {"a": self.median, "a_n": self.n, "b": other.median, "b_n": other.n}
        both = None not in (made["a"], made["b"])
        difference = made["a"] - made["b"] if both else None
        excess, variance = _log_rank(self, other)
        if variance <= 0:
            why = "none: no time at which both could have had the event"
            return Evidence(**made, difference=difference, effect_name="hazard_ratio", test=why)
        middle, half = excess / variance, Z95 / math.sqrt(variance)
        return Evidence(
            **made,
            difference=difference,
            effect=math.exp(middle),
            effect_name="hazard_ratio",
            effect_interval=(math.exp(middle - half), math.exp(middle + half)),
            test="log-rank",
            p=math.erfc(abs(excess) / math.sqrt(variance) / math.sqrt(2)),
        )


def _log_rank(a: Survival, b: Survival) -> tuple[float, float]:
    """Return how many more events A had than expected, and the variance of that."""
    time = np.union1d(a.time[a.events > 0], b.time[b.events > 0])
    (events_a, risk_a), (events_b, risk_b) = _at(a, time), _at(b, time)
    events, risk = events_a + events_b, risk_a + risk_b
    share = risk_a / risk
    more = np.maximum(risk - 1, 1)
    variance = events * share * (1 - share) * (risk - events) / more
    return float((events_a - events * share).sum()), float(variance.sum())


def _at(group: Survival, time: Floats) -> tuple[Floats, Floats]:
    events = np.zeros(len(time))
    place = np.searchsorted(group.time, time)
    known = place < len(group.time)
    known[known] = group.time[place[known]] == time[known]
    events[known] = group.events[place[known]]
    return events, np.append(group.at_risk, 0)[place].astype(np.float64)
