"""Choosing between the blends: each user is judged by blends that were fitted on other users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import paired_test
from cartpath.recommend.blends import BLENDS, Blend, Judged, Weighted

Floats = npt.NDArray[np.float64]
#: Users with a true candidate that trees are learned from, at least.
LEAST_FOR_TREES = 200
#: Where a smaller share of what users touch are items they had touched before, such items are left out.
RARE = 0.01
#: Weights where nothing can be chosen by.
USUAL = {"behaviour": 1.0, "together": 0.5, "again": 0.5, "recent": 0.1, "popular": 0.1}


@dataclass(frozen=True)
class Choice:
    """The best blend, and how the others did.

    Attributes
    ----------
    blend : Blend
        Fitted on all users.
    exclude_seen : bool
        Whether items that a user has touched before are left out.
    ndcg : float
        Of users that the blend was not fitted on, on average.
    tried : list of dict
        Each kind's ``ndcg``, and how it compares with the best of the others.
    without : dict of str to Blend
        The blend fitted without each part that it needs: by it is judged what the part adds.
    """

    blend: Blend
    exclude_seen: bool
    ndcg: float
    tried: list[dict[str, Any]]
    without: dict[str, Blend]


def choose(known: Judged, seed: int = 0, told: Callable[[float], None] = lambda share: None) -> Choice:
    """Choose by NDCG@20 how parts are blended and whether items seen before are left out.

    Users are parted at random into two halves; each half is judged by what was fitted on the other. Of kinds that do
    equally well the simplest is taken. What is chosen is fitted again, on all of them.

    Parameters
    ----------
    known : Judged
        Of a slice of time that no part was fitted on.
    seed : int
    told : callable
        Told the share done.
    """
    if not known.hit.any():
        usual = Weighted({name: USUAL.get(name, 0.0) for name in known.listed.parts}, {})
        return Choice(usual, False, float("nan"), [], {})
    # Of rows without a true candidate no blend is better than another: they are zeros in every mean.
    n_all, known = len(known.listed), known.with_hits()
    half = _halves(known.user, seed)
    left_out = known.unseen()
    plain, unseen = (_crossed(BLENDS["weighted"], each, half, seed) for each in (known, left_out))
    exclude = returns(known) < RARE or bool(unseen.mean() > plain.mean() + 1e-9)
    of = left_out if exclude else known
    told(0.1)
    ndcg = {"weighted": unseen if exclude else plain}
    for kind, blend in BLENDS.items():
        if kind not in ndcg and (kind != "trees" or _enough(of, half)):
            ndcg[kind] = _crossed(blend, of, half, seed)
    best = max(ndcg, key=lambda kind: ndcg[kind].mean())
    told(0.4)
    blend, without = BLENDS[best].fit(of, seed), {}
    needed = [name for name in blend.needs if len(of.listed.parts) > 1]
    for place, name in enumerate(needed):
        without[name] = BLENDS[best].fit(of.without(name), seed)
        told(0.4 + 0.6 * (place + 1) / len(needed))
    share = len(known.listed) / n_all
    tried = [{"blend": kind, **_told(values, ndcg[best], of, seed, share)} for kind, values in ndcg.items()]
    return Choice(blend, exclude, float(ndcg[best].mean()) * share, tried, without)


def returns(known: Judged) -> float:
    """Return the share of what users touched afterwards that they had touched before."""
    return float((known.hit & known.listed.seen).sum() / max(int(known.truths.sum()), 1))


def _told(values: Floats, best: Floats, known: Judged, seed: int, share: float) -> dict[str, float]:
    """Return a blend's NDCG and how it compares with the best, over all rows: these are a share of them."""
    found = paired_test(values, best, known.user, seed)
    figures = {"ndcg": float(values.mean()), "less_than_best": found.difference, "low": found.low, "high": found.high}
    return {**{name: value * share for name, value in figures.items()}, "p": found.p}


def _crossed(kind: Any, known: Judged, half: npt.NDArray[np.bool_], seed: int) -> Floats:
    """Return NDCG of each row (n,), by the blend that was fitted on the other half of the users."""
    out = np.zeros(len(known.listed))
    for mine in (half, ~half):
        if not mine.any() or mine.all():
            continue
        judged = known.of(np.flatnonzero(mine))
        out[mine] = judged.ndcg(kind.fit(known.of(np.flatnonzero(~mine)), seed).score(judged.listed))
    return out


def _enough(known: Judged, half: npt.NDArray[np.bool_]) -> bool:
    rows = np.unique(known.listed.rows()[known.hit])
    return min(int(half[rows].sum()), int((~half[rows]).sum())) >= LEAST_FOR_TREES


def _halves(users: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.bool_]:
    """Return which rows are of the first half of the users, drawn (n,)."""
    known, place = np.unique(users, return_inverse=True)
    first = np.zeros(len(known), np.bool_)
    first[np.random.default_rng(seed).permutation(len(known))[: len(known) // 2]] = True
    chosen: npt.NDArray[np.bool_] = first[place]
    return chosen
