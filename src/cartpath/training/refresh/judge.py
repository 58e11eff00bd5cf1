"""Two models on the newest events, which neither has seen: is the new one not worse?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import Interval, mean_interval, ndcg_at, paired_test, rank_of
from cartpath.features import Log, user_of_event
from cartpath.models import ItemIndex, Pretrained

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
K = 20
#: NDCG@20 that a new model may be worse by, at most, to take the place of the running one.
MARGIN = 0.01
#: Questions asked at most, scores in all and at once, and users without whom nothing can be told.
_MOST, _SCORES, _AT_ONCE, LEAST_USERS = 20_000, 400_000_000, 4_000_000, 30


@dataclass(frozen=True)
class Verdict:
    """How two models rank the items that shoppers went on to.

    Attributes
    ----------
    running, candidate : Interval
        Mean NDCG@20 of each.
    difference, low, high : float
        Candidate less running, and its 95% bootstrap interval over users, of the same questions.
    margin : float
    n, users : int
        Questions, and whose they are.
    """

    running: Interval
    candidate: Interval
    difference: float
    low: float
    high: float
    margin: float
    n: int
    users: int

    @property
    def promotes(self) -> bool:
        """Whether the new model is not worse: the lower end of the interval is above minus the margin."""
        return self.users >= LEAST_USERS and self.low > -self.margin

    @property
    def why(self) -> str:
        """The reason, in words."""
        if not self.n:
            return "nobody who was known before touches an item in the newest slice, so nothing can be told"
        if self.users < LEAST_USERS:
            return f"only {self.users} users touch an item in the newest slice; {LEAST_USERS} are needed to tell"
        ends = f"{self.difference:+.4f} (95% {self.low:+.4f} to {self.high:+.4f}) NDCG@{K}"
        how = "is not worse" if self.promotes else "may be worse"
        return f"the new model {how} by more than {self.margin:g}: {ends}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"metric": f"ndcg_at_{K}", **asdict(self), "promotes": self.promotes}


def compare(
    running: Pretrained, candidate: Pretrained, log: Log, since: int, margin: float = MARGIN, seed: int = 0
) -> Verdict:
    """Ask two models for the item of each event from a moment on, from the path before the event.

    Both rank all items of the log; one that neither was trained on is ranked by its content.

    Parameters
    ----------
    running, candidate : Pretrained
        Trained on nothing at or after ``since``.
    log : Log
    since : int
        Microseconds since 1970 UTC.
    margin : float
    seed : int
        Of the draw of users where there are many, and of the bootstrap.
    """
    user, ends, item = questions(log, since, seed)
    if not len(user):
        nothing = Interval(float("nan"), float("nan"), float("nan"))
        return Verdict(nothing, nothing, float("nan"), float("nan"), float("nan"), margin, 0, 0)
    theirs, ours = (_gains(model, log, user, ends, item) for model in (running, candidate))
    found = paired_test(ours, theirs, user, seed)
    return Verdict(
        running=mean_interval(theirs, user, seed=seed),
        candidate=mean_interval(ours, user, seed=seed),
        difference=found.difference,
        low=found.low,
        high=found.high,
        margin=margin,
        n=len(user),
        users=len(np.unique(user)),
    )


def questions(log: Log, since: int, seed: int = 0) -> tuple[Index, Index, Index]:
    """Return users, places and item codes of the events from a moment on that have an item and a past (n,) each.

    Of very many, those of some users drawn at random.
    """
    view, users = log.view, user_of_event(log.view)
    at = np.flatnonzero((view.ts >= since) & (view.item >= 0))
    at = at[at > view.offsets[users[at]]]
    most = max(min(_MOST, _SCORES // max(len(log.codes("item")), 1)), 1)
    known, counts = np.unique(users[at], return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(known))
    kept = known[drawn[: max(int((np.cumsum(counts[drawn]) <= most).sum()), 1)]]
    at = at[np.isin(users[at], kept)]
    return users[at].astype(np.int64), at.astype(np.int64), view.item[at].astype(np.int64)


def _gains(pretrained: Pretrained, log: Log, user: Index, ends: Index, item: Index) -> Floats:
    """Return the NDCG@20 of each question (n,)."""
    from cartpath.models.behaviour_next_item import BehaviourNextItem

    items = ItemIndex(pretrained.encoder.items.values)
    model = BehaviourNextItem(pretrained, items, np.zeros(len(items), np.float32)).with_items(log)
    column = model.items.columns_of(log)[item]
    size = max(_AT_ONCE // max(len(model.items), 1), 1)
    found = np.empty(len(user))
    for part in (slice(start, start + size) for start in range(0, len(user), size)):
        found[part] = ndcg_at(rank_of(model.score(log, user[part], ends[part]), column[part]), K)
    return found
