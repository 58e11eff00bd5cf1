"""What features of text cost: ``python benchmarks/features/text.py SHOP DATE [NAMES ...]``.

Fitted on what came before the date; every event of the shop then gets its vector, and one path of 50 events is alone.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

# One core, whatever the machine has.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from cartpath import config, store
from cartpath.features import TEXTS, Log, fit_texts, read_log
from cartpath.features.text import corpus_of
from cartpath.schema import microseconds_of

_LENGTH, _TURNS = 50, 20


def main() -> None:
    """Print what there is to learn from, and a row of the table for each vectoriser."""
    shop, date, names = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    until = microseconds_of(date, config.load(shop).shop.zone)
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
        corpus = corpus_of(log, until)
        kinds = [sum(one.kind == kind for one in corpus.documents) for kind in ("item", "query", "page")]
        print("{:,} items, {:,} queries, {:,} pages to learn from".format(*kinds))
        user = int(np.argmin(np.abs(np.diff(log.view.offsets) - _LENGTH)))
        live = replace(log, view=log.view.user(user))
        for name in names or TEXTS:
            row(name, log, live, until)


def row(name: str, log: Log, live: Log, until: int) -> None:
    """Print what one vectoriser takes."""
    began = time.process_time()
    texts = fit_texts(log, until, [name])
    fitted = time.process_time()
    events = texts.of_events(log)[name]
    done = time.process_time()
    turns = []
    for _ in range(_TURNS):
        at = time.process_time()
        texts.of_events(live)
        turns.append(time.process_time() - at)
    size = sum(array.nbytes for array in texts.to_arrays().values()) / 1024
    share = (events.document >= 0).mean()
    print(
        f"| `{name}` | {fitted - began:.1f} s | {size:,.0f} kB | {share:.1%} | {done - fitted:.1f} s "
        f"| {np.median(turns) * 1000:.1f} ms |",
        flush=True,
    )


if __name__ == "__main__":
    main()
