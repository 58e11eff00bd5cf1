"""Slips of values and clocks: planted as told, on rows that are otherwise those of the clean log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cartpath.simulate import Dirt, run, simulate

from .conftest import Simulated, load

RATES = Dirt(
    **{**vars(Dirt.none()), "missing_price": 0.02, "price_slip": 0.01, "quantity_slip": 0.05, "stalled_tab": 0.05,
       "skewed_clock": 0.1}
)  # fmt: skip
ASKED = (1500, 30, 5)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    folder = tmp_path_factory.mktemp("no-slips")
    return load(folder, simulate(folder, *ASKED, dirt=Dirt.none()))


@pytest.fixture(scope="module")
def slipped(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    folder = tmp_path_factory.mktemp("slips")
    return load(folder, simulate(folder, *ASKED, dirt=RATES))


@pytest.fixture(scope="module")
def both(clean: Simulated, slipped: Simulated) -> pd.DataFrame:
    """The slipped log with the clean one beside it and the kind of dirt, by event id."""
    truth = pq.read_table(slipped.folder / "truth_dirt.parquet").to_pandas().set_index("event_id")
    left = slipped.events.set_index("event_id")
    right = clean.events.set_index("event_id")[["ts", "price", "quantity"]].add_suffix("_true")
    joined = left.join(right, how="outer", validate="1:1").join(truth, validate="1:1")
    assert len(joined) == len(left) == len(right)
    return joined


def test_each_is_planted_as_often_as_told(slipped: Simulated, both: pd.DataFrame) -> None:
    told = {kind: n for kind, n in slipped.truth["dirt"].items() if n}
    assert both["kind"].value_counts().to_dict() == told
    assert set(told) == {"missing_price", "price_slip", "quantity_slip", "stalled_tab", "skewed_clock"}
    priced = both["price_true"].gt(0) & both["kind"].ne("stalled_tab")
    assert (both["kind"] == "missing_price").sum() / priced.sum() == pytest.approx(0.02, rel=0.2)
    assert (both["kind"] == "price_slip").sum() / priced.sum() == pytest.approx(0.01, rel=0.3)


def test_values_are_changed_where_the_truth_says_so_and_nowhere_else(both: pd.DataFrame) -> None:
    missing = both["kind"] == "missing_price"
    assert (both["price"].isna() == (both["price_true"].isna() | missing)).all()
    factor = both["price"] / both["price_true"]
    slip = both["kind"] == "price_slip"
    assert np.allclose(factor[~slip & factor.notna()], 1)
    high = factor[slip] > 1
    assert np.allclose(factor[slip][high], 100)
    # A hundredth of a price is in whole cents.
    low = both[slip][~high]
    assert (low["price"] - low["price_true"] / 100).abs().max() <= 0.005 + 1e-9
    assert 0.3 < high.mean() < 0.7
    many = both["quantity"] / both["quantity_true"]
    assert (many[both["kind"] == "quantity_slip"] == 100).all()
    assert (many[(both["kind"] != "quantity_slip") & many.notna()] == 1).all()
    told = both[missing | slip]
    assert np.allclose(told["value"], told["price_true"])


def test_clocks_of_some_users_are_off_and_the_servers_is_not(slipped: Simulated, both: pd.DataFrame) -> None:
    moved = both["ts"] - both["ts_true"]
    of_users = both[both["kind"] == "skewed_clock"]["user_id"].unique()
    assert len(of_users) / both["user_id"].nunique() == pytest.approx(0.1, rel=0.35)
    skewed = both["user_id"].isin(of_users)
    first = moved[skewed].abs().groupby(both["user_id"][skewed]).min()
    assert first.between(pd.Timedelta("2h"), pd.Timedelta("72h")).all()
    # The others are late only by a tab left open, and the server's clock tells the same for all.
    assert moved[~skewed].min() >= pd.Timedelta(0)
    behind = both["received_at"] - (both["ts"] - moved.where(skewed, pd.Timedelta(0)))
    assert behind[~skewed].between(pd.Timedelta("50ms"), pd.Timedelta("2s")).all()
    assert slipped.events["received_at"].diff().min() > pd.Timedelta("-3s")


def test_a_tab_is_left_open_for_hours(both: pd.DataFrame) -> None:
    # In the order of the clean log, so that a clock or another session of the user does not come between.
    events = both.sort_values(["session_id", "ts_true"], kind="stable")
    pause = events.groupby("session_id")["ts"].shift(-1) - events["ts"]
    stalled = events["kind"] == "stalled_tab"
    assert pause[stalled].between(pd.Timedelta("1h"), pd.Timedelta("8h31m")).all()
    assert (pause[~stalled].dropna() < pd.Timedelta("31m")).all()


def test_same_bytes_however_the_work_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slipped: Simulated
) -> None:
    monkeypatch.setattr(run, "_BLOCK_ROWS", 3_000)
    monkeypatch.setattr(run, "_SLICE_ROWS", 5_000)
    simulate(tmp_path, *ASKED, dirt=RATES)
    for name in ("events.parquet", "truth_dirt.parquet", "truth.json"):
        assert (tmp_path / name).read_bytes() == (slipped.folder / name).read_bytes(), name


def test_the_truth_names_other_dirt_too(dirty: Simulated) -> None:
    truth = pq.read_table(dirty.folder / "truth_dirt.parquet").to_pandas()
    told = {kind: n for kind, n in dirty.truth["dirt"].items() if n}
    assert truth["kind"].value_counts().to_dict() == told
    double = truth[truth["kind"] == "near_duplicate"]["event_id"]
    assert dirty.events["event_id"].isin(double).sum() == len(double)
