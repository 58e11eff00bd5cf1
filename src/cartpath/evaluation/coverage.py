"""How often intervals hold the answer, and how wide they are for that."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.bootstrap import DRAWS, Interval
from cartpath.evaluation.inputs import users_or_rows
from cartpath.evaluation.paired import mean_interval
from cartpath.models.artefact import finite

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Coverage:
    """How often intervals held the answer, and how wide they were.

    Attributes
    ----------
    share, width : Interval
        Of answers within, and the mean width; with 95% intervals over users.
    n, users : int
    """

    share: Interval
    width: Interval
    n: int
    users: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, what is not defined as None."""
        content: dict[str, Any] = finite(asdict(self))
        return content


def coverage(
    actual: Floats, low: Floats, high: Floats, users: npt.NDArray[Any] | None = None, draws: int = DRAWS, seed: int = 0
) -> Coverage:
    """Return how often intervals hold the answer, their ends included.

    Parameters
    ----------
    actual, low, high : float64 array (n,)
    users : array (n,), optional
        Whose row each is; without it each row is a user.
    draws, seed : int

    Examples
    --------
    >>> found = coverage(np.array([1.0, 2.0, 9.0, 4.0]), np.zeros(4), np.full(4, 4.0))
    >>> found.share.value, found.width.value
    (0.75, 4.0)
    """
    whose = users_or_rows(users, len(actual))
    within = ((actual >= low) & (actual <= high)).astype(np.float64)
    share, width = (mean_interval(of, whose, draws, seed) for of in (within, high - low))
    return Coverage(share, width, len(actual), len(np.unique(whose)))
