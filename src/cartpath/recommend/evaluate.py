"""Judging recommendations on a time split: the blend beside each part alone, for the same candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import mean_interval, mrr, ndcg, recall, sign_flip
from cartpath.features import Log, read_log
from cartpath.models import folder_of, write_json
from cartpath.models.artefact import finite
from cartpath.models.next_item import Index
from cartpath.recommend.axis import axis_of
from cartpath.recommend.blends import Judged, alone, judged
from cartpath.recommend.fit import NAME, Fitted, Progress, load_fitted
from cartpath.recommend.nature import nature_of
from cartpath.recommend.parts import Parts, Sources, fit_parts
from cartpath.recommend.questions import live_rows, sampled
from cartpath.recommend.segments import segments_of
from cartpath.schema import CartpathError
from cartpath.store import open_snapshot
from cartpath.tasks import NextItemRows, check_judged, check_unshaped, next_item_rows
from cartpath.training.card import versions
from cartpath.training.results import METRICS, row

K = 20
METRIC_OF = {f"recall_at_{K}": recall, f"ndcg_at_{K}": ndcg, f"mrr_at_{K}": mrr}
Floats = npt.NDArray[np.float64]
Lists = dict[str, npt.NDArray[np.int64]]
Values = dict[str, dict[str, Floats]]
#: Users judged at most, and fewer where there are so many items that this many scores are more.
MOST_USERS = 20_000
#: Draws of users of an interval, and of signs of a p.
DRAWS, FLIPS = 500, 1999
_MOST_CELLS, _LEAST_USERS = 1_000_000_000, 1000


@dataclass(frozen=True)
class Asked:
    """Questions of one kind, the lists that each method answers with, and how good they are.

    Attributes
    ----------
    rows, everyone : NextItemRows
        Those judged, and all there are.
    known : Judged
    lists : dict of str to int64 array (n, 20)
    values : dict of str to dict of str to float64 array (n,)
        By method and metric.
    """

    rows: NextItemRows
    everyone: NextItemRows
    known: Judged
    lists: Lists
    values: Values


def evaluate_recommender(
    workspace: Path | str,
    *,
    slice: str | None = None,
    seed: int = 0,
    most_users: int = MOST_USERS,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge recommendations on a slice: at its beginning for everybody, and in the middle of things.

    Every user with an item event in the slice counts, also those nobody knew before; of very many, a draw of them.
    ``next_item`` asks at the beginning of the slice, and the truth is every distinct item of the slice, touched before
    or not; ``next_item_live`` asks after an event drawn among the user's of the slice, and the truth is what follows
    (``questions.live_rows``). Parts are fitted on what was before the slice, and candidates are the items touched
    before it by anyone; they are the same for every method. An item first touched within the slice can be found by
    none.

    Parameters
    ----------
    workspace : Path
    slice : str, optional
        ``test`` or ``calibration``; by default test where the log has events in it.
    seed : int
        Of the bootstrap, and of the draws of users and questions.
    most_users : int
        Users judged at most; fewer, but never fewer than 1,000 for this reason, where users times items is beyond a
        thousand million.
    progress : callable, optional

    Returns
    -------
    dict
        ``leaderboard`` (rows as in ``cartpath.training``; tasks ``next_item``, those of it with a history
        ``next_item_known``, and ``next_item_live``), ``comparisons`` of the blend with every part alone, ``adds``
        (what the blend loses without a part), ``lists`` (coverage, concentration, novelty, diversity, popularity),
        ``segments``, ``n``, ``n_known``, ``blend`` … A row's ``n`` users are of ``n_of`` in the slice. Also written to
        ``models/recommender/metrics.json``.

    Raises
    ------
    CartpathError
        If nothing is pretrained, fewer than one user is asked for, or nobody touches an item in the slice.
    """
    check_judged(slice)
    if most_users < 1:
        raise CartpathError(f"most_users must be 1 or more, not {most_users}")
    workspace = Path(workspace)
    told = progress or (lambda message, share: None)
    told("reading paths", 0.0)
    with open_snapshot(workspace) as snapshot:
        log = read_log(snapshot)
    fitted = load_fitted(workspace, log)
    check_unshaped(log.shaped_until, fitted.split)
    slice = slice or fitted.split.latest(int(log.view.ts.max()) if log.view.n_events else 0)
    begin, end = fitted.split.bounds(slice)
    if not len(next_item_rows(log, begin, end)):
        raise CartpathError(f"nobody touches an item in the {slice} slice", "ingest more days and pretrain again")
    axis = axis_of(log)
    told("fitting parts on what was before the slice", 0.2)
    parts = fit_parts(Sources(axis, begin, fitted.pretrained, fitted.settings, seed), axis.touched(begin))
    most = min(most_users, affordable(len(axis.items)))
    told("scoring", 0.4)
    asked = {
        "next_item": ask(fitted, parts, axis.log, next_item_rows(log, begin, end), most, seed, begin),
        "next_item_live": ask(fitted, parts, axis.log, live_rows(axis.log, begin, end, seed), most, seed, None),
    }
    told("intervals", 0.7)
    result = finite(_result(fitted, parts, axis.log, asked, slice, seed))
    write_json(folder_of(workspace, NAME) / METRICS, result)
    told("evaluated", 1.0)
    return dict(result)


def affordable(n_items: int) -> int:
    """Return how many users can be judged on so many items in minutes.

    Examples
    --------
    >>> affordable(50_000), affordable(200_000), affordable(5_000_000)
    (20000, 5000, 1000)
    """
    return max(_MOST_CELLS // max(n_items, 1), _LEAST_USERS)


def ask(
    fitted: Fitted, parts: Parts, log: Log, everyone: NextItemRows, most: int, seed: int, begin: int | None
) -> Asked:
    """Answer questions by every method; ``begin`` is when they are asked, the latest event where it is None."""
    rows = sampled(everyone, most, seed)
    time = log.view.ts[rows.ends - 1] if begin is None else np.full(len(rows), begin)
    known = judged(parts.candidates(log, rows.user, rows.ends, time), rows)
    if fitted.exclude_seen:
        known = known.unseen()
    lists = {name: top(known, scores) for name, scores in _methods(fitted, known)}
    values = {name: {metric: of(hits(items, rows), known.truths) for metric, of in METRIC_OF.items()}
              for name, items in lists.items()}  # fmt: skip
    return Asked(rows, everyone, known, lists, values)


def _methods(fitted: Fitted, known: Judged) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Yield each method's scores of the candidates (m,)."""
    yield "blend", fitted.blend.score(known.listed)
    for name in known.listed.parts:
        yield name, alone(known.listed, name)


def top(known: Judged, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the best items of each row (n, 20), best first, -1 where none is left; of equals the first."""
    listed, rows = known.listed, known.listed.rows()
    order = np.lexsort((-scores, rows))
    place = np.arange(len(order)) - np.repeat(listed.offsets[:-1], np.diff(listed.offsets))
    out = np.full((len(listed), K), -1, np.int64)
    kept = place < K
    out[rows[order][kept], place[kept]] = listed.columns[order][kept]
    return out


def hits(lists: npt.NDArray[np.int64], rows: NextItemRows) -> npt.NDArray[np.bool_]:
    """Return which places of each list hold a true item (n, k)."""
    width = int(max(lists.max(initial=0), rows.truth.max(initial=0))) + 2
    row = np.repeat(np.arange(len(rows)), np.diff(rows.truth_offsets))
    true = np.unique(row * width + rows.truth)
    asked = np.arange(len(rows))[:, None] * width + np.where(lists >= 0, lists, width - 1)
    return np.isin(asked, true)


def _result(
    fitted: Fitted, parts: Parts, log: Log, asked: Mapping[str, Asked], slice: str, seed: int
) -> dict[str, Any]:
    first = asked["next_item"]
    known, known_of = has_history(first.rows, log), has_history(first.everyone, log)
    about = {"slice": slice, "generation": log.generation, "seed": seed, "positives": None}
    board = []
    for task, one in asked.items():
        board += leaderboard(task, one, np.ones(len(one.rows), np.bool_), {**about, "n_of": len(one.everyone)})
        if task == "next_item":
            board += leaderboard("next_item_known", one, known, {**about, "n_of": int(known_of.sum())})
    return {
        "task": "next_item",
        **about,
        "n": len(first.rows),
        "n_of": len(first.everyone),
        "n_known": int(known.sum()),
        "n_known_of": int(known_of.sum()),
        "n_live": len(asked["next_item_live"].rows),
        "split": fitted.split.to_dict(),
        "blend": {key: value for key, value in fitted.blend.to_dict().items() if key != "trees"},
        "exclude_seen": fitted.exclude_seen,
        "excluded": "items the user touched before" if fitted.exclude_seen else "nothing",
        "versions": versions(),
        "leaderboard": board,
        "comparisons": [entry for task, one in asked.items() for entry in comparisons(task, one, seed)],
        "adds": [entry for task, one in asked.items() for entry in adds(task, fitted, one, seed)],
        "lists": [entry for task, one in asked.items() for entry in nature_of(task, one.lists, one.rows, parts)],
        "segments": [entry for task, one in asked.items() for entry in by_segment(task, one, log, seed)],
    }


def has_history(rows: NextItemRows, log: Log) -> npt.NDArray[np.bool_]:
    """Return of which rows anything is known (n,)."""
    known: npt.NDArray[np.bool_] = rows.ends > log.view.offsets[rows.user]
    return known


def leaderboard(task: str, one: Asked, mine: npt.NDArray[np.bool_], about: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each method and metric over some of the users, with intervals over draws of users."""
    if not mine.any():
        return []
    return [
        row(task, method, metric, mean_interval(values[mine], one.rows.user[mine], DRAWS, about["seed"]),
            {**about, "n": int(mine.sum())})
        for method, metrics in one.values.items()
        for metric, values in metrics.items()
    ]  # fmt: skip


def comparisons(task: str, one: Asked, seed: int) -> list[dict[str, Any]]:
    """Compare the blend with every part alone in Recall@20 and NDCG@20, in pairs over users."""
    return [
        {"task": task, "against": name, **{
            metric: paired(one.values["blend"][metric], values[metric], one.rows.user, seed)
            for metric in list(METRIC_OF)[:2]
        }}
        for name, values in one.values.items() if name != "blend"
    ]  # fmt: skip


def paired(ours: Floats, theirs: Floats, users: Index, seed: int) -> dict[str, float]:
    """Return a difference of two methods on the same users, its 95% interval, and the p of the sign-flip test."""
    difference = ours - theirs
    interval = mean_interval(difference, users, DRAWS, seed)
    p = sign_flip(difference, users, FLIPS, seed)
    return {"difference": interval.value, "low": interval.low, "high": interval.high, "p": p}


def adds(task: str, fitted: Fitted, one: Asked, seed: int) -> list[dict[str, Any]]:
    """Return what the blend's NDCG@20 has from each part: with it, less that of the blend fitted without it."""
    found, ours = [], one.values["blend"][f"ndcg_at_{K}"]
    for name in one.known.listed.parts:
        if name in fitted.without:
            less = one.known.without(name)
            lists = top(less, fitted.without[name].score(less.listed))
            theirs = ndcg(hits(lists, one.rows), one.known.truths)
            found.append({"task": task, "part": name, **paired(ours, theirs, one.rows.user, seed)})
    return found


def by_segment(task: str, one: Asked, log: Log, seed: int) -> list[dict[str, Any]]:
    """Return the blend's NDCG@20 and recent popularity's for each value of each segment."""
    found, metric = [], f"ndcg_at_{K}"
    base = next(name for name in ("recent", "popular") if name in one.values)
    for segment, values in segments_of(log, one.rows).items():
        for value in sorted(set(values)):
            mine = np.array([each == value for each in values])
            ours, theirs = (one.values[name][metric][mine] for name in ("blend", base))
            users: Index = one.rows.user[mine]
            figure = vars(mean_interval(ours, users, DRAWS, seed))
            against = paired(ours, theirs, users, seed)
            found.append({"task": task, "segment": segment, "value": value, "n": int(mine.sum()),
                          metric: figure, "against": base, "difference": against})  # fmt: skip
    return found
