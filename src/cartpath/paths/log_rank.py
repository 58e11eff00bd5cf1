"""The log-rank test: whether groups convert at the same pace, by lifelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.multiple_testing import holm
from cartpath.paths.survival import Flags, Ints, compressed, need


@dataclass(frozen=True)
class Difference:
    """A log-rank test.

    Attributes
    ----------
    groups : tuple of str
    statistic : float
        Chi-squared.
    degrees : int
        Of freedom.
    p_value : float
    adjusted : float
        ``p_value`` after Holm's correction for the number of pairs looked at.
    """

    groups: tuple[str, ...]
    statistic: float
    degrees: int
    p_value: float
    adjusted: float

    def to_dict(self) -> dict[str, Any]:
        """Return the test as JSON has it."""
        return {
            "groups": list(self.groups),
            "statistic": self.statistic,
            "degrees_of_freedom": self.degrees,
            "p_value": self.p_value,
            "p_value_holm": self.adjusted,
        }


def log_rank(durations: Ints, converted: Flags, group: npt.NDArray[Any], names: Sequence[str]) -> Difference | None:
    """Test whether groups convert at the same pace.

    Parameters
    ----------
    durations, converted : arrays (n,)
        As ``kaplan_meier`` takes them.
    group : int array (n,)
        Place in ``names``.
    names : sequence of str

    Returns
    -------
    Difference or None
        None where fewer than two groups were followed, nobody converted, or always the only one at risk.
    """
    present = np.unique(group)
    times = np.unique(durations[converted])
    if len(present) < 2 or not len(times):
        return None
    statistics = need("lifelines.statistics", "the log-rank test")
    at, n, events, which = compressed(durations, converted, group.astype(np.int64), times)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = statistics.multivariate_logrank_test(at, which, events, weights=n)
    p_value = float(found.p_value)
    if not np.isfinite(p_value):  # nobody was at risk beside whoever converted: there is nothing to compare
        return None
    groups = tuple(names[i] for i in present.tolist())
    return Difference(groups, float(found.test_statistic), len(present) - 1, p_value, p_value)


def pairwise(durations: Ints, converted: Flags, group: npt.NDArray[Any], names: Sequence[str]) -> list[Difference]:
    """Test every pair of groups, with Holm's correction for their number; the smallest p-value first."""
    found = []
    for one, other in combinations(np.unique(group).tolist(), 2):
        here = (group == one) | (group == other)
        test = log_rank(durations[here], converted[here], group[here], names)
        found += [test] if test is not None else []
    adjusted = holm([test.p_value for test in found])
    made = [
        Difference(test.groups, test.statistic, test.degrees, test.p_value, p)
        for test, p in zip(found, adjusted, strict=True)
    ]
    return sorted(made, key=lambda test: (test.p_value, test.groups))
