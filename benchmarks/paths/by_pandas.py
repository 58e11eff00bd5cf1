"""The questions for pandas, over frames in memory, ids as numbers, events a category.

Rows are in path order for the funnel and in the order of sessions for the rest, so neighbours are compared and nothing
is sorted. Making the frames is the loading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

STEPS = ["view", "add_to_cart", "purchase"]
WEEK = 7 * 86400 * 10**6
NONE = 255


def ask(question: str, folder: Path, how: str, cores: int) -> Callable[[], Any]:
    log = pd.read_parquet(folder / "log.parquet")
    log["code"] = log["event"].cat.codes.astype("int32")
    names = list(log["event"].cat.categories)
    assert len(names) < NONE
    log["moment"] = log["ts"].astype("int64")  # microseconds
    log["moment"] -= log["moment"].min()
    if question == "funnel":
        return lambda: funnel(log, *(names.index(name) for name in STEPS))
    steps = log[log["is_step"]].sort_values(["session", "position"])[["session", "user", "code", "moment"]]
    steps = steps.reset_index(drop=True)
    if question == "flow":
        label = dict(enumerate(names)) | {NONE: "(end)", -1: "(start)"}
        return lambda: [[label[s], label[t], *rest] for s, t, *rest in flow(steps)]
    if question == "variants":
        return lambda: [[[names[c] for c in path], n] for path, n in variants(steps)]
    return lambda: [[place, names[c], n] for (place, c), n in step_view(steps).items()]


def funnel(log: pd.DataFrame, view: int, add: int, purchase: int) -> list[int]:
    """Before an event, the latest view can do whatever an earlier one can: running starts are enough."""
    steps = log.loc[log["code"].isin([view, add, purchase]), ["user", "code", "moment"]]
    user, code, moment = steps["user"], steps["code"], steps["moment"]
    # What is filled from another user is told by the user that is filled with it.
    is_view = code == view
    start, starter = moment.where(is_view).ffill(), user.where(is_view).ffill()
    added = (code == add) & (starter == user) & (moment - start <= WEEK)
    chain, chained = start.where(added).ffill(), user.where(added).ffill()
    bought = (code == purchase) & (chained == user) & (moment - chain <= WEEK)
    return [int(user[which].nunique()) for which in (is_view, added, bought)]


def flow(steps: pd.DataFrame) -> list[list[Any]]:
    """Pairs of neighbours and their counts; rows of one session, or user, and edge are counted once."""
    session, user, code = steps["session"], steps["user"], steps["code"]
    goes_on = session.eq(session.shift(-1))
    edge = code * 256 + code.shift(-1, fill_value=NONE).where(goes_on, NONE)
    gap = (steps["moment"].shift(-1, fill_value=0) - steps["moment"]).where(goes_on)
    pairs = pd.DataFrame({"edge": edge, "session": session, "user": user, "gap": gap})
    by_edge = pairs.groupby("edge")
    once = pairs[["edge", "session", "user"]].drop_duplicates(["edge", "session"])
    found = pd.DataFrame(
        {
            "n": by_edge.size(),
            "sessions": once["edge"].value_counts(),
            "users": once[["edge", "user"]].drop_duplicates()["edge"].value_counts(),
            "gap": by_edge["gap"].median(),
        }
    )
    rows = [[e // 256, e % 256, int(n), int(s), int(u), g] for e, n, s, u, g in found.itertuples()]
    starts = steps[session.ne(session.shift())].groupby("code")["user"].agg(["size", "nunique"])
    return rows + [[-1, code, int(n), int(n), int(users), None] for code, n, users in starts.itertuples()]


def variants(steps: pd.DataFrame) -> list[tuple[bytes, int]]:
    """All paths are one string of bytes, cut at the sessions and counted."""
    new = steps["session"].ne(steps["session"].shift()).to_numpy()
    kept = new | steps["code"].ne(steps["code"].shift()).to_numpy()
    text = steps["code"].to_numpy()[kept].astype(np.uint8).tobytes()
    cuts = np.flatnonzero(new[kept]).tolist()
    paths = Counter(text[low:high] for low, high in zip(cuts, [*cuts[1:], len(text)], strict=True))
    return paths.most_common(20)


def step_view(steps: pd.DataFrame) -> dict[tuple[int, int], int]:
    """A step is at most the fifth if the row five before is of another session."""
    session = steps["session"].to_numpy()
    new = np.flatnonzero(np.r_[True, session[1:] != session[:-1]])
    place = np.arange(len(session)) - np.repeat(new, np.diff(np.r_[new, len(session)])) + 1
    early = pd.DataFrame({"place": place, "code": steps["code"]})[place <= 5]
    return early.groupby(["place", "code"]).size().to_dict()
