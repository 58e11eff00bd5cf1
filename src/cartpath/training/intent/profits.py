"""Whom to give a coupon: the threshold chosen on an earlier slice, and what it brings on the one that is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import ProfitCurve, profit_curve
from cartpath.models.artefact import finite
from cartpath.schema import CartpathError
from cartpath.tasks import IntentRows

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Worth:
    """What a coupon brings and costs.

    Attributes
    ----------
    value : float
        Of a purchase that the coupon brings about.
    cost : float
        Of a coupon, whoever gets it, in the same currency.
    uplift : float
        Share of those who get one and buy that would not have bought without it. Nothing in a log of sessions without
        coupons says what it is: it is an assumption, 1 unless one is made.

    Examples
    --------
    >>> Worth(40, 1, 0.1).benefit
    4.0
    """

    value: float
    cost: float
    uplift: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and self.value > 0 and np.isfinite(self.cost) and self.cost >= 0):
            raise CartpathError(
                f"a value of {self.value} and a cost of {self.cost} are no coupon's",
                "the value is above 0, the cost 0 or more: --value 40 --cost 1",
            )
        if not 0 < self.uplift <= 1:
            raise CartpathError(f"an uplift of {self.uplift} is no share", "give one above 0, 1 at most: --uplift 0.1")

    @property
    def benefit(self) -> float:
        """What one right hit is worth."""
        return self.value * self.uplift

    @property
    def assumption(self) -> str:
        """What is taken for granted, in words."""
        share = "every purchase" if self.uplift == 1 else f"{self.uplift:.4g} of the purchases"
        return (
            f"{share} of those who get a coupon would not have been made without it: assumed, not measured. "
            "Who buys anyway and who only for the coupon, sessions without coupons cannot tell"
        )


def worth_of(value: float | None, cost: float | None, uplift: float) -> Worth | None:
    """Return what a coupon is worth; None where nobody asks.

    Raises
    ------
    CartpathError
        If one of value and cost is missing.
    """
    if value is None and cost is None:
        return None
    if value is None or cost is None:
        raise CartpathError("a profit needs both what a coupon brings and what it costs", "give --value X and --cost Y")
    return Worth(value, cost, uplift)


def profit_tables(
    worth: Worth,
    rows: IntentRows,
    probabilities: Mapping[str, Floats],
    earlier: tuple[str, IntentRows, Mapping[str, Floats]],
    part: str,
    step: int,
    seed: int,
) -> dict[str, Any]:
    """Return the profit of each model at a step: the threshold from an earlier slice, the profit of the judged one.

    Parameters
    ----------
    worth : Worth
    rows : IntentRows (n)
    probabilities : mapping of str to float64 array (n,)
    earlier : tuple
        Name of the slice to choose on, its rows of the same step, and what each model says of them.
    part : str
        Name of the judged slice.
    step : int
    seed : int

    Returns
    -------
    dict
        ``value cost uplift benefit assumption k slice chosen_on n``, and ``models``: of each ``threshold`` (None
        where nobody should get one), ``choosing`` (its profit where it was chosen and by how much that flatters),
        ``chosen``, ``theoretical`` and ``everybody`` (what they bring on the judged slice, with intervals), ``curve``
        and ``marks``.
    """
    chosen_on, theirs, before = earlier
    about = {name: getattr(worth, name) for name in ("value", "cost", "uplift", "benefit", "assumption")}
    found = []
    for name, p in probabilities.items():
        choice = None
        if len(theirs):
            choice = profit_curve(theirs.label, before[name], worth.benefit, worth.cost, theirs.user, seed=seed)
        at = worth.cost / worth.benefit if choice is None else choice.chosen.threshold
        curve = profit_curve(rows.label, p, worth.benefit, worth.cost, rows.user, at, seed=seed)
        found.append({"model": name, "threshold": at, "choosing": _choosing(choice), **_judged(curve)})
    of = {"k": step, "slice": part, "chosen_on": chosen_on if len(theirs) else None, "n": len(rows)}
    return dict(finite({**about, **of, "models": found}))


def _choosing(choice: ProfitCurve | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    about = {"n": choice.n, "per_row": choice.chosen.per_row.value, "optimism": choice.optimism}
    return {**about, "threshold_ci": [choice.threshold_low, choice.threshold_high]}


def _judged(curve: ProfitCurve) -> dict[str, Any]:
    decisions = {name: getattr(curve, name).to_dict() for name in ("chosen", "theoretical", "everybody")}
    return {**decisions, "curve": curve.rows(200), "marks": curve.marks()}
