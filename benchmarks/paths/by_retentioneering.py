"""The questions for Retentioneering 5, in its own environment.

What it cannot say is left empty: users of an edge, and times finer than whole seconds. Its funnel has no window, so its
question is the funnel without one (``reach``). It has no view of variants: they are its ``collapse_events``, counted
with pandas. Reading the file and making the Eventstream is the loading.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["RETENTIONEERING_NO_TRACK"] = "1"

import by_pandas
import pandas as pd
from retentioneering.eventstream import Eventstream

LABELS = {"path_start": "(start)", "path_end": "(end)"}


def ask(question: str, folder: Path, how: str, cores: int) -> Callable[[], Any]:
    columns = ["user", "session", "event", "ts"]
    file = folder / ("raw.parquet" if how == "raw" else "log.parquet")
    if question == "reach":
        stream = _stream(pd.read_parquet(file, columns=["user", "event", "ts"]), ["user"])
        return lambda: [step["unique_paths"] for step in stream.funnel_data(by_pandas.STEPS)["steps"]]
    frame = pd.read_parquet(file, columns=[*columns, "is_step"])
    stream = _stream(frame.loc[frame["is_step"], columns], ["user", "session"])
    return {"flow": lambda: flow(stream), "variants": lambda: variants(stream), "steps": lambda: step_view(stream)}[
        question
    ]


def _stream(frame: pd.DataFrame, paths: list[str]) -> Eventstream:
    return Eventstream(frame, {"path_cols": paths, "event_col": "event", "timestamp_col": "ts"})


def flow(stream: Eventstream) -> list[list[Any]]:
    """Three matrices: one call says how often, one in how many sessions, one after what time."""
    matrices = [
        stream.transition_graph_data(edge_weight=weight, path_col="session")
        for weight in ("count", "unique_paths", "time_median")
    ]
    n, sessions, _ = (matrix.stack() for matrix in matrices)
    return [
        [LABELS.get(source, source), LABELS.get(target, target), int(times), int(sessions[source, target]), None, None]
        for (source, target), times in n.items()
        if times
    ]


def variants(stream: Eventstream) -> list[list[Any]]:
    """Repeats collapsed by Retentioneering, paths counted as the pandas query does."""
    steps = stream.collapse_events(loops=True, path_col="session").df
    names = list(steps["event"].cat.categories)
    found = by_pandas.variants(pd.DataFrame({"session": steps["session"], "code": steps["event"].cat.codes}))
    return [[[names[code] for code in path], n] for path, n in found]


def step_view(stream: Eventstream) -> list[list[Any]]:
    """Shares of sessions; times the number of sessions they are counts."""
    matrix = stream.step_matrix_data(max_steps=5, path_col="session")
    sessions = int(stream.df["session"].nunique())
    return [
        [int(place), event, round(share * sessions)]
        for (event, place), share in matrix.stack().items()
        if event not in LABELS and place and round(share * sessions)
    ]
