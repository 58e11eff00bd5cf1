"""Judging recommendations on a time split, beside popularity and co-occurrence, for the same candidates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import bootstrap, mrr, ndcg, paired_bootstrap, recall
from cartpath.features import Log, read_log
from cartpath.models import folder_of, write_json
from cartpath.models.artefact import finite
from cartpath.recommend.fit import NAME, Fitted, K, Progress, hits, load_fitted, sampled, truths
from cartpath.recommend.recommender import Blend, Floats, Opinions, Recommender, best, popular_shares
from cartpath.schema import CartpathError
from cartpath.store import open_snapshot
from cartpath.tasks import NextItemRows, check_judged, check_unshaped, next_item_rows
from cartpath.training.card import versions
from cartpath.training.results import METRICS, row

METRIC_OF = {f"recall_at_{K}": recall, f"ndcg_at_{K}": ndcg, f"mrr_at_{K}": mrr}
Lists = dict[str, npt.NDArray[np.int64]]
#: Users judged at most, and fewer where there are so many items that this many scores are more.
MOST_USERS = 20_000
_MOST_CELLS, _LEAST_USERS = 1_000_000_000, 1000


def evaluate_recommender(
    workspace: Path | str,
    *,
    slice: str | None = None,
    seed: int = 0,
    most_users: int = MOST_USERS,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge recommendations made at the start of a slice against what each user touches within it.

    Every user with an item event in the slice counts, also those nobody knew before; of very many, a draw of them.
    The truth is every distinct item of the slice, touched before or not. Candidates are the items touched before the
    slice by anyone, less, if the blend says so, those the user has touched; they are the same for every method.

    Parameters
    ----------
    workspace : Path
    slice : str, optional
        ``test`` or ``calibration``; by default test where the log has events in it.
    seed : int
        Of the bootstrap, and of the draw of users.
    most_users : int
        Users judged at most; fewer, but never fewer than 1,000 for this reason, where users times items is beyond a
        thousand million.
    progress : callable, optional

    Returns
    -------
    dict
        ``leaderboard`` (rows as in ``cartpath.training``; task ``next_item`` for all users, ``next_item_known`` for
        those with a history), ``comparisons`` with popularity, ``n``, ``n_known``, ``blend`` … A row's ``n`` users are
        of ``n_of`` in the slice. Also written to ``models/recommender/metrics.json``.

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
    everyone = next_item_rows(log, begin, end)
    if not len(everyone):
        raise CartpathError(f"nobody touches an item in the {slice} slice", "ingest more days and pretrain again")
    rows = sampled(everyone, min(most_users, affordable(len(log.codes("item")))), seed)
    told("scoring", 0.4)
    lists = ranked(fitted, log, rows, begin)
    told("intervals", 0.7)
    result = finite(_result(fitted, log, rows, everyone, lists, slice, seed))
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


def _known(rows: NextItemRows, log: Log) -> npt.NDArray[np.bool_]:
    known: npt.NDArray[np.bool_] = rows.ends > log.view.offsets[rows.user]
    return known


def _result(
    fitted: Fitted, log: Log, rows: NextItemRows, everyone: NextItemRows, lists: Lists, slice: str, seed: int
) -> dict[str, Any]:
    known = _known(rows, log)
    n_of, n_known_of = len(everyone), int(_known(everyone, log).sum())
    about = {"slice": slice, "generation": log.generation, "seed": seed, "positives": None}
    return {
        "task": "next_item",
        **about,
        "n": len(rows),
        "n_of": n_of,
        "n_known": int(known.sum()),
        "n_known_of": n_known_of,
        "split": fitted.split.to_dict(),
        "blend": fitted.blend.to_dict(),
        "excluded": "items the user touched before" if fitted.blend.exclude_seen else "nothing",
        "versions": versions(),
        "leaderboard": [
            *leaderboard("next_item", lists, rows, np.ones(len(rows), np.bool_), {**about, "n_of": n_of}),
            *leaderboard("next_item_known", lists, rows, known, {**about, "n_of": n_known_of}),
        ],
        "comparisons": comparisons(lists, rows, seed),
    }


def ranked(fitted: Fitted, log: Log, rows: NextItemRows, begin: int) -> Lists:
    """Return each method's list of the best items at the moment ``begin`` (n, 20)."""
    ours = Recommender(fitted.pretrained, log, begin, fitted.blend.half_life_days)
    plain = popular_shares(log, begin)
    found: dict[str, list[npt.NDArray[np.int64]]] = {}
    for _, opinions in ours.batches(log, rows.user, rows.ends):
        for name, scores in _methods(opinions, fitted.blend, plain):
            found.setdefault(name, []).append(best(scores, K))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _methods(opinions: Opinions, blend: Blend, plain: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield each method's scores of all items (n, n_codes), one at a time."""
    out = opinions.excluded(blend)
    most = np.broadcast_to(plain, opinions.seen.shape)
    lately = np.broadcast_to(opinions.popular, opinions.seen.shape)
    yield "blend", opinions.blended(blend)
    yield "behaviour", np.where(out, -np.inf, opinions.model + 1e-6 * opinions.popular)
    yield "cooccurrence", np.where(out, -np.inf, opinions.together + 1e-6 * opinions.popular)
    yield "popularity", np.where(out, -np.inf, most)
    if blend.half_life_days is not None:
        yield "popularity_recent", np.where(out, -np.inf, lately)


def leaderboard(
    task: str, lists: Lists, rows: NextItemRows, asked: npt.NDArray[np.bool_], about: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return a row for each method and metric over some of the users, with intervals over draws of users."""
    if not asked.any():
        return []
    found, users = [], rows.user[asked]
    for model, items in lists.items():
        for name, metric in METRIC_OF.items():
            values = metric(hits(items, rows), truths(rows))[asked]
            interval = bootstrap(lambda at, values=values: float(values[at].mean()), users, seed=about["seed"])  # type: ignore[misc]
            found.append(row(task, model, name, interval, {**about, "n": len(users)}))
    return found


def comparisons(lists: Lists, rows: NextItemRows, seed: int) -> list[dict[str, Any]]:
    """Compare the blend with every other method in Recall@20 and NDCG@20, by paired bootstrap over users."""
    found = []
    for name in (name for name in lists if name != "blend"):
        entry: dict[str, Any] = {"against": name}
        for metric_name, metric in list(METRIC_OF.items())[:2]:
            ours, theirs = (metric(hits(lists[method], rows), truths(rows)) for method in ("blend", name))
            entry[metric_name] = vars(
                paired_bootstrap(
                    lambda at, ours=ours: float(ours[at].mean()),  # type: ignore[misc]
                    lambda at, theirs=theirs: float(theirs[at].mean()),  # type: ignore[misc]
                    rows.user,
                    seed=seed,
                )
            )
        found.append(entry)
    return found
