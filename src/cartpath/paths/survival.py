"""Kaplan-Meier curves and the log-rank test, by lifelines, on durations that are counted first.

Only the times at which somebody converts change a curve. Whoever was followed without converting is therefore counted
at the last such time within their follow-up: the numbers at risk, and so the curve, its band and the test, are exactly
those of the single durations, and a million users become as many rows as there are different times to convert.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.counting import wilson
from cartpath.schema import MICROSECONDS, MissingExtraError, seconds

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Distances of the times at which numbers at risk are given.
_TICKS = (
    "1s",
    "10s",
    "1m",
    "5m",
    "10m",
    "30m",
    "1h",
    "2h",
    "6h",
    "12h",
    "1d",
    "2d",
    "5d",
    "10d",
    "20d",
    "30d",
    "60d",
    "120d",
    "360d",
    "1080d",
)
_MOST_TICKS = 9

#: Fewer conversions than this in a group: its curve and its tests say little.
FEW = 10


@dataclass(frozen=True)
class Curve:
    """A Kaplan-Meier curve: the share that has not converted yet, by time since the start.

    Attributes
    ----------
    durations : int64 array (n,)
        Time to the conversion or to the end of the follow-up, ascending, microseconds.
    times : int64 array (m,)
        Different times to convert, ascending.
    conversions : int64 array (m,)
        How many converted at each.
    survival, low, high : float64 array (m,)
        Just after each of ``times``: the share not converted, and its 95% band (Greenwood, log-log).
    """

    durations: Ints
    times: Ints
    conversions: Ints
    survival: Floats
    low: Floats
    high: Floats

    @property
    def n(self) -> int:
        """How many were followed."""
        return len(self.durations)

    @property
    def converted(self) -> int:
        """How many converted."""
        return int(self.conversions.sum())

    @property
    def longest(self) -> int:
        """The longest follow-up, microseconds; 0 where nobody was followed."""
        return int(self.durations[-1]) if self.n else 0

    @property
    def few(self) -> bool:
        """Whether too few converted for the curve to say much."""
        return self.converted < FEW

    def at(self, time: int) -> dict[str, Any]:
        """Return the share ``converted`` within ``time`` with its band ``low`` to ``high``, and who is ``at_risk``.

        The share is None beyond the longest follow-up: there nobody was watched.
        """
        at_risk = self.n - int(np.searchsorted(self.durations, time, side="left"))
        if not self.n or time > self.longest:
            return {"converted": None, "low": None, "high": None, "at_risk": 0}
        i = int(np.searchsorted(self.times, time, side="right")) - 1
        if i < 0:
            # Nobody has converted yet, where Greenwood has no variance: none of those followed so far.
            low, high = wilson(0, at_risk) or (0.0, 1.0)
            return {"converted": 0.0, "low": low, "high": high, "at_risk": at_risk}
        ends = {"low": 1 - float(self.high[i]), "high": 1 - float(self.low[i])}
        return {"converted": 1 - float(self.survival[i]), **ends, "at_risk": at_risk}

    def quantile(self, share: float) -> tuple[int | None, int | None, int | None]:
        """Return when ``share`` of all have converted, with its 95% interval; None where that is not reached.

        Notes
        -----
        R. Brookmeyer, J. Crowley, A confidence interval for the median survival time, Biometrics 38 (1982).
        """
        left = 1 - share + 1e-12
        at, low, high = (_first(self.times, values <= left) for values in (self.survival, self.low, self.high))
        return at, low, high

    def of_converted(self, shares: Sequence[float]) -> list[float]:
        """Return quantiles of the times of those who converted, which know nothing of who has not."""
        found: list[float] = np.quantile(np.repeat(self.times, self.conversions), shares).tolist()
        return found

    def points(self, most: int = 200) -> list[dict[str, Any]]:
        """Return the curve as records ``seconds converted low high at_risk``, about ``most`` of them.

        Times are chosen evenly along the curve and along time; at each of them the numbers are exact.
        """
        if not self.n:
            return []
        even = np.linspace(0, self.longest, most // 4)
        early = np.geomspace(MICROSECONDS, max(self.longest, MICROSECONDS), most // 4)
        chosen = np.searchsorted(self.times, np.concatenate([even, early]))
        along = np.linspace(0, max(len(self.times) - 1, 0), most // 2).astype(np.int64)
        kept = np.unique(np.concatenate([chosen[chosen < len(self.times)], along[: len(self.times)]]))
        times = sorted({0, self.longest, *self.times[kept].tolist()})
        return [{"seconds": time / MICROSECONDS, **self.at(time)} for time in times]

    def numbers_at_risk(self, longest: int) -> list[dict[str, Any]]:
        """Return ``seconds at_risk`` at even times up to ``longest`` microseconds."""
        steps = [seconds(tick) * MICROSECONDS for tick in _TICKS]
        step = next((step for step in steps if longest // step < _MOST_TICKS), steps[-1])
        times = range(0, longest + 1, step)
        return [{"seconds": time / MICROSECONDS, "at_risk": self.at(time)["at_risk"]} for time in times]

    def summary(self, marks: Sequence[str]) -> dict[str, Any]:
        """Return what is said of a curve: who was followed, the median, and shares by ``marks`` such as ``"7d"``.

        ``n converted few longest_seconds median_seconds median_low median_high shares``; the median is None where
        half have not converted within the follow-up.
        """
        median = [None if time is None else time / MICROSECONDS for time in self.quantile(0.5)]
        return {
            "n": self.n,
            "converted": self.converted,
            "few": self.few,
            "longest_seconds": self.longest / MICROSECONDS,
            "median_seconds": median[0],
            "median_low": median[1],
            "median_high": median[2],
            "shares": [{"within": mark, **self.at(seconds(mark) * MICROSECONDS)} for mark in marks],
        }


def installed() -> str | None:
    """Return the version of lifelines; None without it. Answers that are there only with it depend on this."""
    try:
        return version("lifelines") if find_spec("lifelines") else None
    except PackageNotFoundError:
        return None


def need(module: str = "lifelines", what: str = "a Kaplan-Meier curve") -> Any:
    """Import a module of the extra ``survival``.

    Raises
    ------
    MissingExtraError
        If lifelines is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == module.split(".")[0]:
            raise MissingExtraError(what, "survival") from error
        raise


def kaplan_meier(durations: Ints, converted: Flags) -> Curve:
    """Fit a curve.

    Parameters
    ----------
    durations : int64 array (n,)
        Microseconds, 0 or more: to the conversion, or to the end of the follow-up.
    converted : bool array (n,)

    Returns
    -------
    Curve

    Raises
    ------
    MissingExtraError
        If lifelines is not installed.

    Examples
    --------
    >>> curve = kaplan_meier(np.array([1, 2, 2, 3]), np.array([True, True, False, False]))
    >>> curve.times.tolist(), curve.survival.round(4).tolist()
    ([1, 2], [0.75, 0.5])
    """
    lifelines = need()
    times, conversions = np.unique(durations[converted], return_counts=True)
    if not len(times):
        none = np.zeros(0)
        return Curve(np.sort(durations), times, conversions, none, none, none)
    at, n, events = compressed(durations, converted, np.zeros(len(durations), np.int64), times)[:3]
    fitted = lifelines.KaplanMeierFitter().fit(at, events, weights=n)
    steps = fitted.survival_function_.index.get_indexer(times.astype(float))
    survival = fitted.survival_function_.to_numpy()[steps, 0]
    low, high = fitted.confidence_interval_.to_numpy()[steps].T
    if survival[-1] < 1e-9:
        # All have converted, and Greenwood has no number: the band stays as open as the moment before.
        before = high[-2] if len(times) > 1 else 1 - (wilson(len(durations), len(durations)) or (0.0, 1.0))[0]
        low, high = np.append(low[:-1], 0.0), np.append(high[:-1], before)
    return Curve(np.sort(durations), times, conversions, survival, low, high)


def _first(times: Ints, reached: Flags) -> int | None:
    return int(times[np.argmax(reached)]) if reached.any() else None


def compressed(durations: Ints, converted: Flags, group: Ints, times: Ints) -> tuple[Ints, Ints, Flags, Ints]:
    """Return times, weights, whether they are conversions, and groups: one row for each that anybody has."""
    size = len(times) + 1  # place 0: left before the first conversion
    place = np.searchsorted(times, durations, side="right")
    cell = (group * size + place) * 2 + converted
    n = np.bincount(cell)
    kept = np.flatnonzero(n)
    rest, events = np.divmod(kept, 2)
    which, place = np.divmod(rest, size)
    return np.concatenate(([0], times))[place], n[kept], events == 1, which
