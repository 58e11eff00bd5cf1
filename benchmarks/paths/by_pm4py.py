"""The questions for pm4py, in its own environment: sessions are cases, steps are activities.

Its directly-follows graph says how often and after what time, not in how many sessions or of how many users. It has
variants (repeats are dropped before), no funnel with a window and no step view. Reading the file and naming the columns
is the loading.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pm4py.algo.discovery.dfg.adapters.pandas import df_statistics
from pm4py.statistics.end_activities.pandas import get as ends_get
from pm4py.statistics.start_activities.pandas import get as starts_get
from pm4py.statistics.variants.pandas import get as variants_get

CASE, ACTIVITY, TIME = "case:concept:name", "concept:name", "time:timestamp"
NAMES = {"session": CASE, "event": ACTIVITY, "ts": TIME}


def ask(question: str, folder: Path, how: str, cores: int) -> Callable[[], Any]:
    log = pd.read_parquet(folder / "log.parquet", columns=["position", "is_step", *NAMES])
    steps = log[log["is_step"]].sort_values(["session", "position"]).rename(columns=NAMES)[list(NAMES.values())]
    steps = steps.reset_index(drop=True)
    if question == "flow":
        return lambda: flow(steps)
    return lambda: variants(steps)


def flow(steps: pd.DataFrame) -> list[list[Any]]:
    """The graph with frequencies and median times, and the activities that sessions start and end with."""
    often, after = df_statistics.get_dfg_graph(
        steps,
        measure="both",
        start_timestamp_key=TIME,
        perf_aggregation_key="median",
        sort_caseid_required=False,  # it is sorted
        sort_timestamp_along_case_id=False,
    )
    edges = [[s, t, int(n), None, None, after[s, t] * 1e6] for (s, t), n in often.items()]
    starts = starts_get.get_start_activities(steps)
    ends = ends_get.get_end_activities(steps)
    edges += [["(start)", name, int(n), None, None, None] for name, n in starts.items()]
    return edges + [[name, "(end)", int(n), None, None, None] for name, n in ends.items()]


def variants(steps: pd.DataFrame) -> list[list[Any]]:
    """Repeats dropped with pandas, variants by pm4py."""
    case, activity = steps[CASE], steps[ACTIVITY].cat.codes
    kept = steps[case.ne(case.shift()) | activity.ne(activity.shift())]
    found = variants_get.get_variants_count(kept)
    top = sorted(found.items(), key=lambda pair: -pair[1])[:20]
    return [[list(path), int(n)] for path, n in top]
