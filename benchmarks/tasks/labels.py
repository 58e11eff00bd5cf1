"""The value of pretraining: purchase intent learned from 1, 10 and 100 percent of the labels.

    python benchmarks/tasks/labels.py --write [--seeds 5] [--shop FOLDER]

Of the shop of ``run.py`` (the Google Merchandise Store's export, pretrained on the training period without labels) a
share of the visitors of the training slice is drawn, another draw for each seed, and the labels of their sessions alone
are learned from: by the pretrained model fine-tuned whole, by the same network from random weights, and by LightGBM on
the features. How long to train and the shape of trees are chosen on the whole validation slice; judged is test.
A row is written as soon as it is there, so a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import measure
from benchmarks.tasks.run import HERE, shop_of
from cartpath.evaluation import average_precision, roc_auc
from cartpath.models.intent import tree_features
from cartpath.store.files import write_json
from cartpath.tasks import STEPS, IntentRows
from cartpath.training.data import open_log
from cartpath.training.intent.finetune import open_job
from cartpath.training.intent.job import Fitted, Job, Options
from cartpath.training.intent.registry import RECIPES

SHARES = (0.01, 0.1, 1.0)
MODELS = {"behaviour-full": "pretrained, fine-tuned", "transformer": "the same, from scratch", "lightgbm": "LightGBM"}
#: Passes at most where there are few labels, in which a pass has few steps; of all of them what is usual.
EPOCHS = {0.01: 40, 0.1: 16}
RESULTS = HERE / "results" / "labels.json"


def main() -> None:
    """Fit what is missing, print the table, and with ``--write`` keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", type=Path, default=measure.DATA / "tasks" / "ga360")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shares", type=float, nargs="+", default=list(SHARES))
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    asked = parser.parse_args()
    shop_of(asked.shop, "small")
    found: list[dict[str, Any]] = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    known = {(row["share"], row["seed"], row["model"]) for row in found}
    wanted = [(share, seed, model) for share in asked.shares for seed in range(asked.seeds) for model in asked.models]
    with open_log(asked.shop) as log:
        job = open_job(asked.shop, log, Options())
        tables = Tables(job)
        for share, seed, model in wanted:
            if (share, seed, model) not in known:
                found.append(row_of(job, tables, share, seed, model, asked.shop / "labels"))
                print(json.dumps(found[-1]), file=sys.stderr, flush=True)
                write_json(RESULTS, {"rows": found})
    text = report(found)
    print(text)
    if asked.write:
        measure.write_section(HERE / "README.md", "labels", text)


class Tables:
    """Features of all rows, made once.

    Parameters
    ----------
    job : Job
    """

    def __init__(self, job: Job) -> None:
        self._job, self._made = job, {}

    def of(self, name: str, rows: IntentRows) -> Any:
        """Return the features of rows, made before if the name was asked for."""
        if name not in self._made:
            self._made[name] = tree_features(self._job.data.log, self._job.encoder, rows.ends, None, self._job.zone)
        return self._made[name]


def row_of(job: Job, tables: Tables, share: float, seed: int, model: str, folder: Path) -> dict[str, Any]:
    """Fit one model on one draw of visitors, and judge it at every step."""
    rows, began = job.data.rows, time.process_time()
    users = np.random.default_rng([seed, 17]).permutation(job.data.log.view.n_users)
    drawn = np.zeros(len(users), bool)
    drawn[users[: round(share * len(users))]] = True
    kept = np.flatnonzero((rows.slice != 0) | drawn[rows.user])
    data = replace(job.data, rows=rows.take(kept))
    options = Options(EPOCHS.get(share), seed=seed, resume=False)
    mine = job.variant(data=data, options=options, checkpoints=folder)
    if model == "lightgbm":
        train = job.data.learned_from(0)
        whole, places = tables.of("train", train), np.flatnonzero(drawn[train.user])
        mine.kept = {
            "features, plain train": replace(whole, values=whole.values[places]),
            "features, plain valid": tables.of("valid", job.data.chosen_by()),
        }
    fitted = RECIPES[model].fit(mine, lambda message, share: None)
    learned = data.rows.of("train")
    about = {"share": share, "seed": seed, "model": model, "rows": len(learned), "positives": int(learned.label.sum())}
    sessions = len(np.unique(learned.session))
    return {**about, "sessions": sessions, **judged(job, tables, fitted, model), "cpu": time.process_time() - began}


def judged(job: Job, tables: Tables, fitted: Fitted, model: str) -> dict[str, Any]:
    """Return AUC and average precision on test, by step."""
    rows = job.data.chosen_by("test")
    if model == "lightgbm":
        scores = np.asarray(fitted.model.trees.predict(tables.of("test", rows).values, raw_score=True))
    else:
        scores = fitted.model.logits(job.data.log, rows.ends)
    found = {}
    for step in STEPS:
        at = rows.step == step
        found[f"auc@{step}"] = float(roc_auc(rows.label[at], scores[at]))
        found[f"ap@{step}"] = float(average_precision(rows.label[at], scores[at]))
    return found


def report(found: list[dict[str, Any]]) -> str:
    """Return the table: mean and standard deviation over the draws."""
    head = ["labels", "model", "sessions", "positive steps", "draws"]
    head += [f"{name} at {step}" for name in ("AUC", "AP") for step in STEPS] + ["CPU s"]
    table = []
    for share in sorted({row["share"] for row in found}):
        for model, name in MODELS.items():
            mine = [row for row in found if (row["share"], row["model"]) == (share, model)]
            if mine:
                about = [f"{mean(row[name] for row in mine):,.0f}" for name in ("sessions", "positives")]
                figures = [spread(mine, f"{kind}@{step}") for kind in ("auc", "ap") for step in STEPS]
                seconds = f"{mean(row['cpu'] for row in mine):,.0f}"
                table.append([f"{share:.0%}", name, *about, str(len(mine)), *figures, seconds])
    return "\n\n".join([measure.table(head, table), measure.machine(("torch", "transformers", "lightgbm"))])


def spread(rows: list[dict[str, Any]], name: str) -> str:
    """Return mean and standard deviation of a figure."""
    values = [row[name] for row in rows]
    return f"{mean(values):.3f} ± {stdev(values) if len(values) > 1 else 0:.3f}"


if __name__ == "__main__":
    main()
