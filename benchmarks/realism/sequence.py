"""How much of a coming purchase the path tells: base rate, counts of event types, and counts with the path's order.

Run from the repository root: ``python benchmarks/realism/sequence.py``. Needs LightGBM and scikit-learn.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.metrics import log_loss, roc_auc_score

from cartpath.simulate import Dirt, simulate

USERS, DAYS, SEED, PREFIX = 40_000, 70, 2, 5


def load() -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        simulate(folder, USERS, DAYS, SEED, dirt=Dirt.none())
        told = pd.read_parquet(Path(folder) / "truth_users.parquet", columns=["user_id", "robot"])
        events = pq.read_table(
            Path(folder) / "events.parquet",
            columns=["user_id", "session_id", "ts", "event", "page", "item_id", "channel", "visit_number"],
        ).to_pandas()
    events = events[~events["user_id"].isin(told.loc[told["robot"], "user_id"])]
    return events.sort_values(["session_id", "ts"], kind="stable")


def features(events: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]:
    """Return counts, counts and path, label and start of each session of more than ``PREFIX`` events."""
    events = events.assign(
        k=events.groupby("session_id").cumcount(), gap=events.groupby("session_id")["ts"].diff().dt.total_seconds()
    )
    early = events[events["k"] < PREFIX]
    n = events.groupby("session_id").size()
    early = early[early["session_id"].map(n) > PREFIX]
    counts = pd.crosstab(early["session_id"], early["event"])
    bought = events.loc[(events["event"] == "purchase") & (events["k"] >= PREFIX), "session_id"].unique()
    path = counts.copy()
    by_place = early.set_index(["session_id", "k"])
    section = by_place["page"].str.extract(r"^(/[^/]+(?:/shipping|/returns)?)")[0].astype("category").cat.codes
    returned = early.duplicated(["session_id", "item_id"]) & early["item_id"].notna()
    path["returned"] = returned.groupby(early["session_id"]).sum()
    for k in range(PREFIX):
        path[f"event_{k}"] = by_place["event"].xs(k, level="k").astype("category").cat.codes
        path[f"page_{k}"] = section.xs(k, level="k")
        path[f"gap_{k}"] = by_place["gap"].xs(k, level="k")
    first = early[early["k"] == 0].set_index("session_id")
    path["channel"] = first["channel"].astype("category").cat.codes
    path["visit_number"] = first["visit_number"]
    label = pd.Series(counts.index.isin(bought), counts.index)
    return counts, path, label, first["ts"].loc[counts.index]


def score(x: pd.DataFrame, y: pd.Series, train: pd.Series) -> tuple[float, float]:
    model = lgb.LGBMClassifier(
        n_estimators=150, learning_rate=0.05, num_leaves=15, min_child_samples=50, n_jobs=2, verbose=-1, random_state=0
    )
    model.fit(x[train], y[train])
    p = model.predict_proba(x[~train])[:, 1]
    return log_loss(y[~train], p), roc_auc_score(y[~train], p)


def main() -> None:
    counts, path, label, start = features(load())
    train = start <= start.quantile(0.7)
    base = np.full((~train).sum(), label[train].mean())
    print(
        f"{len(label):,} sessions of more than {PREFIX} events, {label.mean():.2%} buy later; the last 30% are scored\n"
    )
    print("| after the 5th event | log loss | AUC |\n|---|---:|---:|")
    print(f"| base rate | {log_loss(label[~train], base):.4f} | .500 |")
    for name, x in (("counts of event types", counts), ("counts, order, pages, gaps, context", path)):
        loss, auc = score(x, label, train)
        print(f"| LightGBM: {name} | {loss:.4f} | {auc:.3f} |")


if __name__ == "__main__":
    main()
