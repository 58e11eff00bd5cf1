"""A tabular reference row for intent: UCI's online shoppers, a row a session, without paths.

    python benchmarks/tasks/shoppers.py --write

Judged twice: on months after those learned from, as far as the file says when a session was, and on sessions drawn at
random, as papers do; each with and without PageValues, which knows how the session ended.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import lightgbm
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from benchmarks import measure
from cartpath.evaluation import calibration_error, drawn_discrimination, log_loss, mean_interval
from cartpath.evaluation.likelihood import log_losses
from cartpath.models import choose_calibrator, logit

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data")
FILE = SHARED / "uci_online_shoppers" / "online_shoppers_intention.csv"
ANSWER, LEAK, MONTH = "Revenue", "PageValues", "Month"
CATEGORIES = ("OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType", "Weekend", MONTH)
#: In the order of the year; the file has no other time.
SLICES = {"train": "Feb Mar May June Jul", "validation": "Aug Sep", "calibration": "Oct", "test": "Nov Dec"}
DRAWS = 2000
SHARES = (0.5, 0.6, 0.7)
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
SHAPES = [{"num_leaves": leaves, "min_data_in_leaf": least} for leaves in (7, 15, 31) for least in (20, 60)]
FIGURES = (("auc", "AUC"), ("ap", "AP"), ("log_loss", "log loss"))
Slices = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Fitted:
    """Log odds of the calibration and the test slice, and what was chosen on validation."""

    calibration: np.ndarray
    test: np.ndarray
    chosen: dict[str, Any]


def in_time(sessions: pd.DataFrame) -> Slices:
    return {name: sessions[sessions[MONTH].isin(months.split())].drop(columns=MONTH) for name, months in SLICES.items()}


def at_random(sessions: pd.DataFrame) -> Slices:
    drawn = np.random.default_rng(0).permutation(len(sessions))
    parts = np.split(drawn, [int(share * len(sessions)) for share in SHARES])
    return {name: sessions.iloc[np.sort(rows)] for name, rows in zip(SLICES, parts, strict=True)}


def logistic(slices: Slices, columns: list[str]) -> Fitted:
    """Skewed numbers as logarithms, on one scale; a column a category of training."""
    train = slices["train"]
    numbers = [name for name in columns if name not in CATEGORIES]
    values = [(name, of) for name in columns if name in CATEGORIES for of in sorted(train[name].unique())]
    mean, spread = (of(np.log1p(train[numbers].to_numpy(float)), axis=0) for of in (np.mean, np.std))

    def design(part: pd.DataFrame) -> np.ndarray:
        scaled = (np.log1p(part[numbers].to_numpy(float)) - mean) / spread
        return np.column_stack([scaled, *(part[name] == of for name, of in values)])

    tried = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=2000).fit(design(train), train[ANSWER])
        told = model.predict_proba(design(slices["validation"]))[:, 1]
        tried.append((log_loss(slices["validation"][ANSWER].to_numpy(), told), strength, model))
    _, strength, model = min(tried, key=lambda found: found[:2])
    odds = [model.decision_function(design(slices[name])) for name in ("calibration", "test")]
    return Fitted(*odds, {"C": strength})


def boosted(slices: Slices, columns: list[str]) -> Fitted:
    """Shape and number of trees by the log loss of validation."""
    kinds = {
        name: pd.CategoricalDtype(sorted(slices["train"][name].unique())) for name in columns if name in CATEGORIES
    }
    tables = {name: part[columns].astype(kinds) for name, part in slices.items()}
    learned, checked = (
        lightgbm.Dataset(tables[name], slices[name][ANSWER].astype(int), free_raw_data=False)
        for name in ("train", "validation")
    )
    tried = []
    for number, shape in enumerate(SHAPES):
        settings = {
            "objective": "binary", "learning_rate": 0.03, "feature_fraction": 0.7, "bagging_fraction": 0.8,
            "bagging_freq": 1, "lambda_l2": 5.0, "seed": 0, "deterministic": True, "num_threads": 1, "verbosity": -1,
        }  # fmt: skip
        stop = [lightgbm.early_stopping(60, verbose=False)]
        trees = lightgbm.train({**settings, **shape}, learned, 1500, valid_sets=[checked], callbacks=stop)
        tried.append((trees.best_score["valid_0"]["binary_logloss"], number, trees))
    _, number, trees = min(tried, key=lambda found: found[:2])
    odds = [logit(np.asarray(trees.predict(tables[name]), float)) for name in ("calibration", "test")]
    return Fitted(*odds, {**SHAPES[number], "trees": trees.best_iteration})


MODELS = {"logistic regression": logistic, "LightGBM": boosted}


def judged(slices: Slices, fitted: Fitted) -> tuple[dict[str, Any], Any]:
    """Calibrate on its slice, and measure on the test slice; every row is a user, as the file's authors say."""
    labels = {name: slices[name][ANSWER].to_numpy(np.int8) for name in ("calibration", "test")}
    rows = np.arange(len(labels["calibration"]))
    chosen = choose_calibrator(fitted.calibration, labels["calibration"], rows)
    p, truth = chosen.calibrator.apply(fitted.test), labels["test"]
    drawn = drawn_discrimination(truth, fitted.test, draws=DRAWS)
    loss = mean_interval(log_losses(truth, p), np.arange(len(p)), DRAWS)
    found = dict(
        zip(("auc", "ap", "log_loss"), (asdict(of) for of in (*(d.interval for d in drawn), loss)), strict=True)
    )
    error = calibration_error(truth, p).to_dict()
    return {**found, "ece": error, "calibration": chosen.calibrator.to_dict()["kind"], "chosen": fitted.chosen}, drawn


def compared(sessions: pd.DataFrame, split: str, with_leak: bool) -> dict[str, Any]:
    """Fit and judge all models on one split and set of columns, and pair them."""
    slices = in_time(sessions) if split == "time" else at_random(sessions)
    columns = [name for name in slices["train"] if name != ANSWER and (with_leak or name != LEAK)]
    rows, draws = [], {}
    for name, fit in MODELS.items():
        found, draws[name] = judged(slices, fit(slices, columns))
        rows.append({"model": name, **found})
    ours, theirs = draws["LightGBM"], draws["logistic regression"]
    paired = {name: asdict(a.less(b)) for name, a, b in zip(("auc", "ap"), ours, theirs, strict=True)}
    sizes = {name: [len(part), int(part[ANSWER].sum())] for name, part in slices.items()}
    return {"split": split, "page_values": with_leak, "slices": sizes, "results": rows, "paired": paired}


def cells(part: dict[str, Any], row: dict[str, Any]) -> list[str]:
    figures = [f"{row[name]['value']:.4f} ({row[name]['low']:.3f}-{row[name]['high']:.3f})" for name, _ in FIGURES]
    error = row["ece"]
    p = [f"{part['paired'][name]['p']:.3f}" if row["model"] == "LightGBM" else "-" for name in ("auc", "ap")]
    head = [row["model"], part["split"], "yes" if part["page_values"] else "no"]
    return [*head, *figures, f"{error['value']:.4f} ({error['low']:.3f}-{error['high']:.3f})", *p]


def report(parts: list[dict[str, Any]]) -> str:
    head = ["model", "split", "PageValues", *(name for _, name in FIGURES), "ECE", "p of AUC", "p of AP"]
    rows = [cells(part, row) for part in parts for row in part["results"]]
    sizes = []
    for part in parts[::2]:
        counts = "; ".join(f"{name} {n:,} ({bought:,})" for name, (n, bought) in part["slices"].items())
        sizes.append(f"Sessions (with a purchase), split by {part['split']}: {counts}.")
    tests = "p is of the difference to logistic regression, over 2,000 draws of sessions."
    machine = measure.machine(("numpy", "scikit-learn", "lightgbm"))
    return "\n\n".join([measure.table(head, rows), " ".join([*sizes, tests]), machine])


def main() -> None:
    """Fit, judge, print; and with ``--write`` keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into README.md and results/")
    asked = parser.parse_args()
    sessions = pd.read_csv(FILE, sep=";")
    parts = [compared(sessions, split, leak) for split in ("time", "random") for leak in (True, False)]
    text = report(parts)
    print(text)
    if asked.write:
        (HERE / "results").mkdir(exist_ok=True)
        (HERE / "results" / "shoppers.json").write_text(json.dumps(parts, indent=1, sort_keys=True) + "\n")
        measure.write_section(HERE / "README.md", "shoppers", text)


if __name__ == "__main__":
    main()
