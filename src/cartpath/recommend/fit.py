"""Choosing the blend on a slice that the behaviour model has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import ndcg
from cartpath.features import Log, read_log
from cartpath.models import Pretrained, current_version, new_version, read_json, write_json
from cartpath.recommend.recommender import Blend, Floats, Opinions, Recommender, best, popular_shares
from cartpath.schema import CartpathError
from cartpath.store import open_snapshot
from cartpath.tasks import NextItemRows, TimeSplit, check_unshaped, next_item_rows
from cartpath.training.card import read_card, split_of, write_card

NAME = "recommender"
K = 20
_BLEND = "blend.json"
#: What is tried for each weight, the others held.
_WEIGHTS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
_HALF_LIVES: tuple[float | None, ...] = (None, 30.0, 7.0)
#: Scores held in memory while choosing; beyond it they are computed again for each weight.
_HELD_CELLS = 8_000_000
#: Scores of a catalogue so large that what is held would be of few users, and the users aimed at then.
_MOST_CELLS, _USERS = 32_000_000, 1000
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Fitted:
    """A chosen blend and what it belongs to.

    Attributes
    ----------
    pretrained : Pretrained
    split : TimeSplit
    blend : Blend
    """

    pretrained: Pretrained
    split: TimeSplit
    blend: Blend


def fit_recommender(workspace: Path | str, *, seed: int = 0, progress: Progress | None = None) -> dict[str, Any]:
    """Choose how the opinions are blended, by NDCG@20 on the slice after the training of the behaviour model.

    Parameters
    ----------
    workspace : Path
    seed : int
        Of the draw of users, where there are many.
    progress : callable, optional

    Returns
    -------
    dict
        The recommender's card: ``blend``, ``generation``, ``n_choose``, ``ndcg_choose``, ``split`` …

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
    blend, n, score = choose(log, pretrained, split, seed, told)
    with new_version(workspace, NAME) as folder:
        write_json(folder / _BLEND, blend.to_dict())
        return write_card(
            folder,
            log,
            split,
            seed,
            model=NAME,
            blend=blend.to_dict(),
            pretrained=card["made"],
            n_choose=n,
            ndcg_choose=score,
        )


def load_fitted(workspace: Path, log: Log) -> Fitted:
    """Load the blend of a workspace; choose it now where it is missing or of another pretraining.

    Parameters
    ----------
    workspace : Path
    log : Log
        The workspace's.
    """
    home = current_version(workspace, "behaviour", "cartpath pretrain")
    made = read_card(home)["made"]
    try:
        folder = current_version(workspace, NAME, "")
        fresh = read_card(folder).get("pretrained") == made
    except CartpathError:
        fresh = False
    if not fresh:
        fit_on(workspace, log, 0, lambda message, share: None)
        folder = current_version(workspace, NAME, "")
    return Fitted(Pretrained.load(home), split_of(read_card(home)), Blend(**read_json(folder / _BLEND)))


def choose(log: Log, pretrained: Pretrained, split: TimeSplit, seed: int, told: Progress) -> tuple[Blend, int, float]:
    """Return the blend with the best NDCG@20 on the validation slice, the users judged, and its NDCG.

    One weight after the other, twice round: few enough choices that chance has little to pick from.
    """
    begin, end = split.bounds("validation")
    rows = sampled(next_item_rows(log, begin, end), most_users(len(log.codes("item"))), seed)
    if not len(rows):
        return Blend(), 0, float("nan")
    told("choosing the blend", 0.2)
    hold = _Chooser(Recommender(pretrained, log, begin), rows)
    tried: list[tuple[str, tuple[Any, ...]]] = [
        ("half_life_days", _HALF_LIVES),
        ("exclude_seen", (False, True)),
        *((name, _WEIGHTS) for name in ("again", "together", "model", "popular")),
    ]
    for _ in range(2):
        for name, values in tried:
            hold.improve(name, values)
        told("choosing the blend", 0.8)
    return hold.blend, len(rows), hold.score


class _Chooser:
    """The best blend so far; scores are held where they fit into memory, and computed again for each weight if not."""

    def __init__(self, recommender: Recommender, rows: NextItemRows) -> None:
        self.recommender, self.rows = recommender, rows
        log, until = recommender.log, recommender.until
        self.popular: dict[float | None, Floats] = {life: popular_shares(log, until, life) for life in _HALF_LIVES}
        self.hidden = recommender.hidden(log, rows.user, rows.ends)
        fits = len(rows) * len(log.codes("item")) <= _HELD_CELLS
        self.held = recommender.opinions(log, rows.user, rows.ends, self.hidden) if fits else None
        self.blend = Blend()
        self.score = self._scores([self.blend])[0]

    def improve(self, name: str, values: tuple[Any, ...]) -> None:
        others = [replace(self.blend, **{name: value}) for value in values if value != getattr(self.blend, name)]
        for other, score in zip(others, self._scores(others), strict=True):
            if score > self.score + 1e-6:
                self.blend, self.score = other, score

    def _parts(self) -> Iterator[Opinions]:
        if self.held is not None:
            yield self.held
            return
        for _, opinions in self.recommender.batches(self.recommender.log, self.rows.user, self.rows.ends, self.hidden):
            yield opinions

    def _scores(self, blends: list[Blend]) -> list[float]:
        lists: list[list[npt.NDArray[np.int64]]] = [[] for _ in blends]
        for opinions in self._parts():
            for found, blend in zip(lists, blends, strict=True):
                popular = self.popular[blend.half_life_days]
                found.append(best(replace(opinions, popular=popular).blended(blend), K))
        made = (hits(np.concatenate(found), self.rows) for found in lists)
        return [float(ndcg(hit, truths(self.rows)).mean()) for hit in made]


def most_users(n_items: int) -> int:
    """Return how many users a blend is chosen on at most: time grows with users times items.

    Examples
    --------
    >>> most_users(500), most_users(50_000), most_users(1_000_000)
    (16000, 640, 50)
    """
    n_items = max(n_items, 1)
    return max(_HELD_CELLS // n_items, min(_USERS, _MOST_CELLS // n_items), 50)


def sampled(rows: NextItemRows, most: int, seed: int) -> NextItemRows:
    """Return at most so many rows, drawn at random and in their order."""
    if len(rows) <= most:
        return rows
    return take(rows, np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False)))


def take(rows: NextItemRows, places: npt.NDArray[np.int64]) -> NextItemRows:
    """Return some of the rows."""
    parts = [rows.of(int(place)) for place in places]
    sizes = [len(part) for part in parts]
    return NextItemRows(
        rows.user[places],
        rows.ends[places],
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate(parts) if parts else np.zeros(0, np.int32),
    )


def truths(rows: NextItemRows) -> npt.NDArray[np.int64]:
    """Return how many true items each row has (n,)."""
    return np.diff(rows.truth_offsets)


def hits(lists: npt.NDArray[np.int64], rows: NextItemRows) -> npt.NDArray[np.bool_]:
    """Return which places of each list hold a true item (n, k)."""
    width = int(max(lists.max(initial=0), rows.truth.max(initial=0))) + 2
    row = np.repeat(np.arange(len(rows)), truths(rows))
    true = np.unique(row * width + rows.truth)
    asked = np.arange(len(rows))[:, None] * width + np.where(lists >= 0, lists, width - 1)
    return np.isin(asked, true)
