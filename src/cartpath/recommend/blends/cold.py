"""Who has no path gets what is popular: all of them have the same candidates, and there is nothing to blend by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.recommend.blends.weighted import Weighted
from cartpath.recommend.candidates import Candidates
from cartpath.recommend.context import NAMES

Floats = npt.NDArray[np.float64]
#: Recent popularity where there is one, then that of all time.
PLAIN = Weighted({"recent": 1.0, "popular": 1e-6}, {})


@dataclass(frozen=True)
class WithCold:
    """A blend for paths with events, and popularity for those without.

    Learned on users with and without paths alike, trees ranked popular items worse than their popularity does.

    Attributes
    ----------
    known : Blend
    """

    known: Any

    @property
    def kind(self) -> str:
        """That of the blend for paths with events."""
        return str(self.known.kind)

    @property
    def needs(self) -> tuple[str, ...]:
        """Parts without which it would say something else."""
        return tuple(dict.fromkeys([*self.known.needs, *PLAIN.needs]))

    def score(self, listed: Candidates) -> Floats:
        """Return the score of each candidate (m,)."""
        return np.where(cold(listed), PLAIN.score(listed), self.known.score(listed))

    def shares(self, listed: Candidates) -> Floats:
        """Return what each part adds to each candidate's score (m, n_parts)."""
        return np.where(cold(listed)[:, None], PLAIN.shares(listed), self.known.shares(listed))

    def to_dict(self) -> dict[str, Any]:
        """Return the blend for paths with events as JSON can hold it; of the other there is nothing to say."""
        raw: dict[str, Any] = self.known.to_dict()
        return raw


def cold(listed: Candidates) -> npt.NDArray[np.bool_]:
    """Return which candidates are of a path without events (m,)."""
    empty = listed.context[:, NAMES.index("events")] == 0
    return np.repeat(empty, np.diff(listed.offsets))
