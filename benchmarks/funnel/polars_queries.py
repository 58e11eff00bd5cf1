"""The two questions for Polars; the log's rows are in path order."""

from __future__ import annotations

import polars as pl

STEPS = ["view", "add_to_cart", "purchase"]
WINDOW = pl.duration(days=7)

user, session, event, ts, order = (pl.col(name) for name in ("user_id", "session_id", "event", "ts", "order_id"))


def funnel(log: pl.LazyFrame) -> list[int]:
    """The loose funnel, as ``funnel.sql`` has it: running times of the latest start are enough."""
    start, chain = pl.col("start"), pl.col("chain")
    in_time = (event == "add_to_cart") & (ts - start <= WINDOW)
    reached = (
        log.filter(event.is_in(STEPS))
        .select("user_id", "event", "ts")
        .with_columns(pl.when(event == "view").then(ts).forward_fill().over("user_id").alias("start"))
        .with_columns(pl.when(in_time).then(start).forward_fill().over("user_id").alias("chain"))
        .group_by("user_id")
        .agg(
            (event == "view").any().alias("view"),
            chain.is_not_null().any().alias("add_to_cart"),
            ((event == "purchase") & (ts - chain <= WINDOW)).any().alias("purchase"),
        )
        .select(pl.col(*STEPS).sum())
    )
    return [int(n) for n in reached.collect(engine="streaming").row(0)]


def flow(log: pl.LazyFrame) -> list[list[str | int]]:
    """The flow graph, as ``flow.sql`` has it."""
    same = [column == column.shift() for column in (user, session, ts, event, order)]
    steps = (
        log.filter(~pl.all_horizontal(same).fill_null(False))
        .select("user_id", "session_id", "event")
        .with_columns(
            event.shift().over("session_id").alias("source"),
            event.shift(-1).over("session_id").is_null().alias("is_last"),
        )
    )
    source, target = pl.col("source").cast(pl.String).fill_null("(start)"), event.cast(pl.String)
    inner = steps.select(source, target.alias("target"), "session_id", "user_id")
    ends = steps.filter(pl.col("is_last")).select(
        target.alias("source"), pl.lit("(end)").alias("target"), "session_id", "user_id"
    )
    edges = (
        pl.concat([inner, ends])
        .group_by("source", "target")
        .agg(
            pl.len().alias("n"),
            pl.col("session_id").n_unique().alias("sessions"),
            pl.col("user_id").n_unique().alias("users"),
        )
    )
    return [list(row) for row in edges.collect(engine="streaming").rows()]
