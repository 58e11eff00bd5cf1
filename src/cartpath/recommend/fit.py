"""Choosing the blend on a slice that no part has seen, and fitting the parts on everything known by now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.features import Log, read_log
from cartpath.models import Pretrained, current_version, new_version, read_json, write_json
from cartpath.models.next_item import Index
from cartpath.recommend.axis import Axis, axis_of
from cartpath.recommend.blends import Blend, Judged, blend_of, judged
from cartpath.recommend.blends.choose import Choice, choose
from cartpath.recommend.blends.cold import WithCold
from cartpath.recommend.parts import Parts, Sources, fit_parts
from cartpath.recommend.parts.popular import HALF_LIVES
from cartpath.recommend.questions import both, live_rows, sampled, take
from cartpath.schema import CartpathError
from cartpath.store import open_snapshot
from cartpath.tasks import NextItemRows, TimeSplit, check_unshaped, next_item_rows
from cartpath.training.card import read_card, split_of, write_card

NAME = "recommender"
#: Raised when what is kept changes, so that an older blend is chosen anew.
FORMAT = 3
_BLEND = "blend.json"
#: Questions a blend is chosen on at most, and fewer where there are so many items that scores would be more.
_MOST, _MOST_CELLS, _LEAST = 4_000, 400_000_000, 200
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Fitted:
    """A chosen blend and what it belongs to.

    Attributes
    ----------
    pretrained : Pretrained
    split : TimeSplit
    blend : Blend
    without : dict of str to Blend
        The blend fitted without each part.
    exclude_seen : bool
        Whether items that a user has touched before are left out.
    settings : dict
        Of the parts, by name.
    card : mapping
    folder : Path
        The version.
    """

    pretrained: Pretrained
    split: TimeSplit
    blend: Blend
    without: dict[str, Blend]
    exclude_seen: bool
    settings: dict[str, dict[str, float]]
    card: dict[str, Any]
    folder: Path


def fit_recommender(workspace: Path | str, *, seed: int = 0, progress: Progress | None = None) -> dict[str, Any]:
    """Choose how the parts are blended, by NDCG@20 on the slice after the training of the behaviour model.

    Parameters
    ----------
    workspace : Path
    seed : int
        Of the draws of users and of questions, and of parts that draw.
    progress : callable, optional

    Returns
    -------
    dict
        The recommender's card: ``blend`` (its kind), ``parts``, ``exclude_seen``, ``generation``, ``n_choose``,
        ``ndcg_choose``, ``tried`` (every kind of blend), ``split`` …

    Raises
    ------
    CartpathError
        If nothing is pretrained, or the log has no items.
    """
    workspace = Path(workspace)
    told = progress or (lambda message, share: None)
    told("reading paths", 0.0)
    with open_snapshot(workspace) as snapshot:
        log = read_log(snapshot)
    return fit_on(workspace, log, seed, told)


def fit_on(workspace: Path, log: Log, seed: int, told: Progress) -> dict[str, Any]:
    """Choose the blend on a log that is in memory already; see ``fit_recommender``."""
    if not (log.view.item >= 0).any():
        raise CartpathError("no event has an item, so there is nothing to recommend", "map one: --map item_id=COLUMN")
    home = current_version(workspace, "behaviour", "cartpath pretrain")
    card, pretrained = read_card(home), Pretrained.load(home)
    split = split_of(card)
    check_unshaped(log.shaped_until, split)
    axis = axis_of(log)
    told("fitting parts on what was known", 0.1)
    settings, known = questions(axis, pretrained, split, seed)
    told("choosing the blend", 0.4)
    choice = choose(known, seed, lambda share: told("choosing the blend", 0.4 + 0.6 * share))
    with new_version(workspace, NAME) as folder:
        write_json(folder / _BLEND, _content(choice, settings))
        return write_card(
            folder,
            log,
            split,
            seed,
            model=NAME,
            format=FORMAT,
            blend=choice.blend.to_dict()["kind"],
            weights=choice.blend.to_dict().get("weights"),
            parts=list(known.listed.parts),
            exclude_seen=choice.exclude_seen,
            settings=settings,
            pretrained=card["made"],
            n_choose=len(known.listed),
            ndcg_choose=choice.ndcg,
            tried=choice.tried,
        )


def _content(choice: Choice, settings: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {
        "blend": choice.blend.to_dict(),
        "exclude_seen": choice.exclude_seen,
        "settings": settings,
        "without": {name: blend.to_dict() for name, blend in choice.without.items()},
    }


def load_fitted(workspace: Path, log: Log | None = None) -> Fitted:
    """Load the blend of a workspace; choose it now where it is missing or of another pretraining.

    Parameters
    ----------
    workspace : Path
    log : Log, optional
        The workspace's, where it is in memory.
    """
    home = current_version(workspace, "behaviour", "cartpath pretrain")
    made = read_card(home)["made"]
    try:
        folder = current_version(workspace, NAME, "")
        card = read_card(folder)
        fresh = card.get("pretrained") == made and card.get("format") == FORMAT
    except CartpathError:
        fresh = False
    if not fresh:
        if log is None:
            fit_recommender(workspace)
        else:
            fit_on(workspace, log, 0, lambda message, share: None)
        folder = current_version(workspace, NAME, "")
        card = read_card(folder)
    raw = read_json(folder / _BLEND)
    without: dict[str, Blend] = {name: WithCold(blend_of(blend)) for name, blend in raw["without"].items()}
    return Fitted(
        Pretrained.load(home), split_of(read_card(home)), WithCold(blend_of(raw["blend"])), without,
        bool(raw["exclude_seen"]), raw["settings"], dict(card), folder,
    )  # fmt: skip


def questions(
    axis: Axis, pretrained: Pretrained, split: TimeSplit, seed: int
) -> tuple[dict[str, dict[str, float]], Judged]:
    """Return the settings of the parts, and what parts fitted before the validation slice say to questions in it.

    Up to half of the questions are asked at the beginning of the slice, of users with a path who touch an item in it;
    the others in the middle of things. The half-life of popularity is chosen by what it does alone, for everybody.
    """
    begin, end = split.bounds("validation")
    most = most_questions(len(axis.items))
    everyone = next_item_rows(axis.log, begin, end)
    rows = sampled(everyone, most // 2, seed)
    settings: dict[str, dict[str, float]] = {}
    if axis.log.timed:
        tried = [_popularity_alone(axis, pretrained, begin, rows, half_life) for half_life in HALF_LIVES]
        settings["recent"] = {"half_life_days": HALF_LIVES[int(np.argmax(tried))]}
    known = sampled(
        take(everyone, np.flatnonzero(everyone.ends > axis.log.view.offsets[everyone.user])), most // 2, seed
    )
    live = sampled(live_rows(axis.log, begin, end, seed), most - len(known), seed)
    asked, time = both(known, live), asked_at(axis.log, known, live, begin)
    parts = fit_parts(Sources(axis, begin, pretrained, settings, seed), axis.touched(begin))
    return settings, judged(parts.candidates(axis.log, asked.user, asked.ends, time), asked)


def _popularity_alone(axis: Axis, pretrained: Pretrained, begin: int, rows: NextItemRows, half_life: float) -> float:
    sources = Sources(axis, begin, pretrained, {"recent": {"half_life_days": half_life}})
    parts = fit_parts(sources, axis.touched(begin), ["recent"])
    known = judged(parts.candidates(axis.log, rows.user, rows.ends), rows)
    return float(known.ndcg(known.listed.strength[:, 0]).mean()) if len(rows) else 0.0


def asked_at(log: Log, rows: NextItemRows, live: NextItemRows, begin: int) -> Index:
    """Return when each question is asked: at the beginning of the slice, and at the latest event."""
    now = log.view.ts[live.ends - 1]
    return np.concatenate([np.full(len(rows), begin), now]).astype(np.int64)


def most_questions(n_items: int) -> int:
    """Return on how many questions a blend is chosen at most: time grows with questions times items.

    Examples
    --------
    >>> most_questions(500), most_questions(100_000), most_questions(5_000_000)
    (4000, 4000, 200)
    """
    return max(min(_MOST, _MOST_CELLS // max(n_items, 1)), _LEAST)


def parts_now(fitted: Fitted, axis: Axis, until: int, seed: int = 0) -> Parts:
    """Fit the parts that are asked on everything before a moment, for what may be recommended then."""
    sources = Sources(axis, until, fitted.pretrained, fitted.settings, seed)
    return fit_parts(sources, axis.offered(until), asked_parts(fitted.blend))


def asked_parts(blend: Blend) -> set[str]:
    """Return the parts that are asked: those the blend needs, popularity, and one that knows which items go together.

    Examples
    --------
    >>> from cartpath.recommend.blends import Weighted
    >>> sorted(asked_parts(Weighted({"behaviour": 1.0}, {})))
    ['behaviour', 'popular', 'recent', 'together']
    """
    return {*blend.needs, "popular", "recent", "together"}
