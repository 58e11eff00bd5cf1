"""Every count of ``truth.json`` is found again in the file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from .conftest import Simulated


def defects(events: pd.DataFrame) -> dict[str, int]:
    """Find planted dirt without looking at the truth."""
    year = events["ts"].dt.year
    repeated = events.duplicated("event_id")
    return {
        "exact_duplicate": int(repeated.sum()),
        "missing_user": int(events["user_id"].isna().sum()),
        "negative_price": int((events["price"] < 0).sum()),
        "absurd_time": int(year.isin([1970, 2099]).sum()),
        "unreadable_time": int(events["ts"].isna().sum()),
        "absurd_quantity": int((events["quantity"] == 10**16).sum()),
        "unknown_event": int((events["event"] == "app_heartbeat").sum()),
    }


def test_each_kind_of_dirt_is_found_as_often_as_told(dirty: Simulated) -> None:
    told = dirty.truth["dirt"]
    for kind, n in defects(dirty.events).items():
        assert n == told[kind] > 0, kind


def test_not_a_number_is_not_null(dirty: Simulated) -> None:
    price = pq.read_table(dirty.folder / "events.parquet", columns=["price"])["price"].combine_chunks()
    filled = price.drop_null().to_numpy()
    assert np.isnan(filled).sum() == dirty.truth["dirt"]["nan_price"] > 0


def test_exact_duplicates_are_equal_in_every_column(dirty: Simulated) -> None:
    events = dirty.events
    assert events.duplicated().sum() == events.duplicated("event_id").sum()


def test_extra_rows_and_late_rows_are_found(dirty: Simulated, clean: Simulated) -> None:
    told = dirty.truth["dirt"]
    extra = told["exact_duplicate"] + told["near_duplicate"] + told["unknown_event"]
    assert len(dirty.events) - len(clean.events) == extra
    good = dirty.events[dirty.events["ts"].dt.year.between(2000, 2090)].reset_index(drop=True)
    behind = good["ts"].cummax() - good["ts"]
    # A late row stands an hour or more after its time; the log is dense, so what stands before it is younger.
    assert (behind > pd.Timedelta("50min")).sum() == pytest.approx(told["late_arrival"], rel=0.02)


def test_totals_reconcile(dirty: Simulated) -> None:
    events, totals = dirty.events, dirty.truth["totals"]
    told = totals["usable"]
    assert totals["rows"] == len(events) == told["read"] == told["stored"] + told["duplicates"] + told["quarantined"]
    usable = events[
        events["user_id"].notna() & events["ts"].dt.year.between(2000, 2090) & ~(events["price"] < 0)
    ].drop_duplicates("event_id")
    assert len(usable) == told["stored"]
    assert usable["user_id"].nunique() == told["users"]
    assert usable["session_id"].nunique() == told["sessions"]
    assert usable["event"].value_counts().to_dict() == told["events_by_type"]
    assert usable["ts"].min().value // 1000 == pd.Timestamp(told["first"]).value // 1000
    assert usable["ts"].max().value // 1000 == pd.Timestamp(told["last"]).value // 1000


def test_money_is_the_same_with_and_without_dirt(dirty: Simulated, clean: Simulated) -> None:
    keys = ("orders", "revenue", "refunds", "refunded")
    assert {k: dirty.truth["totals"]["usable"][k] for k in keys} == {k: clean.truth["totals"]["clean"][k] for k in keys}
    for log in (dirty, clean):
        told = log.truth["totals"]["usable"]
        usable = log.events.drop_duplicates("event_id")
        purchase = usable[usable["event"] == "purchase"]
        refund = usable[usable["event"] == "refund"]
        assert purchase["order_id"].nunique() == told["orders"]
        assert purchase.groupby("order_id")["order_value"].max().sum() == pytest.approx(told["revenue"])
        assert len(refund) == told["refunds"] > 0
        assert refund["order_value"].sum() == pytest.approx(told["refunded"])


def test_a_clean_log_is_clean_and_the_clean_part_of_a_dirty_one(dirty: Simulated, clean: Simulated) -> None:
    assert set(clean.truth["dirt"].values()) == {0}
    assert not clean.events.duplicated("event_id").any()
    assert clean.truth["totals"]["clean"] == dirty.truth["totals"]["clean"]
    shared = ["user_id", "session_id", "event", "ts"]
    ours = clean.events[shared].drop_duplicates()
    theirs = dirty.events[shared].dropna()
    theirs = theirs[theirs["ts"].dt.year.between(2000, 2090)].drop_duplicates()
    spoilt = sum(dirty.truth["dirt"][kind] for kind in ("missing_user", "absurd_time", "unreadable_time"))
    assert len(ours.merge(theirs, on=shared)) >= len(ours) - spoilt


def test_users_truth(clean: Simulated) -> None:
    told = pq.read_table(clean.folder / "truth_users.parquet").to_pandas().set_index("user_id")
    found = clean.events.groupby("user_id")["session_id"].nunique()
    assert told["sessions"].to_dict() == found.to_dict()
    assert told.index[told["robot"]].tolist() == clean.truth["robots"]
    assert int(told["churned_at"].notna().sum()) == clean.truth["churn"]["users"]
    last = clean.events.groupby("user_id")["ts"].max()
    gone = told["churned_at"].dropna()
    assert (last[gone.index] <= gone + pd.Timedelta("2h")).all()
    shares = told.loc[~told["robot"], "persona"].value_counts(normalize=True)
    for persona in clean.truth["personas"]:
        assert shares[persona["name"]] == pytest.approx(persona["share"], abs=0.03)


def test_cold_items_are_not_seen_before_their_launch(clean: Simulated) -> None:
    first = clean.events.groupby("item_id")["ts"].min()
    cold = {item: pd.Timestamp(launch) for item, launch in clean.truth["cold_items"].items()}
    assert len(cold) > 10
    assert all(first[item] >= launch for item, launch in cold.items() if item in first)
    views = clean.events.loc[clean.events["event"] == "view", "item_id"].value_counts()
    warm = views.drop(labels=[i for i in cold if i in views])
    assert views.reindex(list(cold), fill_value=0).mean() < 0.3 * warm.mean()
