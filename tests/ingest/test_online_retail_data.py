"""The real Online Retail; expected figures are worked out with pandas, matching by a running balance."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cartpath import ingest, store
from cartpath.ingest import Reason
from cartpath.paths import status
from tests.ingest.reading import read

FEES = ["POST", "DOT", "C2", "C3", "M", "D", "S", "B", "AMAZONFEE", "BANK CHARGES", "CRUK"]
ADAPTER = "online_retail"


@pytest.fixture(scope="module")
def file(data_dir: Path) -> Path:
    return data_dir / ADAPTER / "onlineretail.parquet"


@pytest.fixture(scope="module")
def lines(file: Path) -> pd.DataFrame:
    found = pd.read_parquet(file)
    found["amount"] = found.Quantity * found.UnitPrice
    found["cancelled"] = found.InvoiceNo.str.startswith("C")
    found["fee"] = found.StockCode.str.upper().isin(FEES) | found.InvoiceNo.str.startswith("A")
    return found


def balance(goods: pd.DataFrame) -> tuple[float, float, float, Counter[str]]:
    """Return pieces and money matched, money in all, and how many lines are matched wholly, partly, not at all.

    However the sale lines are chosen, a cancellation takes as much as its customer has left of its stock code.
    """
    left: dict[tuple[float, str], float] = defaultdict(float)
    pieces = money = everything = 0.0
    kinds = Counter[str]()
    for row in goods.itertuples():
        key = (row.CustomerID, row.StockCode)
        if not row.cancelled:
            left[key] += row.Quantity
            continue
        taken = min(left[key], -row.Quantity)
        left[key] -= taken
        pieces, money = pieces + taken, money + taken * row.UnitPrice
        everything -= row.amount
        kinds["all" if taken == -row.Quantity else "part" if taken else "none"] += 1
    return pieces, money, everything, kinds


def frame(events: Any) -> pd.DataFrame:
    found = events.to_pandas()
    found["amount"] = found.price * found.quantity
    return found


def test_lines_kinds_and_amounts(file: Path, lines: pd.DataFrame) -> None:
    done = read(file, ADAPTER)
    events = frame(done.events)
    own = (lines.CustomerID.isna() & (lines.UnitPrice == 0)) | (~lines.cancelled & (lines.Quantity < 0))
    assert done.reasons == {
        Reason.stock_adjustment: int(own.sum()),
        Reason.missing_user: int((lines.CustomerID.isna() & ~own).sum()),
    }
    assert (done.reasons, done.source_rows) == ({"stock_adjustment": 2_475, "missing_user": 132_605}, 541_909)
    known = lines[lines.CustomerID.notna()]
    for event, which in {
        "purchase": ~known.cancelled & ~known.fee,
        "fee": ~known.cancelled & known.fee,
        "credit": known.cancelled & known.fee,
    }.items():
        found = events[events.event == event]
        assert len(found) == which.sum()
        assert found.amount.sum() == pytest.approx(known[which].amount.abs().sum())
    goods = known[~known.fee]
    refunds = events[events.event == "refund"]
    props = refunds.props.map(json.loads)
    matched = props.map(lambda p: p["matched"])
    pieces, money, everything, kinds = balance(goods)
    assert refunds.amount.sum() == pytest.approx(everything)
    assert refunds[matched].quantity.sum() == pieces
    assert refunds[matched].amount.sum() == pytest.approx(money)
    of_line = matched.groupby(refunds.event_id.str.replace(r"\.\d+$", "", regex=True)).agg(["sum", "size"])
    whole, none = of_line["sum"] == of_line["size"], of_line["sum"] == 0
    assert kinds == {"all": whole.sum(), "none": none.sum(), "part": (~whole & ~none).sum()}
    assert kinds == {"all": 7_432, "part": 51, "none": 1_056}
    assert (round(everything, 2), round(money, 2)) == (474_403.33, 450_581.78)
    _orders_meet(goods, refunds[matched])


def _orders_meet(goods: pd.DataFrame, matched: pd.DataFrame) -> None:
    """No order's line is refunded beyond what was bought on it."""
    keys = ["InvoiceNo", "StockCode"]
    sold = goods[~goods.cancelled].groupby(keys).Quantity.sum()
    back = matched.groupby(["order_id", "item_id"]).quantity.sum().rename_axis(keys)
    assert (back <= sold.reindex(back.index)).all()
    assert set(matched.user_id) <= set(goods.CustomerID.astype(int).astype(str))


@pytest.mark.slow
def test_through_the_store(file: Path, lines: pd.DataFrame, tmp_path: Path) -> None:
    for repeats, duplicates in (("keep", 0), ("drop", 5_225)):
        shop = tmp_path / repeats
        store.init(shop)
        done = ingest.ingest(shop, [str(file)], adapter=ADAPTER, options={"repeats": repeats})
        assert (done.read, done.duplicates) == (done.stored + done.duplicates + done.quarantined, duplicates)
        with store.open_snapshot(shop) as snapshot:
            found = status(snapshot)
        goods = lines[lines.CustomerID.notna() & ~lines.fee]
        if repeats == "drop":
            goods = goods.drop_duplicates()
        sold = goods[~goods.cancelled]
        assert found.revenue == pytest.approx(sold.amount.sum(), abs=0.01)
        assert found.orders == sold.InvoiceNo.nunique()
        assert found.refunds == pytest.approx(-goods[goods.cancelled].amount.sum(), abs=0.01)


@pytest.mark.slow
def test_two_files_of_both_editions_are_the_one_file(file: Path, tmp_path: Path) -> None:
    """The first half as the UCI's CSV, the second with the names of Online Retail II: sales are cancelled across."""
    lines = pd.read_parquet(file)
    half = len(lines) // 2
    lines["InvoiceDate"] = [f"{t.month}/{t.day}/{t.year} {t.hour}:{t.minute:02}" for t in lines.InvoiceDate]
    second = {"InvoiceNo": "Invoice", "UnitPrice": "Price", "CustomerID": "Customer ID"}
    lines.iloc[:half].to_csv(tmp_path / "1.csv", index=False)
    lines.iloc[half:].rename(columns=second).to_csv(tmp_path / "2.csv", index=False)
    store.init(tmp_path / "shop")
    first = ingest.ingest(tmp_path / "shop", [str(tmp_path / f"{n}.csv") for n in (1, 2)], adapter=ADAPTER)
    again = ingest.ingest(tmp_path / "shop", [str(file)], adapter=ADAPTER)
    assert (first.read, first.stored, first.duplicates) == (542_024, 406_944, 0)
    assert (again.read, again.stored, again.duplicates) == (542_024, 0, 406_944)
    with store.open_snapshot(tmp_path / "shop") as snapshot:
        found = status(snapshot)
    assert (found.revenue, found.refunds) == (8_761_066.65, 474_403.33)
