"""Our ranks and metrics beside those of RecTools, and of the peers' judge, on scores made at random.

    python benchmarks/next_item/check_metrics.py

Run with our Python; it calls RecTools in its own environment (made in bench-data/envs, or --envs FOLDER) with the lists
that a stable sort of the scores gives, and prints the largest differences; ``--write`` puts them into README.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent / "peers")]
KS = (1, 5, 10, 20)
USERS, ITEMS = 3000, 400


def made_up(seed: int) -> dict[str, Any]:
    """Scores with many ties, an answer and some items to leave out for each user."""
    rng = np.random.default_rng(seed)
    scores = (np.round(rng.normal(size=(USERS, ITEMS)) * 8) / 8).astype(np.float32)
    truth = rng.integers(0, ITEMS, USERS)
    # Most answers are near the top, or no list would have them.
    scores[np.arange(USERS), truth] += rng.integers(0, 32, USERS) / 8
    seen = rng.integers(0, ITEMS, (USERS, 12))
    return {"scores": scores, "truth": truth, "seen": seen}


def lists(made: dict[str, Any]) -> np.ndarray:
    """Return each user's items from the highest score down, by a plain stable sort."""
    scores = made["scores"].copy()
    rows = np.arange(USERS)
    true = scores[rows, made["truth"]].copy()
    scores[rows[:, None], made["seen"]] = -np.inf
    scores[rows, made["truth"]] = true
    return np.argsort(-scores, axis=1, kind="stable")[:, : max(KS)]


def by_us(made: dict[str, Any]) -> dict[str, list[float]]:
    from judging import ndcg_10, ranks

    from cartpath.evaluation.ranks import hit_rate, ndcg_at, rank_of, reciprocal

    rows = np.repeat(np.arange(USERS), made["seen"].shape[1])
    places = rank_of(made["scores"], made["truth"], (rows, made["seen"].ravel()))
    assert np.array_equal(places, ranks(made["scores"], made["truth"], made["seen"])), "the peers' judge differs"
    assert np.isclose(ndcg_10(places), ndcg_at(places, 10).mean(), atol=1e-12)
    return {
        **{f"HitRate@{k}": hit_rate(places, k).tolist() for k in KS},
        **{f"NDCG@{k}": ndcg_at(places, k).tolist() for k in KS},
        **{f"MRR@{k}": reciprocal(places, k).tolist() for k in KS},
    }


def by_rectools(file: Path) -> dict[str, Any]:
    """Run in RecTools' environment: its metrics by user, of lists and answers."""
    import pandas as pd
    import rectools
    from rectools import Columns
    from rectools.metrics import MRR, NDCG, HitRate

    with np.load(file) as held:
        shown, truth = held["lists"], held["truth"]
    n, k = shown.shape
    places = np.tile(np.arange(1, k + 1), n)
    reco = pd.DataFrame({Columns.User: np.repeat(np.arange(n), k), Columns.Item: shown.ravel(), Columns.Rank: places})
    true = pd.DataFrame({Columns.User: np.arange(n), Columns.Item: truth})
    metrics = {
        **{f"HitRate@{k}": HitRate(k) for k in KS},
        # By default RecTools' ideal list has k relevant items, whatever there are; the best there can be has gain 1.
        **{f"NDCG@{k}": NDCG(k, divide_by_achievable=True) for k in KS},
        **{f"MRR@{k}": MRR(k) for k in KS},
    }
    found = {name: metric.calc_per_user(reco, true).reindex(range(n)).tolist() for name, metric in metrics.items()}
    return {"version": rectools.__version__, "values": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=Path, default=ROOT / "bench-data" / "envs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.of:
        print(json.dumps(by_rectools(asked.of)))
        return
    from environments import python_of

    from benchmarks.measure import table, write_section

    python = python_of("rectools", asked.envs)
    if python is None:
        raise SystemExit(1)
    made = made_up(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lists.npz"
        np.savez(file, lists=lists(made), truth=made["truth"])
        said = subprocess.run([str(python), __file__, "--of", str(file)], capture_output=True, text=True, check=True)
    theirs = json.loads(said.stdout.strip().splitlines()[-1])
    compared = [(name, np.array(ours), np.array(theirs["values"][name])) for name, ours in by_us(made).items()]
    text = table(
        ["metric", "ours", "RecTools", "largest difference of a user"],
        [[name, f"{a.mean():.6f}", f"{b.mean():.6f}", f"{np.abs(a - b).max():.1e}"] for name, a, b in compared],
    )
    about = f"{USERS:,} users, {ITEMS} items, seed {asked.seed}; RecTools {theirs['version']}."
    print(f"{text}\n\n{about}")
    if max(np.abs(a - b).max() for _, a, b in compared) > 1e-9:
        raise SystemExit("they differ")
    if asked.write:
        write_section(Path(__file__).with_name("README.md"), "metrics", f"{text}\n\n{about}")


if __name__ == "__main__":
    main()
