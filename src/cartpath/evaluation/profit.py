"""Whom to treat: what a coupon brings against what it costs, by the threshold from which shoppers get one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.bootstrap import DRAWS, Interval, drawn_sums, interval_of
from cartpath.evaluation.inputs import checked_probabilities, users_or_rows
from cartpath.evaluation.profit_search import choose_by_draws
from cartpath.evaluation.thresholds import counts_at
from cartpath.models.artefact import finite
from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
_NAN = float("nan")


@dataclass(frozen=True)
class Decision:
    """What treating everybody at or above a threshold is worth.

    Attributes
    ----------
    threshold : float
        Infinite where nobody is treated.
    treated, positives : int
        Rows treated, and the positive ones among them.
    per_row : Interval
        Profit over all rows, treated or not, in the unit of benefit and cost.
    total : Interval
        The same times the rows.
    """

    threshold: float
    treated: int
    positives: int
    per_row: Interval
    total: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, an infinite threshold as None."""
        content: dict[str, Any] = finite(asdict(self))
        return content


@dataclass(frozen=True)
class ProfitCurve:
    """Profit by threshold, and three decisions.

    Attributes
    ----------
    thresholds : float64 array (m,)
        Falling: infinity, at which nobody is treated, then each distinct probability.
    treated, positives : int64 array (m,)
        Rows at or above each, and the positive ones among them.
    profit : float64 array (m,)
        In total: ``benefit * positives - cost * treated``.
    benefit, cost : float
    n, users : int
    chosen : Decision
        At the threshold that was given, else at the one of highest profit, of several the highest.
    theoretical : Decision
        At ``cost / benefit``, which is best for probabilities that are right (Elkan, IJCAI 2001).
    everybody : Decision
    optimism : float
        How much too high ``chosen.per_row`` is, by estimate, because the threshold was chosen on the same rows: the
        mean over draws of what the draw's best threshold brings on the draw, less what it brings on all rows (Efron,
        JASA 78, 1983). 0 for a threshold that was given.
    threshold_low, threshold_high : float
        Where the best threshold is in 95% of draws; NaN for one that was given.
    """

    thresholds: Floats
    treated: Index
    positives: Index
    profit: Floats
    benefit: float
    cost: float
    n: int
    users: int
    chosen: Decision
    theoretical: Decision
    everybody: Decision
    optimism: float
    threshold_low: float
    threshold_high: float

    def rows(self, most: int = 400) -> list[dict[str, Any]]:
        """Return ``threshold share profit treated positives`` by share treated, ``most`` of them at most and evenly.

        ``share`` is of all rows, ``profit`` is per row. The best point and the ends are always there.
        """
        even = np.linspace(0, len(self.profit) - 1, min(most, len(self.profit))).round().astype(int)
        return [
            {
                "threshold": float(self.thresholds[i]),
                "share": int(self.treated[i]) / self.n,
                "profit": float(self.profit[i]) / self.n,
                "treated": int(self.treated[i]),
                "positives": int(self.positives[i]),
            }
            for i in np.unique(np.append(even, np.argmax(self.profit)))
        ]

    def marks(self) -> list[dict[str, Any]]:
        """Return ``name threshold share profit low high`` of the three decisions, to be drawn on the curve."""
        named = {"chosen": self.chosen, "cost / benefit": self.theoretical, "everybody": self.everybody}
        return [
            {
                "name": name,
                "threshold": decision.threshold,
                "share": decision.treated / self.n,
                "profit": decision.per_row.value,
                "low": decision.per_row.low,
                "high": decision.per_row.high,
            }
            for name, decision in named.items()
        ]


def profit_curve(
    labels: npt.NDArray[Any],
    probabilities: npt.NDArray[Any],
    benefit: float,
    cost: float,
    users: npt.NDArray[Any] | None = None,
    threshold: float | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> ProfitCurve:
    """Return the profit of treating the rows at or above each threshold, and where it is highest.

    A treated row costs ``cost``, and brings ``benefit`` if it is positive: ``benefit`` is what one right hit is worth,
    and nothing here says that the treatment brought it about. Intervals draw users again with the threshold as it is;
    one chosen on these rows is flattered by ``optimism``, so choose on the calibration slice and pass ``threshold``
    with a later one.

    Parameters
    ----------
    labels : array (n,)
        0 or 1.
    probabilities : array (n,)
    benefit, cost : float
        Of a positive row treated and of any row treated, in one currency; benefit above 0, cost at least 0.
    users : array (n,), optional
        Whose row each is; without it each row is a user.
    threshold : float, optional
        Chosen elsewhere.
    draws : int
    seed : int

    Returns
    -------
    ProfitCurve

    Raises
    ------
    CartpathError
        If there are no rows, or benefit or cost is no such number.

    Examples
    --------
    A coupon of 1 brings 4 where it is taken: from 1/4 on. The best two rows bring 4 - 1 and 4 - 1, the next one -1.

    >>> curve = profit_curve(np.array([1, 1, 0, 0]), np.array([0.9, 0.6, 0.3, 0.1]), benefit=4, cost=1)
    >>> curve.profit.tolist(), curve.chosen.threshold, curve.chosen.per_row.value
    ([0.0, 3.0, 6.0, 5.0, 4.0], 0.6, 1.5)
    >>> curve.theoretical.threshold, curve.theoretical.treated, curve.theoretical.total.value
    (0.25, 3, 5.0)
    """
    positive, p = checked_probabilities(labels, probabilities)
    whose = users_or_rows(users, len(p))
    _check(len(p), benefit, cost)
    benefit, cost = float(benefit), float(cost)
    thresholds, treated, positives = (
        np.concatenate([[first], part]) for first, part in zip((np.inf, 0, 0), counts_at(positive, p), strict=True)
    )
    profit = benefit * positives - cost * treated
    at, optimism, low, high = threshold, 0.0, _NAN, _NAN
    if at is None:
        at = float(thresholds[np.argmax(profit)])
        optimism, low, high = choose_by_draws(
            positive, p, whose, (benefit, cost), thresholds, profit / len(p), draws, seed
        )
    decisions = _decisions(positive, p, whose, (benefit, cost), [at, cost / benefit, 0.0], draws, seed)
    chosen, theoretical, everybody = decisions
    n, n_users = len(p), len(np.unique(whose))
    return ProfitCurve(
        thresholds, treated, positives, profit, benefit, cost, n, n_users, chosen, theoretical, everybody, optimism,
        low, high,
    )  # fmt: skip


def _check(n: int, benefit: float, cost: float) -> None:
    if not n:
        raise CartpathError("a profit curve needs rows", "score some first")
    if not (np.isfinite(benefit) and np.isfinite(cost) and benefit > 0 and cost >= 0):
        raise CartpathError(
            f"a benefit of {benefit} and a cost of {cost} make no profit curve",
            "benefit is above 0, cost at least 0, both in one currency",
        )


def _decisions(
    positive: npt.NDArray[np.bool_],
    p: Floats,
    users: npt.NDArray[Any],
    worth: tuple[float, float],
    thresholds: list[float],
    draws: int,
    seed: int,
) -> list[Decision]:
    """Return what each threshold is worth, all on the same draws."""
    called = p[:, None] >= np.array(thresholds)
    each = called * (worth[0] * positive - worth[1])[:, None]
    sums = drawn_sums(np.column_stack([each, np.ones(len(p))]), users, draws, seed)
    decisions = []
    for place, threshold in enumerate(thresholds):
        found = interval_of(float(each[:, place].mean()), sums[:, place] / sums[:, -1])
        total = Interval(*(len(p) * figure for figure in (found.value, found.low, found.high)))
        hit = int((called[:, place] & positive).sum())
        decisions.append(Decision(float(threshold), int(called[:, place].sum()), hit, found, total))
    return decisions
