"""Who comes back to the Google Merchandise Store within 14 days: every model on the same visitors, later in time.

    python benchmarks/tasks/returning.py --write [--models all] [--size small] [--minutes 4]

Churn of visits, so the answer that is predicted is that nobody comes back. Each slice must have room for the horizon,
which the dates of ``run.py`` have not: train to 2016-08-28, validation to 09-11, calibration to 09-25, test to 10-09.
Pretrained on the training period alone. Visitors are asked about daily in training, and at the one moment of each later
slice from which 14 days fit. The shop is kept in ``bench-data/tasks``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import measure
from benchmarks.tasks import run
from benchmarks.tasks.online_retail import LABELS, cells
from cartpath.models import has_version
from cartpath.training.intent.registry import METHODS

HERE = run.HERE
DATES = {"train_until": "2016-08-28", "valid_until": "2016-09-11", "calibrate_until": "2016-09-25", "step": "1d"}
QUESTION = {"horizon": "14d", "event": "visit", "active_within": "14d", **DATES}


def main() -> None:
    """Fit, judge, print; and with ``--write`` keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="all")
    parser.add_argument("--size", default="small")
    parser.add_argument("--pretrain-minutes", type=float, default=15.0)
    parser.add_argument("--minutes", type=float, default=4.0, help="longest to fit each network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shop", type=Path, default=measure.DATA / "tasks" / "ga360-14d")
    parser.add_argument("--write", action="store_true", help="put the table into README.md and results/")
    asked = parser.parse_args()
    shop = run.shop_of(asked.shop, asked.size, DATES["train_until"], asked.pretrain_minutes)
    for method in METHODS:
        wanted = asked.models == "all" or f"behaviour-{method}" in asked.models.split(",")
        if wanted and not has_version(asked.shop, f"churn-behaviour-{method}"):
            shop.finetune("churn", method=method, minutes=asked.minutes, seed=asked.seed, progress=run.told, **QUESTION)
    limits = {"models": asked.models, "minutes": asked.minutes}
    result = dict(shop.evaluate("churn", None, asked.seed, run.told, **limits, **QUESTION)["churn"])
    text = report(result, asked)
    print(f"\n{text}")
    if asked.write:
        (HERE / "results").mkdir(exist_ok=True)
        (HERE / "results" / "returning.json").write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
        measure.write_section(HERE / "README.md", "returning", text)


def report(result: dict[str, Any], asked: argparse.Namespace) -> str:
    """Return the table."""
    head = (
        f"**Not back within 14 days**: {result['slice']} slice, {result['n']:,} rows of {result['users']:,} visitors at"
        f" {result['cutoffs']} cut-off(s), {result['n'] - result['positives']:,} came back. Best by the calibration"
        f" slice: {result['best']}."
    )
    names = ["", *(name for _, name in LABELS), "F1", "p of AUC, LightGBM", "p of AUC, RFM", "fit, s"]
    table = measure.table(names, [cells(row, result["paired"], LABELS) for row in result["results"]])
    words = (
        f"Intervals and p over draws of visitors; network of size {asked.size}, pretrained"
        f" {asked.pretrain_minutes:g} minutes at most, each fit {asked.minutes:g}."
    )
    return f"{head}\n\n{table}\n\n{words}\n\n{measure.machine(('numpy', 'torch', 'transformers', 'lightgbm'))}"


if __name__ == "__main__":
    main()
