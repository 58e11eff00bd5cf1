"""Items and users that were not trained on, on Beauty with attributes and titles.

    python benchmarks/next_item/cold_start.py --write [--epochs 6]

A tenth of the items is taken out of all that is learned from. Asked is for the last item of users where it is one of
these, among these alone: by content, by popularity before they were taken out, at random. A tenth of the users is
taken out whole; of these, the fourth item is asked for after the first three, among the items trained on.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np
import numpy.typing as npt

from benchmarks.measure import machine, table, write_section
from cartpath.evaluation import hit_rate, mean_interval, ndcg_at, paired_test, rank_of
from cartpath.features import Log, only, user_of_event
from cartpath.tasks import NextItemSplit, Questions, leave_one_out
from cartpath.training.next_item import FitOptions, fit_model, judge
from cartpath.training.next_item.source import open_source

HERE = Path(__file__).resolve().parent
S3REC = Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data") / "s3rec"
ITEMS = ("Beauty_item2attributes.json", "Beauty_items_titles.parquet")
SHARE, KNOWN = 0.1, 3
Index = npt.NDArray[np.int64]


def without(log: Log, cold: Index, users: Index) -> Log:
    """Return a log without some items and without the paths of some users."""
    view = log.view
    keep = ~np.isin(view.item, cold) & ~np.isin(user_of_event(view), users)
    return replace(log, view=only(view, np.flatnonzero(keep)))


def told(name: str, ranks: Index, users: Index) -> list[str]:
    gains = ndcg_at(ranks, 10)
    interval = mean_interval(gains, users)
    return [
        name,
        f"{interval.value:.4f}",
        f"{interval.low:.4f}-{interval.high:.4f}",
        f"{hit_rate(ranks, 10).mean():.4f}",
    ]


def compared(ours: Index, theirs: Index, users: Index) -> str:
    return f"{paired_test(ndcg_at(ours, 10), ndcg_at(theirs, 10), users).p:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the tables into README.md")
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    log = open_source(S3REC / "Beauty.txt", [S3REC / name for name in ITEMS]).log
    rng = np.random.default_rng(0)
    n_items, view = len(log.codes("item")), log.view
    cold = np.sort(rng.choice(n_items, int(SHARE * n_items), replace=False))
    whole = leave_one_out(log)
    is_cold = np.isin(whole.test.truth, cold)
    strangers = np.sort(rng.choice(view.n_users, int(SHARE * view.n_users), replace=False))

    warm: NextItemSplit = leave_one_out(without(log, cold, strangers), filter_seen=True)
    settings = {"max_epochs": options.epochs}
    model = fit_model("behaviour", warm, FitOptions(settings=settings), lambda m, s: print(m, file=sys.stderr)).model
    popular = fit_model("popularity", warm).model

    asked = whole.test.take(is_cold & ~np.isin(whole.test.user, strangers))
    wider = model.with_items(log)
    columns = wider.items.columns_of(log)
    scores = wider.score(log, asked.user, asked.ends)[:, columns[cold]]
    place = np.searchsorted(cold, asked.truth)
    ours = rank_of(np.ascontiguousarray(scores), place)
    # Known only because the items were taken out by hand: what a shop could not know of a new item.
    counts = np.bincount(
        view.item[np.arange(view.n_events) < view.offsets[1:][user_of_event(view)] - 1], minlength=n_items
    )
    by_popularity = rank_of(np.repeat(counts[cold][None].astype(np.float32), len(asked), 0), place)
    at_random = rank_of(rng.random((len(asked), len(cold)), np.float32), place)
    head = ["ranked", "NDCG@10", "95%", "HR@10", "p against ours"]
    rows = [
        [*told("ours, by content", ours, asked.user), "-"],
        [
            *told("popularity (of the items taken out)", by_popularity, asked.user),
            compared(ours, by_popularity, asked.user),
        ],
        [*told("at random", at_random, asked.user), compared(ours, at_random, asked.user)],
    ]
    items = table(head, rows)

    long = strangers[np.diff(view.offsets)[strangers] > KNOWN]
    ends = view.offsets[long] + KNOWN
    truth = view.item[ends]
    new = Questions(long, ends, truth, np.full(len(long), -1)).take(~np.isin(truth, cold))
    split = replace(whole, filter_seen=True)
    first = judge(model, split, new)
    base = judge(popular, split, new)
    users = table(
        head,
        [[*told("ours", first, new.user), "-"], [*told("popularity", base, new.user), compared(first, base, new.user)]],
    )
    text = (
        f"New items: {len(asked):,} questions; the candidates are {len(cold):,} items that were not trained on.\n\n"
        f"{items}\n\n"
        f"New users: {len(new):,} questions after {KNOWN} events, {len(model.items):,} candidates.\n\n{users}\n\n"
        f"{options.epochs} epochs, seed 0. {machine(('numpy', 'torch'))}"
    )
    print(text)
    if options.write:
        write_section(HERE / "README.md", "cold-start", text)


if __name__ == "__main__":
    main()
