"""What the features of moments cost: ``python benchmarks/features/run.py SHOP [TIMES ...]``.

The shop's paths are repeated so often, and asked about at every tenth event; and one path of 50 events is alone.
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np

from cartpath import store
from cartpath.features import EncodedLog, PathEncoder, encode, fit_encoder, join, read_log, session_features

_EVERY, _LENGTH, _TURNS = 10, 50, 50


def seconds(encoded: EncodedLog, encoder: PathEncoder, ends: Any) -> tuple[float, float]:
    """Return what a table of rows took, on the clock and of the CPU."""
    sessions = encoded.log.view.session[ends - 1].astype(np.int64)
    wall, cpu = time.perf_counter(), time.process_time()
    session_features(encoded, encoder, sessions, ends)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Print a row of the table for each size, and what one live path takes."""
    with store.open_snapshot(sys.argv[1]) as snapshot:
        log = read_log(snapshot)
    encoder = fit_encoder(log, 2**62)
    user = int(np.argmin(np.abs(np.diff(log.view.offsets) - _LENGTH)))
    live = encode(replace(log, view=log.view.user(user)), encoder)
    end = np.array([live.log.view.n_events])
    seconds(live, encoder, end)  # loads the kernels
    taken = np.median([seconds(live, encoder, end) for _ in range(_TURNS)], axis=0) * 1000
    print(f"one path of {end[0]} events: {taken[0]:.1f} ms, {taken[1]:.1f} ms of CPU")
    for times in (int(text) for text in sys.argv[2:] or ("1",)):
        encoded = encode(replace(log, view=join([log.view] * times)), encoder)
        ends = np.arange(1, encoded.log.view.n_events + 1, _EVERY)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, cpu = seconds(encoded, encoder, ends)
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        n = encoded.log.view.n_events
        print(
            f"| {n:,} | {len(ends):,} | {wall:.1f} s | {cpu:.1f} s | {len(ends) / cpu:,.0f} | {more:,.0f} MB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
