"""What another policy would have had, from the log of the one that ran: each item counts by how much likelier it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.evaluation import Interval
from cartpath.evaluation.bootstrap import drawn_sums, interval_of
from cartpath.schema import CartpathError, Columns

DRAWS = 2000
#: Weights beyond it count as it: a little bias for much less variance.
CLIP = 10.0
_OUTCOMES = ("clicked", "purchased")


@dataclass(frozen=True)
class OffPolicy:
    """How often an item shown by another policy would be clicked or purchased.

    Attributes
    ----------
    ips, snips : Interval
        Inverse propensity score, and self-normalised, with 95% bootstrap intervals over users.
    logged : Interval
        What the policies that ran had.
    outcome : str
    clip : float
        Highest weight.
    clipped : float
        Share of the items whose weight was beyond it.
    covered : float
        Mean weight before clipping: near 1 where the log shows all that the other policy would. Below it the estimate
        says nothing of what was never shown.
    effective : float
        Items of equal weight that would tell as much (Kish).
    items, users : int
    """

    ips: Interval
    snips: Interval
    logged: Interval
    outcome: str
    clip: float
    clipped: float
    covered: float
    effective: float
    items: int
    users: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def off_policy(
    table: pa.Table,
    target: npt.NDArray[np.float64],
    *,
    outcome: str = "clicked",
    clip: float = CLIP,
    draws: int = DRAWS,
    seed: int = 0,
) -> OffPolicy:
    """Estimate another policy from what was logged.

    An item's weight is ``target / propensity``, ``clip`` at most. IPS is the mean of weight times outcome (Horvitz and
    Thompson, 1952), SNIPS that over the mean weight (Swaminathan and Joachims, 2015); both of items at their ranks, on
    the assumption that an item's clicks depend on the item and the rank, not on what else is on the slate (Li et al.,
    2018). Where the logged policy draws nothing, all propensities are 1, and only a policy that shows a part of the
    same items at the same ranks can be estimated: ``covered`` tells.

    Parameters
    ----------
    table : pyarrow.Table (n rows)
        ``read_feedback``, or some of its rows.
    target : float64 array (n,)
        Chance that the other policy shows that item at that rank to that user.
    outcome : str
        ``clicked`` or ``purchased``.
    clip : float
    draws, seed : int
        Of the bootstrap over users.

    Raises
    ------
    CartpathError
        If nothing was shown, a propensity is not between 0 (left out) and 1, or a target is not between 0 and 1.

    Examples
    --------
    Two of four users were shown ``a`` and one of them clicked it; the other policy always shows ``a``: 1/2.

    >>> shown = {"user_id": list("wxyz"), "propensity": [0.5] * 4, "clicked": [True, False, True, True]}
    >>> found = off_policy(pa.table(shown), np.array([1.0, 1.0, 0.0, 0.0]))
    >>> found.ips.value, found.snips.value, found.covered
    (0.5, 0.5, 1.0)
    """
    if outcome not in _OUTCOMES:
        raise CartpathError(f"there is no outcome {outcome!r}", f"known: {', '.join(_OUTCOMES)}")
    propensity = table["propensity"].to_numpy().astype(np.float64)
    _check(propensity, np.asarray(target, np.float64), clip)
    raw = np.asarray(target, np.float64) / propensity
    weight = np.minimum(raw, clip)
    hit = table[outcome].to_numpy(zero_copy_only=False).astype(np.float64)
    users = table[Columns.user_id].to_numpy(zero_copy_only=False).astype(str)
    columns = np.column_stack([weight * hit, weight, hit, np.ones(len(hit))])
    drawn = drawn_sums(columns, users, draws, seed)
    sums = columns.sum(axis=0)
    return OffPolicy(
        ips=_ratio(sums, drawn, 0, 3),
        snips=_ratio(sums, drawn, 0, 1),
        logged=_ratio(sums, drawn, 2, 3),
        outcome=outcome,
        clip=clip,
        clipped=float((raw > clip).mean()),
        covered=float(raw.mean()),
        effective=float(sums[1] ** 2 / (weight**2).sum()) if sums[1] else 0.0,
        items=len(hit),
        users=len(np.unique(users)),
    )


def _check(propensity: npt.NDArray[np.float64], target: npt.NDArray[np.float64], clip: float) -> None:
    if not len(propensity):
        raise CartpathError("nothing was shown yet, so no policy can be judged", "serve recommendations first")
    if len(target) != len(propensity):
        raise CartpathError(f"{len(target)} chances for {len(propensity)} items shown", "give one for each row")
    if not ((propensity > 0) & (propensity <= 1)).all():
        raise CartpathError("a propensity is not above 0 and up to 1", "leave the rows of that policy out")
    if not ((target >= 0) & (target <= 1)).all():
        raise CartpathError("a chance of the other policy is not between 0 and 1", "give probabilities")
    if clip <= 0:
        raise CartpathError(f"clip must be above 0, not {clip}")


def _ratio(sums: npt.NDArray[np.float64], drawn: npt.NDArray[np.float64], over: int, under: int) -> Interval:
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(sums[over] / sums[under]) if sums[under] else float("nan")
        return interval_of(value, drawn[:, over] / drawn[:, under])
