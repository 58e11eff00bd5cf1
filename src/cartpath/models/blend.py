"""Several models as one: a weighted sum of what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from cartpath.models.artefact import SCORER, read_scorer, write_json

Floats = npt.NDArray[np.float64]


class Saved(Protocol):
    """What can be written into a folder."""

    def save(self, folder: Path) -> None:
        """Write it."""


Member = TypeVar("Member", bound=Saved)


@dataclass(frozen=True)
class Blend(Generic[Member]):
    """``bias + sum of weight x what a member says``.

    Attributes
    ----------
    members : dict of str to Member
    weights : dict of str to float
    bias : float
    """

    members: Mapping[str, Member]
    weights: Mapping[str, float]
    bias: float = 0.0

    def of(self, said: Mapping[str, Floats]) -> Floats:
        """Return the sums, given what the members say (n,).

        Examples
        --------
        >>> Blend({}, {"a": 0.5, "b": 1.0}, 1.0).of({"a": np.array([2.0]), "b": np.array([3.0])}).tolist()
        [5.0]
        """
        found = np.full(len(next(iter(said.values()))), self.bias)
        for name, weight in self.weights.items():
            found += weight * said[name]
        return found

    def save(self, folder: Path) -> None:
        """Write the members, each in a folder of its own, and their weights."""
        for name, member in self.members.items():
            (folder / name).mkdir()
            member.save(folder / name)
        write_json(folder / SCORER, {"kind": "blend", "weights": dict(self.weights), "bias": self.bias})

    @classmethod
    def load(cls, folder: Path, member: Callable[[Path], Any]) -> Self:
        """Read what ``save`` wrote; ``member`` reads each of the models."""
        raw = read_scorer(folder)
        return cls({name: member(folder / name) for name in raw["weights"]}, raw["weights"], float(raw["bias"]))
