"""Noting, merging and resolving many links.

    python benchmarks/identity/links.py [--links 10M]

Anonymous ids are as long as UUIDs; a third as many users, chosen at random.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.measure import amount
from cartpath.config import IdentitySettings
from cartpath.store.links import EVENTS, merge_links, noted
from cartpath.store.owners import resolve


def timed(name: str, function: Callable[[], Any]) -> Any:
    wall, cpu = time.time(), time.process_time()
    found = function()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name}: {time.process_time() - cpu:.1f} s of CPU, {time.time() - wall:.1f} s; peak so far {peak:.2f} GB")
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--links", default="10M")
    n = amount(parser.parse_args().links)
    rng = np.random.default_rng(0)
    few = noted(pa.array(["a"]), pa.array(["u"]), np.array([1]), EVENTS)
    resolve(merge_links(few, few), IdentitySettings())  # compiles
    ids = pa.array(np.arange(n)).cast(pa.string())
    anonymous = pc.binary_join_element_wise("a1b2c3d4-e5f6-7890-abcd-", pc.utf8_lpad(ids, 12, "0"), "")
    user = pc.binary_join_element_wise("user-", pa.array(rng.integers(0, n // 3, n)).cast(pa.string()), "")
    times = rng.integers(0, 10**15, n)
    links = timed(f"note {n:,} links", lambda: noted(anonymous, user, times, EVENTS))
    print(f"the table takes {links.nbytes / 1e6:,.0f} MB")
    found = timed("resolve", lambda: resolve(links, IdentitySettings()))
    print(f"{found.merged_ids:,} ids of {found.users:,} users")
    timed("merge a tenth into it", lambda: merge_links(links, links.slice(0, n // 10)))


if __name__ == "__main__":
    main()
