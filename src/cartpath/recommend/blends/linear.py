"""Blends that add up what the parts say, each part with a weight; the weights found one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from cartpath.recommend.blends.judged import Judged
from cartpath.recommend.candidates import Candidates

Floats = npt.NDArray[np.float64]
#: What popularity counts at least: it decides among items that nothing else speaks for.
LEAST = 1e-6


@dataclass(frozen=True)
class Linear:
    """A weighted sum over the parts; what is summed is said by the kind of blend.

    Attributes
    ----------
    weights : mapping of str to float
        By part; a part without one counts nothing.
    settings : mapping of str to float
        Of the kind.
    """

    kind: ClassVar[str]
    #: Tried for each weight, the others held.
    tried: ClassVar[tuple[float, ...]]
    #: Tried settings.
    settings_tried: ClassVar[tuple[Mapping[str, float], ...]] = ({},)

    weights: Mapping[str, float]
    settings: Mapping[str, float]

    @classmethod
    def amounts(cls, listed: Candidates, settings: Mapping[str, float]) -> Floats:
        """Return what is summed (m, n_parts)."""
        raise NotImplementedError

    @property
    def needs(self) -> tuple[str, ...]:
        """Parts that count."""
        return tuple(name for name, weight in self.weights.items() if weight > 0)

    def shares(self, listed: Candidates) -> Floats:
        """Return what each part adds to each candidate's score (m, n_parts)."""
        weights = np.array([self.weights.get(name, 0.0) for name in listed.parts])
        added: Floats = self.amounts(listed, self.settings) * weights
        return added

    def score(self, listed: Candidates) -> Floats:
        """Return the score of each candidate (m,)."""
        total: Floats = self.shares(listed).sum(axis=1)
        return total

    @classmethod
    def fit(cls, known: Judged, seed: int = 0) -> Self:
        """Choose settings and weights by NDCG@20: one weight after the other, twice round."""
        known = known.with_hits()
        found = [cls._climb(known, settings) for settings in cls.settings_tried]
        return max(found, key=lambda one: one[0])[1]

    @classmethod
    def _climb(cls, known: Judged, settings: Mapping[str, float]) -> tuple[float, Self]:
        parts, amounts = known.listed.parts, np.ascontiguousarray(cls.amounts(known.listed, settings).T)
        start = sorted(range(len(parts)), key=lambda part: -_worth(known, amounts[part]))
        # The best part alone counts 1, so that a part that was never of use is never in.
        weights = np.array([_least(name) for name in parts])
        weights[start[0]] = 1.0
        total = weights @ amounts
        best = _worth(known, total)
        for _ in range(2):
            for part in start:
                for weight in cls.tried:
                    weight = max(weight, _least(parts[part]))
                    other = total + (weight - weights[part]) * amounts[part]
                    worth = _worth(known, other)
                    if worth > best + 1e-6:
                        best, total, weights[part] = worth, other, weight
        return best, cls(dict(zip(parts, weights.tolist(), strict=True)), dict(settings))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": self.kind, "weights": dict(self.weights), "settings": dict(self.settings)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` returned."""
        return cls(dict(raw["weights"]), dict(raw["settings"]))


def alone(listed: Candidates, name: str, popular: Sequence[str] = ("popular", "recent")) -> Floats:
    """Return the order of one part (m,): its own, then what is popular where it has nothing to say."""
    total = np.zeros(len(listed.columns))
    for place, part in enumerate((*popular, name)):
        if part in listed.parts:
            rank = listed.rank[:, listed.parts.index(part)]
            total += np.where(rank > 0, 1000.0**place * (1 + 1 / np.maximum(rank, 1)), 0)
    return total


def _least(name: str) -> float:
    return LEAST if name == "popular" else 0.0


def _worth(known: Judged, amounts: Floats) -> float:
    return float(known.ndcg(amounts).mean()) if len(known.listed) else 0.0
