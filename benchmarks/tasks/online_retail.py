"""Churn and spend of the buyers of Online Retail, at 30 and 90 days: every model on the same users, later in time.

    python benchmarks/tasks/online_retail.py --write [--horizons 30d,90d] [--models all] [--size small] [--minutes 2]

Churn is no purchase within the horizon. 30 days: train to 2011-08-11, validation to 09-10, calibration to 10-10, test
to the end. The year has no room for four slices of 90 days: there what is said of a user comes from a calibration on
other users of the calibration slice, from 09-10 to the end. Each shop is pretrained on its training period alone; it is
kept in ``bench-data/tasks``, so that a second run goes on from what is fitted there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import measure
from cartpath import config, store
from cartpath import shop as shops
from cartpath.models import has_version
from cartpath.training.intent.registry import METHODS

HERE = Path(__file__).resolve().parent
LOG = Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data") / "online_retail"
ZONE = "Europe/London"
#: The slices of each horizon, and from one cut-off to the next.
DATES: dict[str, dict[str, str]] = {
    "30d": {"train_until": "2011-08-11", "valid_until": "2011-09-10", "calibrate_until": "2011-10-10", "step": "30d"},
    "90d": {"train_until": "2011-06-12", "valid_until": "2011-09-10", "step": "30d"},
}
TASKS: dict[str, dict[str, str]] = {"churn": {"event": "purchase"}, "spend": {}}
LABELS = (("auc", "AUC"), ("ap", "AP"), ("log_loss", "log loss"), ("ece", "ECE"))
AMOUNTS = (("rmse", "RMSE"), ("mae", "MAE, £"), ("r2", "R²"), ("coverage", "coverage"))


def told(message: str, share: float) -> None:
    """Say how far it is, on one line."""
    print(f"\r{share:4.0%} {message[:100]:100}", end="", file=sys.stderr, flush=True)


def shop_of(folder: Path, size: str, dates: dict[str, str], minutes: float | None = None) -> Any:
    """Return the shop, ingested and pretrained if it is not there."""
    if not (folder / "cartpath.toml").exists():
        store.init(folder, config.Settings(shop=config.ShopSettings(ZONE)))
    shop = shops.open(folder)
    shop.ingest([str(LOG)], adapter="online_retail")
    if not has_version(folder, "behaviour"):
        shop.pretrain(size=size, train_until=dates["train_until"], minutes=minutes, progress=told)
    return shop


def judged(shop: Any, horizon: str, task: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Fit every model of a task at a horizon, and judge them."""
    methods = [
        method for method in METHODS if asked.models == "all" or f"behaviour-{method}" in asked.models.split(",")
    ]
    question = {"horizon": horizon, **TASKS[task], **DATES[horizon]}
    for method in methods:
        if not has_version(shop.path, f"{task}-behaviour-{method}"):
            shop.finetune(task, method=method, minutes=asked.minutes, seed=asked.seed, progress=told, **question)
    limits = {"models": asked.models, "minutes": asked.minutes}
    result: dict[str, Any] = shop.evaluate(task, None, asked.seed, told, **limits, **question)
    return dict(result[task])


def main() -> None:
    """Fit, judge, print; and with ``--write`` keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--horizons", default=",".join(DATES))
    parser.add_argument("--models", default="all")
    parser.add_argument("--size", default="small")
    parser.add_argument("--pretrain-minutes", type=float, default=8.0)
    parser.add_argument("--minutes", type=float, default=2.0, help="longest to fit each network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shops", type=Path, default=measure.DATA / "tasks")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md and results/")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    for horizon in asked.horizons.split(","):
        shop = shop_of(asked.shops / f"online-retail-{horizon}", asked.size, DATES[horizon], asked.pretrain_minutes)
        for task in TASKS:
            found[f"{task}_{horizon}"] = judged(shop, horizon, task, asked)
    text = "\n\n".join([*(report(result) for result in found.values()), closing(asked)])
    print(f"\n{text}")
    if asked.write:
        (HERE / "results").mkdir(exist_ok=True)
        (HERE / "results" / "online_retail.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        measure.write_section(HERE / "README.md", "online retail", text)


def report(result: dict[str, Any]) -> str:
    """Return the table of a task at a horizon."""
    of_amounts = result["task"] == "spend"
    what = "spent something" if of_amounts else "did not buy"
    head = (
        f"**{result['task'].capitalize()}, {result['asked']['horizon']}**: {result['slice']} slice,"
        f" {result['n']:,} rows of {result['users']:,} users at {result['cutoffs']} cut-off(s),"
        f" {result['positives']:,} {what}. Best by the calibration slice: {result['best']}."
    )
    shown = AMOUNTS if of_amounts else LABELS
    more = ("Spearman", "width, £") if of_amounts else ("F1",)
    tests = ("p of MSE, LightGBM", "p of MSE, RFM") if of_amounts else ("p of AUC, LightGBM", "p of AUC, RFM")
    names = ["", *(name for _, name in shown), *more, *tests, "fit, s"]
    return f"{head}\n\n{measure.table(names, [cells(row, result['paired'], shown) for row in result['results']])}"


def cells(row: dict[str, Any], paired: list[dict[str, Any]], shown: tuple[tuple[str, str], ...]) -> list[str]:
    """Return a row of a table."""
    of_amounts = shown is AMOUNTS
    more = ("spearman", "interval_width") if of_amounts else ("f1",)
    if "error" in row:
        return [row["model"], f"failed: {row['error']}", *[""] * (len(shown) + len(more) + 2)]
    figures = [interval(row, name) for name, _ in shown]
    figures += ["-" if row[name] is None else f"{row[name]:.3g}" for name in more]
    metric = "mse" if of_amounts else "auc"
    for bar in ("lightgbm", "rfm"):
        p = [pair["p"] for pair in paired if (pair["a"], pair["b"], pair["metric"]) == (row["model"], bar, metric)]
        figures.append("-" if not p or p[0] is None else f"{p[0]:.3f}")
    return [row["model"], *figures, f"{row['seconds'] or 0:,.0f}"]


def interval(row: dict[str, Any], name: str) -> str:
    """Return a figure with its interval."""
    low, high = row[f"{name}_ci"]
    digits = 1 if name == "mae" else 3
    return f"{row[name]:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def closing(asked: argparse.Namespace) -> str:
    """Say how it was measured."""
    words = (
        "RMSE and R² on log(1 + £); coverage of intervals meant to hold 90 %, their width the median."
        f" Intervals and p over draws of users; networks of size {asked.size}, {asked.minutes:g} minutes each at most."
    )
    return f"{words}\n\n{measure.machine(('numpy', 'torch', 'transformers', 'lightgbm'))}"


if __name__ == "__main__":
    main()
