"""Complete Journey: money of receipt lines, campaigns, households; the real files against pandas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.paths import status
from cartpath.schema import CartpathError
from tests.ingest.sets import NOON, ZONES, put, read_set

LINES = (
    "household_id,store_id,basket_id,product_id,quantity,sales_value,"
    "retail_disc,coupon_disc,coupon_match_disc,week,transaction_timestamp\n"
)
TRANSACTIONS = (
    LINES
    + """1,309,b1,p1,2,3.34,0.36,0,0,5,2017-01-28 19:06:53
1,309,b1,p2,2,2.89,0,0.55,0.45,5,2017-01-28 19:06:53
1,309,b1,p3,0,0,0,1.4,0,5,2017-01-28 19:06:53
2,310,b2,p4,1,0,3.99,0,0,6,2017-02-01 03:00:00
"""
)
CAMPAIGNS = "campaign_id,household_id\n8,1\n18,2\n99,2\n"
DESCRIPTIONS = (
    "campaign_id,campaign_type,start_date,end_date\n8,Type A,2017-05-08,2017-06-25\n18,Type A,2017-10-30,2017-12-24\n"
)
REDEMPTIONS = "household_id,coupon_upc,campaign_id,redemption_date\n1,55410000076,8,2017-05-08\n"
PRODUCTS = """product_id,manufacturer_id,department,brand,product_category,product_type,package_size
p1,2,GROCERY,National,FRZN ICE,ICE - CRUSHED/CUBED,22 LB
p2,69,MISCELLANEOUS,Private,NULL,,
"""
PEOPLE = """household_id,age,income,home_ownership,marital_status,household_size,household_comp,kids_count
1,65+,35-49K,Homeowner,Married,2,2 Adults No Kids,0
"""
#: The first edition, of dunnhumby, has other names.
OLD = "household_key,BASKET_ID,DAY,PRODUCT_ID\n1,2,3,4\n"
FILES = {"transactions_csv": TRANSACTIONS, "campaigns_csv": CAMPAIGNS, "campaign_descriptions_csv": DESCRIPTIONS,
         "coupon_redemptions_csv": REDEMPTIONS, "products_csv": PRODUCTS, "demographics_csv": PEOPLE,
         "coupons_csv": "coupon_upc,product_id\n", "promotions_sample_csv": "product_id,store_id\n"}  # fmt: skip


def _events(tmp_path: Path, name: str, **options: Any) -> list[dict[str, Any]]:
    done = read_set(put(tmp_path / "cj", **FILES), "complete_journey", **options)
    return [event for event in done.events if event["event"] == name]


def test_the_price_is_what_the_retailer_receives_for_one(tmp_path: Path) -> None:
    lines = _events(tmp_path, "purchase")
    assert [(line["item_id"], line["price"], line["quantity"]) for line in lines] == [
        ("p1", 3.34 / 2, 2), ("p2", 2.89 / 2, 2), ("p3", None, 0), ("p4", 0.0, 1)
    ]  # fmt: skip
    assert {(line["order_id"], line["session_id"]) for line in lines} == {("b1", "b1"), ("b2", "b2")}
    assert [json.loads(line["props"]) for line in lines] == [
        {"store": "309", "retail_disc": 0.36}, {"store": "309", "coupon_disc": 0.55, "coupon_match_disc": 0.45},
        {"store": "309", "coupon_disc": 1.4}, {"store": "310", "retail_disc": 3.99},
    ]  # fmt: skip


def test_time_stamps_are_utc_and_dates_are_days_in_new_york(tmp_path: Path) -> None:
    assert _events(tmp_path, "purchase")[0]["ts"] == "2017-01-28T19:06:53+00:00"
    assert _events(tmp_path, "coupon_redemption")[0]["ts"] == "2017-05-08T04:00:00+00:00"
    assert _events(tmp_path, "campaign_received")[1]["ts"] == "2017-10-30T04:00:00+00:00"


def test_lines_with_quantity_0_can_have_a_name_of_their_own(tmp_path: Path) -> None:
    assert [line["item_id"] for line in _events(tmp_path, "coupon_line", zero_quantity="coupon_line")] == ["p3"]


def test_campaigns_and_coupons(tmp_path: Path) -> None:
    received = _events(tmp_path, "campaign_received")
    assert [(e["user_id"], e["campaign"]) for e in received] == [("1", "8"), ("2", "18")]
    assert json.loads(received[0]["props"]) == {"type": "Type A", "end": "2017-06-25"}
    [redeemed] = _events(tmp_path, "coupon_redemption")
    assert (redeemed["campaign"], json.loads(redeemed["props"])) == ("8", {"coupon": "55410000076"})


def test_a_campaign_that_is_not_described_has_no_time(tmp_path: Path) -> None:
    done = read_set(put(tmp_path / "cj", **FILES), "complete_journey")
    assert done.reasons == {"unreadable_time": 1}
    assert len(done.events) == 4 + 2 + 1


def test_products_and_households(tmp_path: Path) -> None:
    done = read_set(put(tmp_path / "cj", **FILES), "complete_journey")
    assert done.items["p1"]["category"] == "GROCERY > FRZN ICE > ICE - CRUSHED/CUBED"
    assert json.loads(done.items["p1"]["attributes"]) == {"manufacturer_id": "2", "package_size": "22 LB"}
    assert (done.items["p2"]["category"], done.items["p2"]["brand"]) == ("MISCELLANEOUS", "Private")
    assert done.users["1"]["household_size"] == 2
    assert done.users["1"]["age"] == "65+"
    assert [Path(entry["file"]).stem for entry in done.found.ignored] == ["coupons", "promotions_sample"]


def test_what_is_no_number_is_quarantined_with_any_decimal_point(tmp_path: Path) -> None:
    rows = (
        LINES
        + "1,3,b,p,2,'free',0,0,0,5,2017-01-28\n1,3,b,p,two,1,0,0,0,5,2017-01-28\n1,3,b,p,2,-1,0,0,0,5,2017-01-28\n"
    )
    done = read_set(
        put(tmp_path / "cj", transactions_csv=rows + '1,"s""1",b,p,2,5,0,0,0,5,2017-01-28\n'), "complete_journey"
    )
    assert done.reasons == {"wrong_type": 2, "negative_price": 1}
    assert [(line["price"], json.loads(line["props"])) for line in done.events] == [(2.5, {"store": 's"1'})]
    comma = LINES + '1,3,b,p,2,"1,5",0,0,0,5,2017-01-28\n1,3,b,p,2,x,0,0,0,5,2017-01-28\n'
    done = read_set(put(tmp_path / "cj", transactions_csv=comma), "complete_journey", decimal=",")
    assert ([line["price"] for line in done.events], done.reasons) == ([0.75], {"wrong_type": 1})


def test_zones_agree_and_absurd_times_are_quarantined(tmp_path: Path) -> None:
    times = (*ZONES, "1994-12-31", "2999-01-01", "")
    rows = LINES + "".join(f"1,3,b{at},p,1,1,0,0,0,5,{time}\n" for at, time in enumerate(times))
    done = read_set(put(tmp_path / "cj", transactions_csv=rows), "complete_journey")
    assert done.column("ts") == [NOON] * 3
    assert done.reasons == {"unreadable_time": 3, "time_before_1995": 1, "time_in_future": 1}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"campaigns_csv": CAMPAIGNS}, "cannot be read without campaign descriptions"),
        ({"transactions_csv": ""}, "transactions.csv is empty"),
        ({"transactions_csv": OLD}, "lacks household_id, store_id, .*columns expected"),
        ({"transaction_data_csv": OLD}, "no file that adapter complete_journey knows"),
        ({"coupons_csv": "a\n"}, "nothing to read"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(CartpathError, match=message):
        read_set(put(tmp_path / "cj", **files), "complete_journey")


def test_files_that_are_cut(tmp_path: Path) -> None:
    done = read_set(put(tmp_path / "cj", transactions_csv=TRANSACTIONS[:-30]), "complete_journey")
    assert (len(done.events), done.reasons) == (3, {"wrong_number_of_fields": 1})
    pq.write_table(pa.table({"product_id": ["p"]}), tmp_path / "products.parquet")
    (tmp_path / "products.parquet").write_bytes((tmp_path / "products.parquet").read_bytes()[:-9])
    with pytest.raises(CartpathError, match=r"products\.parquet cannot be read as Parquet"):
        read_set(tmp_path / "products.parquet", "complete_journey")


@pytest.fixture(scope="module")
def shop(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ingest.IngestSummary]:
    path = tmp_path_factory.mktemp("cj") / "shop"
    store.init(path, Settings(StoreSettings(buckets=4)))
    return path, ingest.ingest(path, [str(data_dir / "complete_journey")], adapter="complete_journey")


@pytest.fixture(scope="module")
def control(data_dir: Path) -> dict[str, pd.DataFrame]:
    folder = data_dir / "complete_journey"
    return {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}


def test_the_real_counts(shop: tuple[Path, ingest.IngestSummary], control: dict[str, pd.DataFrame]) -> None:
    lines, sent, redeemed = (control[name] for name in ("transactions_sample", "campaigns", "coupon_redemptions"))
    done = shop[1]
    assert (done.read, done.quarantined, done.duplicates) == (len(lines) + len(sent) + len(redeemed), 0, 0)
    assert done.stored == 83_691
    households = {*lines.household_id, *sent.household_id, *redeemed.household_id}
    assert done.users == len(households) == 2_379
    assert done.items == lines.product_id.nunique() == 20_902
    assert {t["kind"]: t["entries"] for t in done.tables} == {
        "campaign descriptions": 27, "products": len(control["products"]), "demographics": len(control["demographics"])
    }  # fmt: skip


def test_the_real_baskets_and_revenue(
    shop: tuple[Path, ingest.IngestSummary], control: dict[str, pd.DataFrame]
) -> None:
    lines = control["transactions_sample"]
    with store.open_snapshot(shop[0]) as snapshot:
        found = status(snapshot)
    assert found.orders == lines.basket_id.nunique() == 47_243
    assert found.revenue == pytest.approx(lines.sales_value.sum(), abs=0.005)
    assert (found.revenue, found.purchases_without_order) == (233_935.24, 0)
    assert found.events_by_type == {"purchase": 75_000, "campaign_received": 6_589, "coupon_redemption": 2_102}


def test_the_real_revenue_by_household(
    shop: tuple[Path, ingest.IngestSummary], control: dict[str, pd.DataFrame]
) -> None:
    """Of every household, so that errors cannot cancel out."""
    expected = control["transactions_sample"].groupby("household_id").sales_value.sum()
    found: dict[str, float] = {}
    with store.open_snapshot(shop[0]) as snapshot:
        for bucket in range(snapshot.n_buckets):
            for path in snapshot.bucket(bucket):
                priced = ~np.isnan(path.price)
                found[path.user_id[0].as_py()] = float((path.price * path.quantity)[priced].sum())
    assert found.keys() >= set(expected.index)
    assert max(abs(found[household] - value) for household, value in expected.items()) < 1e-6


def test_the_real_catalogue_and_households(
    shop: tuple[Path, ingest.IngestSummary], control: dict[str, pd.DataFrame]
) -> None:
    goods = control["products"]
    levels = goods[["department", "product_category", "product_type"]]
    expected = levels.apply(lambda row: " > ".join(row.dropna()), axis=1)
    with store.open_snapshot(shop[0]) as snapshot:
        items, users = snapshot.items.to_pandas(), snapshot.users.to_pandas()
    paths = items.set_index("item_id").category.reindex(goods.product_id)
    assert (paths.to_numpy() == expected.to_numpy()).all()
    assert sorted(users.user_id) == sorted(control["demographics"].household_id)
