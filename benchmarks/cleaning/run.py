"""Rules of cleaning: precision and recall on planted dirt, what they would do to real data, and what they cost.

Run from the repository root::

    python benchmarks/cleaning/run.py planted --write    # simulated shops with known dirt
    python benchmarks/cleaning/run.py real --write       # the Google Analytics export and Online Retail
    python benchmarks/cleaning/run.py cost --write       # time a million events

Without ``--write`` the tables are printed only.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import measure
from benchmarks.cleaning.dirt import RULES, Score, Shop, cleaned, imputation_error, rates, scores, shop
from cartpath import store
from cartpath.config import CleaningSettings
from cartpath.ingest import ingest
from cartpath.ingest.cleaning import apply, fit
from cartpath.ingest.doctor.diagnosis import diagnose

SEEDS, LEVELS = (1, 2, 3), (1.0, 5.0)
USERS, DAYS = 20_000, 60
HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("CARTPATH_DATA") or HERE.parents[1].parent / "shared" / "data")
ONLINE_RETAIL = {
    "user_id": "CustomerID", "ts": "InvoiceDate", "event": "=purchase", "item_id": "StockCode", "price": "UnitPrice",
    "quantity": "Quantity", "order_id": "InvoiceNo",
}  # fmt: skip


def main() -> None:
    """Run one part and print its tables."""
    parts: dict[str, Callable[[], str]] = {"planted": planted, "real": real, "cost": cost}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=list(parts), nargs="?", default="cost")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    asked = parser.parse_args()
    text = f"{parts[asked.part]()}\n\n{measure.machine(['numpy', 'numba', 'pyarrow'])}"
    print(text)
    if asked.write:
        measure.write_section(HERE / "README.md", asked.part, text)


def planted() -> str:
    """Precision and recall of each rule at two levels of dirt, summed over the seeds."""
    found: dict[tuple[float, str], list[Score]] = {}
    methods: dict[tuple[float, str, str], list[Score]] = {}
    errors: dict[tuple[float, str, str], list[tuple[int, float, float]]] = {}
    events: dict[float, int] = {}
    for level in LEVELS:
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                one = shop(Path(folder), USERS, DAYS, seed, rates(level))
            events[level] = events.get(level, 0) + sum(len(run) for run in one.runs)
            for score in scores(one, cleaned(one, CleaningSettings(**RULES))[0]):
                found.setdefault((level, score.rule), []).append(score)
            _methods(one, level, methods)
            _imputation(one, level, errors)
    head = ["rule", "dirt", "planted", "found", "right", "precision", "recall"]
    tables = [measure.table(head, [_line(rule, level, own) for (level, rule), own in found.items()])]
    head = ["method", "by", *head]
    lines = [
        [*name.split(" "), *_line(rule, level, own)] for (level, name, rule), own in methods.items() if level == 5.0
    ]
    tables.append(measure.table(head, lines))
    head = ["put in", "by", "dirt", "prices", "median error", "mean error"]
    tables.append(measure.table(head, [_error(*key, own) for key, own in errors.items()]))
    how_many = ", ".join(f"{n:,} events at dirt x{level:g}" for level, n in events.items())
    return "\n\n".join([f"Seeds {SEEDS}, {USERS:,} users, {DAYS} days each: {how_many}.", *tables])


def _line(rule: str, level: float, own: list[Score]) -> list[str]:
    total = Score(rule, *(sum(getattr(score, name) for score in own) for name in ("planted", "found", "right")))
    counts = [f"{total.planted:,}", f"{total.found:,}", f"{total.right:,}"]
    return [rule, f"x{level:g}", *counts, f"{total.precision:.4f}", f"{total.recall:.4f}"]


def _methods(one: Shop, level: float, into: dict[tuple[float, str, str], list[Score]]) -> None:
    for method in ("robust_z", "zscore", "iqr"):
        for by in ("item", "all"):
            rules = {column: {"method": method, "by": by} for column in ("price", "quantity", "dwell")}
            done, _ = cleaned(one, CleaningSettings(outliers=rules))
            for score in scores(one, done)[1:4]:
                if by == "item" or not score.rule.startswith("dwell"):
                    into.setdefault((level, f"{method} {by}", score.rule), []).append(score)


def _imputation(one: Shop, level: float, into: dict[tuple[float, str, str], list[tuple[int, float, float]]]) -> None:
    for method in ("median", "mean", "random"):
        for by in ("item", "all"):
            missing = {"price": method, "by": by}
            rules = CleaningSettings(missing=missing, outliers={"price": {"action": "blank"}})
            into.setdefault((level, method, by), []).append(imputation_error(one, cleaned(one, rules)[0]))


def _error(level: float, method: str, by: str, own: list[tuple[int, float, float]]) -> list[str]:
    n = sum(count for count, _, _ in own)
    middle, mean = (sum(own[i][0] * own[i][at] for i in range(len(own))) / n for at in (1, 2))
    return [method, by, f"x{level:g}", f"{n:,}", f"{middle:.1%}", f"{mean:.1%}"]


def real() -> str:
    """What doctor says the rules would do to real data."""
    tables = []
    for name, adapter, mapping in (("ga360_merch", "ga360", {}), ("online_retail", "generic", ONLINE_RETAIL)):
        with tempfile.TemporaryDirectory() as folder:
            workspace = Path(folder) / "shop"
            store.init(workspace)
            done = ingest(workspace, [str(source_of(name))], adapter=adapter, mapping=mapping)
            found = [f for f in diagnose(workspace).findings if f.check.startswith("cleaning_")]
        lines = [[f.check.removeprefix("cleaning_"), f"{f.n:,}", f"{f.of:,}", f.unit, _limits(f.detail)] for f in found]
        head = ["rule", "would change", "of", "", "bounds where an item has none of its own"]
        reasons = ", ".join(f"{n:,} {why}" for why, n in done.reasons.items()) or "none"
        tables.append(
            f"`{name}`: {done.read:,} read, {done.stored:,} stored, {done.duplicates:,} duplicates, "
            f"{done.quarantined:,} quarantined ({reasons}).\n\n{measure.table(head, sorted(lines))}"
        )
    return "\n\n".join(tables)


def _limits(detail: dict[str, object]) -> str:
    low, high = detail.get("low"), detail.get("high")
    return f"{low:.3g} to {high:,.5g}" if isinstance(low, float) and isinstance(high, float) else ""


def source_of(name: str) -> Path:
    """Return what to ingest of a real data set."""
    folder = DATA / name
    return next(iter(sorted(folder.glob("onlineretail.*"))), folder)


def cost() -> str:
    """Seconds a million events, on one core: fitting and applying, rule by rule and all together."""
    with tempfile.TemporaryDirectory() as folder:
        one = shop(Path(folder), 40_000, 70, 1, rates(1.0))
    n = sum(len(run) for run in one.runs)
    cases: dict[str, dict[str, object]] = {
        "all off": {},
        "missing prices": {"missing": {"price": "median"}},
        "missing prices, drawn": {"missing": {"price": "random"}},
        "outliers of price": {"outliers": {"price": {}}},
        "outliers of dwell": {"outliers": {"dwell": {}}},
        "near duplicates": {"near_duplicates": "drop"},
        "robots": {"robots": "drop"},
        "clock skew": {"clock_skew": "1h"},
        "all on": {**RULES, "robots": "drop"},
        "all on, until the middle": {**RULES, "robots": "drop", "until": "2024-02-05"},
    }
    lines = []
    for name, rules in cases.items():
        settings = CleaningSettings(**rules)
        fits, applies = zip(*(_timed(one, settings) for _ in range(4)), strict=True)
        lines.append([name, f"{median(fits[1:]) / n * 1e6:.2f}", f"{median(applies[1:]) / n * 1e6:.2f}"])
    told = f"{n:,} simulated events in 8 buckets, one core, median of three after a first that compiles."
    return f"{told}\n\n{measure.table(['rules', 'fit, s a million', 'apply, s a million'], lines)}"


def _timed(one: Shop, settings: CleaningSettings) -> tuple[float, float]:
    began = time.perf_counter()
    plan = fit(one.runs, settings, one.events, one.gap)
    fitted = time.perf_counter()
    for run in one.runs:
        apply(run, plan, one.gap, one.events)
    return fitted - began, time.perf_counter() - fitted


if __name__ == "__main__":
    main()
