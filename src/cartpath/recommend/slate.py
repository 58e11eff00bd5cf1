"""What is shown to a user: items, best first, each with its score and its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Placed:
    """An item of a slate.

    Attributes
    ----------
    item_id : str
    score : float
        From 0 to 1; the best of the slate has 1 unless declarations moved it.
    why : str
        Words for people.
    parts : mapping of str to float
        Share of the score of each part of the blend that spoke for the item; they add up to one.
    rules : tuple of str
        Declarations that moved it.
    propensity : float
        Chance that the policy shows it at this rank.
    """

    item_id: str
    score: float
    why: str
    parts: Mapping[str, float] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    propensity: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it.

        Examples
        --------
        >>> Placed("a", 1.0, "popular", {"popular": 1.0}).to_dict()
        {'item_id': 'a', 'score': 1.0, 'why': 'popular', 'parts': {'popular': 1.0}, 'rules': []}
        """
        return {
            "item_id": self.item_id,
            "score": self.score,
            "why": self.why,
            "parts": dict(self.parts),
            "rules": list(self.rules),
        }


@dataclass(frozen=True)
class Slate:
    """Items for one path.

    Attributes
    ----------
    items : tuple of Placed
        Best first.
    fallback : bool
        Whether nothing was known of the user, so that popularity alone speaks.
    candidates : int
        Items that were looked at.
    """

    items: tuple[Placed, ...]
    fallback: bool
    candidates: int
