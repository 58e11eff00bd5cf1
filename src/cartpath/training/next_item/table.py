"""From ranks to the table: every figure with its interval, and models compared on the same questions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import hit_rate, mean_interval, ndcg_at, paired_test, reciprocal
from cartpath.tasks import NextItemSplit
from cartpath.training.card import versions
from cartpath.training.data import Progress, silent
from cartpath.training.next_item.results import RANK, USER, Results, read_ranks
from cartpath.training.next_item.runner import Ran, Request, run_models
from cartpath.training.next_item.source import Source
from cartpath.training.next_item.worker import RANK_WITH_TIME

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
OURS = "cartpath"
NDCG, MRR = "NDCG@10", "MRR@20"
WITH_TIME = "_with_target_time"
_KS = (5, 10, 20)
#: What models are compared by; sessions are usually judged by the latter.
_COMPARED: Mapping[str, tuple[str, ...]] = {"session-positions": (NDCG, MRR), "session-last": (NDCG, MRR)}
_KEPT = (
    "seconds", "cpu_seconds", "judge_seconds", "peak_mb", "peak_mb_before_fit", "epochs", "chosen", "curve",
    "valid_NDCG@10", "preset", "budget_seconds", "seed", "code", "when", "key", "resumed",
)  # fmt: skip


def benchmark(source: Source, request: Request, folder: Path | str, progress: Progress | None = None) -> dict[str, Any]:
    """Fit and judge models on a log, or take finished results of the same, and compare them.

    Parameters
    ----------
    source : Source
        As ``open_source`` returns it.
    request : Request
    folder : Path
        Of results; one row is added for each run.
    progress : callable, optional

    Returns
    -------
    dict
        ``protocol``, ``users``, ``items``, ``results`` (a row a model, in the order asked), ``paired`` and what the
        figures are of. The ``ci`` of a row is the 95% bootstrap interval of its NDCG@10 over users.

    Raises
    ------
    CartpathError
        If a name is not known, or the log has nothing to ask. A model that fails is a row with its ``reason``.
    """
    results, told = Results(Path(folder)), progress or silent
    ran = run_models(source, request, results, told)
    told("comparing", 0.99)
    ranks = {row["model"]: read_ranks(results.ranks_file(row["key"])) for row in ran.rows if row["status"] == "done"}
    rows = [_row(row, ranks.get(row["model"]), ran) for row in ran.rows]
    return {
        "protocol": request.protocol,
        "users": source.users,
        "items": source.items,
        "results": rows,
        "paired": _paired(rows, ranks, request),
        **_about(source, request, ran.split),
        "folder": str(results.folder),
        "versions": versions(),
        "machine": {"processor": platform.processor() or platform.machine(), "system": platform.system()},
    }


def _about(source: Source, request: Request, split: NextItemSplit) -> dict[str, Any]:
    return {
        "file": source.name,
        "layout": source.layout,
        "timed": source.log.timed,
        "filter_seen": request.filter_seen,
        "events": None if request.events is None else list(request.events),
        "questions": len(split.test),
        "valid_questions": len(split.valid),
        "left_out": split.left_out,
        "seed": request.seed,
        "refit": request.refits(source),
        "told": source.told,
    }


def figures(ranks: Index) -> dict[str, Floats]:
    """Return every metric of each answer by its rank.

    Examples
    --------
    >>> {name: values.tolist() for name, values in figures(np.array([3, 21])).items() if "10" in name or name == "MRR"}
    {'HR@10': [1.0, 0.0], 'NDCG@10': [0.5, 0.0], 'MRR': [0.3333333333333333, 0.047619047619047616]}
    """
    found = {f"HR@{k}": hit_rate(ranks, k) for k in _KS} | {f"NDCG@{k}": ndcg_at(ranks, k) for k in _KS}
    # With one answer a question, recall is the hit rate; papers on sessions call it so.
    return {**found, "Recall@20": found["HR@20"], MRR: reciprocal(ranks, 20), "MRR": reciprocal(ranks)}


def _row(row: Mapping[str, Any], ranks: Any, ran: Ran) -> dict[str, Any]:
    if ranks is None:
        empty = {"HR@10": None, NDCG: None, "ci": None, "seconds": None, "peak_mb": row.get("peak_mb"), "epochs": None}
        why = {"reason": row["reason"], "is_input": row.get("is_input", False)}
        return {"model": row["model"], "status": "failed", **empty, **why}
    values = figures(ranks[RANK].to_numpy())
    interval = mean_interval(values[NDCG], _users(ranks), seed=int(row["seed"]))
    means = {name: float(of_each.mean()) for name, of_each in values.items()}
    if RANK_WITH_TIME in ranks.column_names:
        told = figures(ranks[RANK_WITH_TIME].to_numpy())
        means |= {f"{name}{WITH_TIME}": float(told[name].mean()) for name in ("HR@10", NDCG, MRR)}
    return {
        "model": row["model"],
        "status": "done",
        "HR@10": means.pop("HR@10"),
        NDCG: means.pop(NDCG),
        "ci": [interval.low, interval.high],
        **{name: row.get(name) for name in _KEPT},
        **means,
        "n": len(ranks),
        "reused": row["model"] in ran.reused,
    }


def _paired(rows: list[dict[str, Any]], ranks: Mapping[str, Any], request: Request) -> list[dict[str, Any]]:
    """Compare our model, or the best where ours is not among them, with each other one."""
    done = sorted((row for row in rows if row["status"] == "done"), key=lambda row: -row[NDCG])
    if len(done) < 2:
        return []
    ours = next((row["model"] for row in done if row["model"] == OURS), done[0]["model"])
    values = {row["model"]: figures(ranks[row["model"]][RANK].to_numpy()) for row in done}
    users, found = _users(ranks[ours]), []
    for other in (row["model"] for row in done if row["model"] != ours):
        for metric in _COMPARED.get(request.protocol, (NDCG,)):
            test = paired_test(values[ours][metric], values[other][metric], users, seed=request.seed)
            interval = {"difference": test.difference, "ci": [test.low, test.high], "p": test.p}
            found.append({"a": ours, "b": other, "metric": metric, **interval})
    return found


def _users(ranks: Any) -> Index:
    users: Index = ranks[USER].to_numpy()
    return users
