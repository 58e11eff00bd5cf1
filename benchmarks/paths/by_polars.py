"""The questions for Polars, over frames in memory, ids as numbers, events an enumeration.

``over`` asks by groups, as its guide teaches; ``order`` relies on sorted rows (in path order for the funnel, in the
order of sessions for the rest) and compares neighbours. Making the frames is the loading. ``raw`` asks ``over`` of the
log as a shop has it: a Parquet file in the order of time, ids as text; nothing is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import polars as pl

STEPS = ["view", "add_to_cart", "purchase"]
WEEK = pl.duration(days=7)
user, session, event, ts = (pl.col(name) for name in ("user", "session", "event", "ts"))
code = event.to_physical().cast(pl.Int32)
NONE = 255


def ask(question: str, folder: Path, how: str, cores: int) -> Callable[[], Any]:
    log = pl.scan_parquet(folder / "log.parquet").with_columns(event.cast(pl.String))
    names = sorted(log.select(event.unique()).collect()["event"].to_list())
    assert len(names) < NONE
    log = log.with_columns(event.cast(pl.Enum(names)))
    if how == "raw":
        log = pl.scan_parquet(folder / "raw.parquet").with_columns(event.cast(pl.Enum(names)))
        frame = log if question == "funnel" else log.filter("is_step")
    elif question == "funnel":
        frame = log.select("user", "event", "ts").collect()
    else:
        frame = log.filter("is_step").sort("session", "position").drop("is_step", "position").collect()
    query = QUERIES["over" if how == "raw" else how, question]
    if question == "funnel":
        return lambda: query(frame.lazy())
    if question == "flow":
        ends = {NONE: "(end)", -1: "(start)"}
        label = dict(enumerate(names)) | ends
        return lambda: [[label[s], label[t], *row] for s, t, *row in query(frame.lazy())]
    if question == "variants":
        return lambda: [[list(path), n] for path, n in query(frame.lazy())]
    return lambda: [list(row) for row in query(frame.lazy())]


def funnel_over(log: pl.LazyFrame) -> list[Any]:
    """Before an event, the latest view can do whatever an earlier one can: running starts are enough."""
    start, chain = pl.col("start"), pl.col("chain")
    added = (event == "add_to_cart") & (ts - start <= WEEK)
    reached = (
        log.filter(event.is_in(STEPS))
        .with_columns(pl.when(event == "view").then(ts).forward_fill().over("user").alias("start"))
        .with_columns(pl.when(added).then(start).forward_fill().over("user").alias("chain"))
        .group_by("user")
        .agg(
            (event == "view").any().alias("view"),
            chain.is_not_null().any().alias("add_to_cart"),
            ((event == "purchase") & (ts - chain <= WEEK)).any().alias("purchase"),
        )
        .select(pl.col(*STEPS).sum())
    )
    return list(reached.collect().row(0))


def funnel_order(log: pl.LazyFrame) -> list[Any]:
    """As ``funnel_over``; what is filled from another user is told by the user that is filled with it."""
    start, chain, starter, chained, added = (pl.col(n) for n in ("start", "chain", "starter", "chained", "added"))
    viewed = event == "view"
    reached = (
        log.filter(event.is_in(STEPS))
        .with_columns(
            pl.when(viewed).then(ts).forward_fill().alias("start"),
            pl.when(viewed).then(user).forward_fill().alias("starter"),
        )
        .with_columns(((event == "add_to_cart") & (starter == user) & (ts - start <= WEEK)).alias("added"))
        .with_columns(
            pl.when(added).then(start).forward_fill().alias("chain"),
            pl.when(added).then(user).forward_fill().alias("chained"),
        )
        .select(
            user.filter(viewed).n_unique().alias("view"),
            user.filter(added).n_unique().alias("add_to_cart"),
            user.filter((event == "purchase") & (chained == user) & (ts - chain <= WEEK)).n_unique().alias("purchase"),
        )
    )
    return list(reached.collect().row(0))


def flow_over(steps: pl.LazyFrame) -> list[Any]:
    """The pairs of neighbours by session, then their counts."""
    return _edges(
        steps.select(
            "session",
            "user",
            code.alias("source"),
            code.shift(-1).over("session").fill_null(NONE).alias("target"),
            (ts.shift(-1).over("session") - ts).alias("gap"),
            code.shift().over("session").is_null().alias("is_first"),
        )
    )


def flow_order(steps: pl.LazyFrame) -> list[Any]:
    """As ``flow_over``, neighbours compared."""
    goes_on = session == session.shift(-1)
    return _edges(
        steps.select(
            "session",
            "user",
            code.alias("source"),
            pl.when(goes_on).then(code.shift(-1)).otherwise(NONE).alias("target"),
            pl.when(goes_on).then(ts.shift(-1) - ts).alias("gap"),
            session.ne_missing(session.shift()).alias("is_first"),
        )
    )


def _edges(pairs: pl.LazyFrame) -> list[Any]:
    counts = (pl.len().alias("n"), session.n_unique().alias("sessions"), user.n_unique().alias("users"))
    source, target, gap = pl.col("source"), pl.col("target"), pl.col("gap")
    edges = (
        pairs.group_by((source * 256 + target).alias("edge"))
        .agg(*counts, gap.median().dt.total_microseconds().alias("gap"))
        .select(pl.col("edge") // 256, (pl.col("edge") % 256).alias("target"), "n", "sessions", "users", "gap")
    )
    firsts = pairs.filter("is_first").group_by(source.alias("target")).agg(*counts)
    both = pl.collect_all([edges, firsts])
    return both[0].rows() + [(-1, *row, None) for row in both[1].rows()]


def variants_over(steps: pl.LazyFrame) -> list[Any]:
    """The paths as lists, counted."""
    return _paths(steps.filter(event.ne_missing(event.shift().over("session"))))


def variants_order(steps: pl.LazyFrame) -> list[Any]:
    """As ``variants_over``, neighbours compared."""
    return _paths(steps.filter(session.ne_missing(session.shift()) | event.ne_missing(event.shift())))


def _paths(kept: pl.LazyFrame) -> list[Any]:
    return kept.group_by("session").agg("event").group_by("event").len().top_k(20, by="len").collect().rows()


def steps_over(steps: pl.LazyFrame) -> list[Any]:
    """The place in the session by counting in it."""
    return _places(steps.select("event", (pl.int_range(pl.len()).over("session") + 1).alias("place")))


def steps_order(steps: pl.LazyFrame) -> list[Any]:
    """A step is at most the fifth if the row five before is of another session."""
    before = [(session.shift(n) == session).fill_null(False).cast(pl.UInt8) for n in range(1, 6)]
    return _places(steps.select("event", (pl.lit(1, pl.UInt8) + pl.sum_horizontal(before)).alias("place")))


def _places(steps: pl.LazyFrame) -> list[Any]:
    return steps.filter(pl.col("place") <= 5).group_by("place", "event").len().collect().rows()


QUERIES: dict[tuple[str, str], Callable[[pl.LazyFrame], list[Any]]] = {
    ("over", "funnel"): funnel_over,
    ("over", "flow"): flow_over,
    ("over", "variants"): variants_over,
    ("over", "steps"): steps_over,
    ("order", "funnel"): funnel_order,
    ("order", "flow"): flow_order,
    ("order", "variants"): variants_order,
    ("order", "steps"): steps_order,
}
