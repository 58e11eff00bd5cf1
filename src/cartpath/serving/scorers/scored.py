"""What every scorer of the service is: from live paths to one probability each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.schema import CartpathError

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """A probability and how it came about.

    Attributes
    ----------
    probability : float
    fallback : bool
        Whether it is the base rate: the path says nothing, or the model failed.
    drivers : sequence of mapping
        What moved it, the largest first; none where the model cannot say, or there is no path.
    more : mapping
        What else the answer has.
    """

    probability: float
    fallback: bool = False
    drivers: Sequence[Mapping[str, Any]] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


class Scorer(Protocol):
    """A fitted model that answers for the service; read by one thread at a time.

    Attributes
    ----------
    model, version : str
        Its name, and the version of its folder.
    made : str
        When it was fitted.
    base : Scored
        The answer where nothing is known.
    """

    model: str
    version: str
    made: str
    base: Scored

    def score(self, log: Log, now: int, drivers: int) -> list[Scored]:
        """Return an answer for each user of a log (n_users).

        Parameters
        ----------
        log : Log
        now : int
            The moment of the shop's latest event, microseconds since 1970 UTC.
        drivers : int
            How many are told.
        """


def known_rows(log: Log) -> Index:
    """Return the rows of users who have a path.

    Examples
    --------
    >>> from cartpath.features.log import join
    >>> known_rows(Log(join([]), lambda name: [], None)).tolist()
    []
    """
    return np.flatnonzero(np.diff(log.view.offsets) > 0)


def base_rate(card: Mapping[str, Any]) -> float:
    """Return the share of positives a model was fitted to, by its card.

    Examples
    --------
    >>> base_rate({"n_train": 8, "positives_train": 2})
    0.25
    """
    n, positives = card.get("n_train"), card.get("positives_train")
    if not n or positives is None:
        raise CartpathError("the card of a model does not say how many positives it was fitted to", "fit it again")
    return float(positives) / float(n)
