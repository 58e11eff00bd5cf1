"""Which candidates may be shown, and their scores after boosts and demotion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.recommend.rules.compiled import CompiledRules
from cartpath.recommend.rules.due import waits
from cartpath.recommend.rules.history import History
from cartpath.schema import MICROSECONDS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: What is said of a candidate that a policy moves or leaves out.
OUT, SEEN, BOUGHT, EARLY = "out of stock", "seen before", "bought before", "bought, and not due again yet"
NO_SCORE = "no score"
_POLICIES = (OUT, SEEN, BOUGHT, EARLY)


@dataclass(frozen=True)
class Judged:
    """What the rules say of each candidate, before any is chosen.

    Attributes
    ----------
    order : int64 array (m,)
        Rows of the candidates that may be shown, the best score first, equals as they came.
    scores : float64 array (n,)
        After boosts and demotion.
    reason : int64 array (n,)
        Why it may not be shown: a place in ``reasons_of``; -1 where it may.
    demoted : mapping of str to bool array (n,)
        Why a score was lowered, and where.
    due : float64 array (n,), optional
        Seconds after which it is usually bought again, where it is due; NaN elsewhere. None where nothing can be.
    """

    order: Ints
    scores: Floats
    reason: Ints
    demoted: Mapping[str, Mask]
    due: Floats | None


def reasons_of(rules: CompiledRules) -> tuple[str, ...]:
    """Return why candidates may be left out, in the order of ``Judged.reason``: the first that holds counts."""
    return NO_SCORE, *(f"excluded: {text}" for text in rules.settings.exclude), *_POLICIES


def judge(items: Ints, scores: Floats, rules: CompiledRules, history: History, now: int) -> Judged:
    """Leave candidates out and move scores.

    Parameters
    ----------
    items : int64 array (n,)
        Item codes.
    scores : float64 array (n,)
    rules, history, now
        As of ``rerank``.
    """
    rows = rules.known(items)
    excluded = rules.excluded[rows]
    reason = np.where(np.isfinite(scores), np.where(excluded >= 0, excluded + 1, -1), 0)
    moved = _positive(scores) * rules.factor[rows]
    demoted: dict[str, Mask] = {}
    due: Floats | None = None
    first = 1 + len(rules.settings.exclude)
    for name, policy, mask, waited in _policies(items, rows, rules, history, now):
        if policy == "demote":
            demoted[name] = mask
            moved = np.where(mask, moved * rules.settings.demote, moved)
        else:
            reason = np.where(mask & (reason < 0), first + _POLICIES.index(name), reason)
        due = waited if waited is not None else due
    kept = np.flatnonzero(reason < 0)
    order = kept[np.argsort(-moved[kept], kind="stable")]
    return Judged(order, moved, reason, demoted, due)


def _policies(
    items: Ints, rows: Ints, rules: CompiledRules, history: History, now: int
) -> Iterator[tuple[str, str, Mask, Floats | None]]:
    """Yield what policies there are on which candidates, and for repurchase after how long they are due."""
    settings = rules.settings
    if settings.out_of_stock:
        yield OUT, settings.when_out, rules.out[rows], None
    bought = history.bought.rows(items)
    if settings.seen != "keep":
        seen = history.seen.rows(items)
        mask = (seen >= 0) & (bought < 0)
        within = settings.seen_within_us
        if within is not None and len(history.seen.last):
            mask &= now - history.seen.last[seen] < within
        yield SEEN, settings.seen, mask, None
    if settings.bought in ("drop", "demote"):
        yield BOUGHT, settings.bought, bought >= 0, None
    if settings.bought == "repurchase" and len(history.bought.item):
        wait = np.where(bought >= 0, waits(history.bought, bought, rules.usual[rows]), np.nan)
        due = (now - history.bought.last[bought]) / MICROSECONDS >= settings.due * wait
        yield EARLY, "drop", (bought >= 0) & ~due, np.where(due, wait, np.nan)


def _positive(scores: Floats) -> Floats:
    """Return scores from 0 on: as they are, or their exponentials where any is below 0."""
    finite = scores[np.isfinite(scores)]
    if not len(finite) or finite.min() >= 0:
        return np.where(np.isfinite(scores), scores, 0.0)
    found: Floats = np.exp(np.where(np.isfinite(scores), scores - finite.max(), -np.inf))
    return found
