"""Intent on the Google Merchandise Store's export: every model at several steps of the session, on the same sessions.

    python benchmarks/tasks/run.py --write [--models all] [--size small]

Train to 2016-09-11, validation to 09-18, calibration to 09-25, test to 10-09; pretrained on the training period alone.
The shop is kept in ``bench-data/tasks``: a second run goes on from what is fitted there.
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

HERE = Path(__file__).resolve().parent
EXPORT = Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data") / "ga360_merch"
DATES = {"train_until": "2016-09-11", "valid_until": "2016-09-18", "calibrate_until": "2016-09-25"}
ZONE = "America/Los_Angeles"
#: Assumed of a coupon: an order that it brings about earns 20, one order in ten is its doing, showing it costs .20.
COUPON = {"value": 20.0, "cost": 0.2, "uplift": 0.1}
SHOWN = (("auc", "AUC"), ("ap", "AP"), ("log_loss", "log loss"))


def told(message: str, share: float) -> None:
    """Say how far it is, on one line."""
    print(f"\r{share:4.0%} {message[:100]:100}", end="", file=sys.stderr, flush=True)


def shop_of(folder: Path, size: str, train_until: str = DATES["train_until"], minutes: float | None = None) -> Any:
    """Return the shop, ingested and pretrained if it is not there."""
    if not (folder / "cartpath.toml").exists():
        store.init(folder, config.Settings(shop=config.ShopSettings(ZONE)))
    shop = shops.open(folder)
    shop.ingest([str(EXPORT)], adapter="ga360")
    if not has_version(folder, "behaviour"):
        shop.pretrain(size=size, train_until=train_until, minutes=minutes, progress=told)
    return shop


def main() -> None:
    """Fit, judge, print; and with ``--write`` keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="all")
    parser.add_argument("--size", default="small")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shop", type=Path, default=measure.DATA / "tasks" / "ga360")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md and results/")
    asked = parser.parse_args()
    shop = shop_of(asked.shop, asked.size)
    if not has_version(asked.shop, "intent-behaviour-full"):
        shop.finetune("intent", method="full", seed=asked.seed, progress=told, **DATES)
    # The bar is to be as high as it gets: its usual choice is among three shapes of trees, this is among four.
    shop.search("intent", model="lightgbm", sampler="grid", over=["num_leaves"], trials=4, pruner="none", **DATES)
    more = {"by": ("channel", "device", "country", "returning"), **COUPON}
    result = shop.evaluate("intent", None, asked.seed, told, models=asked.models, **more)["intent"]
    text = report(result)
    print(f"\n{text}")
    if asked.write:
        (HERE / "results").mkdir(exist_ok=True)
        for model in result["profit"]["models"]:  # thousands of points, which the same command gives again
            model.pop("curve")
        (HERE / "results" / "intent.json").write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
        measure.write_section(HERE / "README.md", "intent", text)


def report(result: dict[str, Any]) -> str:
    """Return the tables of a result, one a step."""
    parts = []
    for step in sorted({row["k"] for row in result["results"]}):
        rows = [row for row in result["results"] if row["k"] == step]
        known = next(row for row in rows if "n" in row)
        parts.append(f"**Step {step}**: {known['n']:,} sessions, {known['positives']:,} of them with a purchase later.")
        head = [
            "",
            *(name for _, name in SHOWN),
            "ECE",
            "less chance",
            "precision",
            "recall",
            "F1",
            "p of AUC",
            "p of AP",
        ]
        parts.append(measure.table([*head, "fit, s"], [cells(row, result["paired"]) for row in rows]))
    best = (
        f"Best by the calibration slice: {result['best']}. p is of the difference to LightGBM, over draws of visitors."
    )
    return "\n\n".join([*parts, best, measure.machine(("numpy", "torch", "transformers", "lightgbm"))])


def cells(row: dict[str, Any], paired: list[dict[str, Any]]) -> list[str]:
    """Return a row of a table."""
    if "error" in row:
        return [row["model"], f"failed: {row['error']}", *[""] * 10]
    figures = [f"{row[name]:.4f} ({row[f'{name}_ci'][0]:.3f}-{row[f'{name}_ci'][1]:.3f})" for name, _ in SHOWN]
    errors = [f"{row['ece']:.4f}", f"{row['ece_debiased']:.4f}"]
    at = ["-" if row[name] is None else f"{row[name]:.3f}" for name in ("precision", "recall", "f1")]
    p = {
        pair["metric"]: pair["p"]
        for pair in paired
        if (pair["a"], pair["b"], pair["k"]) == (row["model"], "lightgbm", row["k"])
    }
    tests = ["-" if p.get(name) is None else f"{p[name]:.3f}" for name in ("auc", "ap")]
    return [row["model"], *figures, *errors, *at, *tests, f"{row['seconds'] or 0:,.0f}"]


if __name__ == "__main__":
    main()
