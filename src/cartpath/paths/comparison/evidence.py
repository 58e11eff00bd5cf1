"""What is compared, and what a test says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Evidence:
    """What one test found.

    Attributes
    ----------
    a, b : float or None
        The number of each group: a rate, a mean, a median; None where there is none.
    a_n, b_n : int
        What it is out of: users, where nothing else is said.
    difference : float or None
        ``a - b``.
    interval : tuple of float or None
        95% interval of the difference.
    ratio : float or None
        ``a / b``.
    effect : float or None
    effect_name : str
        ``cohens_h``, ``cohens_d``, ``cramers_v``, ``hazard_ratio``, ``ratio_of_odds_ratios``.
    effect_interval : tuple of float or None
        95%.
    test : str
    p : float or None
        Two-sided; None where nothing can be tested.
    """

    a: float | None
    a_n: int
    b: float | None
    b_n: int
    difference: float | None = None
    interval: tuple[float, float] | None = None
    effect: float | None = None
    effect_name: str = ""
    effect_interval: tuple[float, float] | None = None
    test: str = "none"
    p: float | None = None

    @property
    def ratio(self) -> float | None:
        """``a / b``; None where it cannot be told."""
        return self.a / self.b if self.a is not None and self.b else None


class Sample(Protocol):
    """One group's numbers of a measure; a pair of one kind knows its test."""

    @property
    def n(self) -> int:
        """How many units there are."""

    def against(self, other: Sample) -> Evidence:
        """Compare with the other group."""


@dataclass(frozen=True)
class Measure:
    """One number of a view for two groups.

    Attributes
    ----------
    name : str
        As a person reads it: ``reached add_to_cart, of view``.
    kind : str
        ``rate``, ``mean``, ``distribution``, ``survival``, ``odds_ratio``.
    a, b : Sample
        Of the same class.
    unit : str
        Of the number, such as ``days``; empty for a rate.
    """

    name: str
    kind: str
    a: Sample
    b: Sample
    unit: str = ""

    @property
    def support(self) -> int:
        """How many units lie behind it that could tell: those with the rarer outcome count."""
        return int(getattr(self.a, "support", self.a.n)) + int(getattr(self.b, "support", self.b.n))

    def evidence(self) -> Evidence:
        """Test it."""
        return self.a.against(self.b)
