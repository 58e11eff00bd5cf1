"""Re-ranking: items are left out, scores moved, the best chosen under caps and for variety, places drawn for new ones.

In this order, each step on what the one before left:

1. left out: excluded, out of stock, seen, bought (or not due again);
2. scores: boosts, and what is demoted; then sorted, equals as they came;
3. chosen one by one: the best that keeps within the caps, less what is too much like those before;
4. places drawn for new items, which keep within the caps as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cartpath.config.recommend import TEXT
from cartpath.recommend.rules.alike import unit
from cartpath.recommend.rules.choosing import choose, joining
from cartpath.recommend.rules.compiled import CompiledRules
from cartpath.recommend.rules.exposure import Mixed, mix
from cartpath.recommend.rules.history import History
from cartpath.recommend.rules.judging import judge, reasons_of
from cartpath.recommend.rules.newness import is_new
from cartpath.recommend.rules.saying import Moved, said

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Listed:
    """Candidates of one user.

    Attributes
    ----------
    items : int64 array (n,)
        Item codes, best first.
    scores : float64 array (n,)
        The higher the better; minus infinity is no candidate. Where any is below 0 they are taken as logarithms, so
        that a factor above 1 always moves up.
    vectors : float32 array (n, length), optional
        For their likeness in ``text``, in place of their words.
    """

    items: Ints
    scores: Floats
    vectors: npt.NDArray[np.float32] | None = None


class Choice(NamedTuple):
    """An item that is shown.

    Attributes
    ----------
    row : int
        Its place among the candidates.
    item : int
        Its code.
    score : float
        After boosts and demotion.
    rules : tuple of str
        What moved it, in words for people.
    propensity : float
        Chance that the policy shows it at this place.
    """

    row: int
    item: int
    score: float
    rules: tuple[str, ...] = ()
    propensity: float = 1.0


def rerank(
    listed: Listed,
    rules: CompiledRules,
    history: History,
    k: int,
    now: int,
    rng: np.random.Generator | None = None,
) -> list[Choice]:
    """Choose and order what is shown, by the rules of the shop.

    Parameters
    ----------
    listed : Listed
        A few hundred candidates: of fewer, caps may leave less than k.
    rules : CompiledRules
    history : History
        Of the user, before now.
    k : int
        Items at most.
    now : int
        Microseconds since 1970 UTC.
    rng : numpy.random.Generator, optional
        For the places of new items; None draws none, and all is certain.

    Returns
    -------
    list of Choice
        Best first. Where no rule applies, the first k candidates as they came.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.config import RecommendSettings
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 1, 2], pa.timestamp("s", tz="UTC"))
    >>> events = pa.table({"user_id": ["u"] * 3, "ts": when, "event": ["view"] * 3, "item_id": ["a", "b", "c"]})
    >>> items = pa.table({"item_id": ["a", "b", "c"], "brand": ["Acme", "Acme", "Bolt"]})
    >>> rules = CompiledRules.of(RecommendSettings(caps={"brand": 1}), log_from_table(events, items))
    >>> for choice in rerank(Listed(np.array([0, 1, 2]), np.array([0.9, 0.8, 0.7])), rules, History(), 2, now=3):
    ...     print(choice.item, choice.rules)
    0 ()
    2 ('moved up: at most 1 per brand',)
    """
    judged = judge(listed.items, listed.scores, rules, history, now)
    order = judged.order
    if not len(order) or k < 1:
        return []
    items = rules.known(listed.items[order])
    scores, caps = judged.scores[order], rules.caps[items]
    levels, fields, vectors = rules.alike.of(items)
    if listed.vectors is not None and TEXT in rules.settings.diversity_by:
        vectors = unit(np.asarray(listed.vectors[order], np.float32))
    weight = rules.settings.diversity
    chosen, held, varied = choose(scores, k, weight, caps, rules.most, levels, fields, vectors, rules.alike.parts)
    shown = _mixed(chosen, items, caps, rules, now, rng)
    rows = order[shown.rows]
    words = said(rules, judged, rows, items[shown.rows], _moved(held, varied, shown.drawn))
    numbers = (rows, listed.items[rows], judged.scores[rows], shown.propensity)
    return [
        Choice(row, item, score, why, chance)
        for (row, item, score, chance), why in zip(
            zip(*(values.tolist() for values in numbers), strict=True), words, strict=True
        )
    ]


def left_out(listed: Listed, rules: CompiledRules, history: History, now: int) -> dict[str, int]:
    """Count the candidates that may not be shown, by reason in words; arguments as of ``rerank``."""
    judged = judge(listed.items, listed.scores, rules, history, now)
    reasons = reasons_of(rules)
    counts = np.bincount(judged.reason[judged.reason >= 0], minlength=len(reasons))
    return {reason: int(n) for reason, n in zip(reasons, counts, strict=True) if n}


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the draws of a request: the same seed and name (such as its id) always give the same.

    Examples
    --------
    >>> generator(0, "a").random() == generator(0, "a").random() != generator(0, "b").random()
    True
    """
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])


def _mixed(
    chosen: Ints, items: Ints, caps: npt.NDArray[np.int32], rules: CompiledRules, now: int,
    rng: np.random.Generator | None,
) -> Mixed:  # fmt: skip
    """Draw places for new items that were not chosen."""
    new = rules.settings.new_items
    if new is None or rng is None or new.share == 0:
        return Mixed(chosen, np.zeros(len(chosen), np.bool_), np.ones(len(chosen)))
    waiting = is_new(rules.born[items], now, new)
    waiting[chosen] = False
    pool = joining(np.flatnonzero(waiting), chosen, len(chosen), caps, rules.most)
    return mix(chosen, pool, new.share, rng)


def _moved(held: Mask, varied: Mask, drawn: Mask) -> Moved:
    """Return why items have their places: those that are not drawn come in the order in which they were chosen."""
    places = np.flatnonzero(~drawn)
    found = Moved(np.zeros_like(held), np.zeros_like(varied), drawn)
    found.held[places], found.varied[places] = held[: len(places)], varied[: len(places)]
    return found
