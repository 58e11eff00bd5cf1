"""The invoice lines of the UCI's Online Retail: expected values by hand, matching by a slow twin."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import ingest, store
from cartpath.ingest import Reason, get
from cartpath.ingest.adapters.retail_events import Ledger
from cartpath.ingest.adapters.retail_lines import iso_dates
from cartpath.ingest.chunk import Chunk
from cartpath.ingest.options import resolve_options
from cartpath.paths import status
from cartpath.schema import CartpathError, Columns
from tests.ingest import retail_twin as twin
from tests.ingest.reading import Outcome, read, write

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def csv(*lines: str) -> bytes:
    return (HEADER + "".join(f"{line}\n" for line in lines)).encode()


def line(
    invoice: str = "500001",
    stock: str = "22",
    quantity: float | str = 6,
    day: int = 1,
    price: float | str = 2.5,
    customer: str = "17850",
    text: str = "RED MUG",
) -> str:
    return f"{invoice},{stock},{text},{quantity},2010-12-{day:02} 08:26:00,{price},{customer},United Kingdom"


def outcome(tmp_path: Path, *lines: str, **options: Any) -> Outcome:
    return read(write(tmp_path / "a.csv", csv(*lines)), "online_retail", **options)


def rows(found: Outcome, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(event[name] for name in names) for event in found.events.to_pylist()]


def test_a_sale_line_is_a_purchase(tmp_path: Path) -> None:
    (event,) = outcome(tmp_path, line(customer="17850.0")).events.to_pylist()
    assert {name: value for name, value in event.items() if value is not None and name != Columns.ts} == {
        "user_id": "17850", "event": "purchase", "item_id": "22", "price": 2.5, "quantity": 6, "order_id": "500001",
        "event_id": "500001-1", "country": "United Kingdom", Columns.hit: "500001",
    }  # fmt: skip
    assert event[Columns.ts].isoformat() == "2010-12-01T08:26:00+00:00"


def test_times_are_those_of_london(tmp_path: Path) -> None:
    summer = line().replace("2010-12-01", "2011-07-01")
    (event,) = outcome(tmp_path, summer).events.to_pylist()
    assert event[Columns.ts].isoformat() == "2011-07-01T07:26:00+00:00"


def test_a_cancellation_is_a_refund_of_its_sale(tmp_path: Path) -> None:
    found = outcome(tmp_path, line(), line("C500002", quantity=-4, day=2))
    assert rows(found, "event", "order_id", "quantity", "price", "event_id") == [
        ("purchase", "500001", 6, 2.5, "500001-1"),
        ("refund", "500001", 4, 2.5, "C500002-1"),
    ]
    assert json.loads(found.column("props")[1]) == {"cancels": "500001", "invoice": "C500002", "matched": True}


def refunds(found: Outcome) -> list[tuple[Any, ...]]:
    return [(order, n) for event, order, n in rows(found, "event", "order_id", "quantity") if event == "refund"]


def test_the_latest_sale_at_the_same_price_that_covers_it_all_comes_first(tmp_path: Path) -> None:
    found = outcome(
        tmp_path,
        line("500001", quantity=6, day=1),
        line("500002", quantity=6, day=2),
        line("500003", quantity=2, day=3),  # later, but too few
        line("500004", quantity=6, day=4, price=2.1),  # later still, at another price
        line("C500005", quantity=-5, day=5),
    )
    assert refunds(found) == [("500002", 5)]


def test_a_cancellation_of_several_sales_is_split(tmp_path: Path) -> None:
    found = outcome(
        tmp_path,
        line("500001", quantity=3, day=1),
        line("500002", quantity=4, day=2, price=2.1),
        line("500003", quantity=2, day=3),
        line("C500005", quantity=-10, day=5),
    )
    # 2 and 3 at its own price, latest first; 4 at another price; 1 that nobody bought.
    assert refunds(found) == [("500003", 2), ("500001", 3), ("500002", 4), ("C500005", 1)]
    assert [e for e in found.column("event_id") if e.startswith("C")] == [
        *("C500005-1", "C500005-1.2", "C500005-1.3", "C500005-1.4")
    ]
    assert set(found.column("price")[3:]) == {2.5}  # what was credited, not what was paid
    assert json.loads(found.column("props")[6]) == {"invoice": "C500005", "matched": False}
    assert (found.read, found.source_rows) == (7, 4)


def test_nothing_is_cancelled_twice(tmp_path: Path) -> None:
    found = outcome(tmp_path, line(), *(line(f"C50001{n}", quantity=-4, day=2) for n in range(3)))
    assert refunds(found) == [("500001", 4), ("500001", 2), ("C500011", 2), ("C500012", 4)]


@pytest.mark.parametrize(
    "sale",
    [
        line(day=3),  # after it
        line(customer="1"),
        line(stock="23"),
        line(invoice="C500001", quantity=-6),
    ],
)
def test_another_line_is_not_its_sale(tmp_path: Path, sale: str) -> None:
    found = outcome(tmp_path, sale, line("C500002", quantity=-4, day=2))
    assert refunds(found)[-1] == ("C500002", 4)


CUSTOMERS, STOCKS, PRICES = ("1", "2"), ("x", "y"), (1.0, 2.0)


@st.composite
def logs(draw: st.DrawFn) -> list[dict[str, Any]]:
    lines = []
    for number in range(draw(st.integers(1, 25))):
        cancelled = draw(st.booleans())
        lines.append(
            {
                # Some invoices go on after others; a sale and its cancellation may be of one moment.
                "invoice": f"{'C' if cancelled else ''}{500 + draw(st.integers(0, number))}",
                "customer": draw(st.sampled_from(CUSTOMERS)),
                "stock": draw(st.sampled_from(STOCKS)),
                "price": draw(st.sampled_from(PRICES)),
                "quantity": draw(st.integers(1, 6)),
                "ts": draw(st.integers(0, 12)),
            }
        )
    return lines


def as_table(lines: list[dict[str, Any]]) -> pa.Table:
    signs = [-1 if e["invoice"].startswith("C") else 1 for e in lines]
    return pa.table(
        {
            "InvoiceNo": [e["invoice"] for e in lines],
            "StockCode": [e["stock"] for e in lines],
            "Quantity": [float(s * e["quantity"]) for s, e in zip(signs, lines, strict=True)],
            "InvoiceDate": pa.array([1_300_000_000_000_000 + e["ts"] for e in lines], pa.timestamp("us")),
            "UnitPrice": [e["price"] for e in lines],
            "CustomerID": [float(e["customer"]) for e in lines],
        }
    )


@given(logs(), st.integers(1, 26))
def test_matching_agrees_with_the_slow_twin(lines: list[dict[str, Any]], cut: int) -> None:
    ledger, made = Ledger(resolve_options(get("online_retail"), {})), []
    for begin in range(0, len(lines), cut):
        part = as_table(lines[begin : begin + cut])
        chunk = ledger.take(Chunk(part, pa.array(range(begin, begin + len(part))).to_numpy()))
        made += chunk.table.to_pylist()
    found = [(e["props"], e["pieces"]) for e in made if e["event"] == "refund"]
    props = [json.loads(text) for text, _ in found]
    parts = [(p["invoice"], int(n), p.get("cancels")) for p, (_, n) in zip(props, found, strict=True)]
    assert parts == twin.refunds(lines)
    _not_more_than_was_sold(lines, made)


def _not_more_than_was_sold(lines: list[dict[str, Any]], made: list[dict[str, Any]]) -> None:
    sold, back = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for event in made:
        key = (event["order"], event["user"], event["item"])
        if event["event"] == "purchase":
            sold[key] += event["pieces"]
        elif json.loads(event["props"])["matched"]:
            back[key] += event["pieces"]
    assert all(back[key] <= sold[key] for key in back)
    cancelled = sum(e["quantity"] for e in lines if e["invoice"].startswith("C"))
    assert sum(e["pieces"] for e in made if e["event"] == "refund") == cancelled


def test_lines_without_customer(tmp_path: Path) -> None:
    lines = (line(customer=""), line("C500002", quantity=-4, day=2, customer=""))
    found = outcome(tmp_path, *lines)
    assert (found.reasons, found.read, len(found.events)) == ({Reason.missing_user: 2}, 2, 0)
    kept = outcome(tmp_path, *lines, missing_customer="anonymous")
    # Two strangers: who sent the goods back is not known to be who bought them.
    assert rows(kept, "user_id", "event", "order_id") == [
        ("invoice:500001", "purchase", "500001"),
        ("invoice:C500002", "refund", "C500002"),
    ]


def test_the_shops_own_stock_corrections_are_no_events(tmp_path: Path) -> None:
    found = outcome(
        tmp_path,
        line(quantity=-10, price=0, customer="", text="damaged"),
        line("500002", quantity=56, price=0, customer="", text="found"),
        line("500003", quantity=-1),  # not a cancellation, whoever it names
        line("500004", price=0),  # a customer's gift
        missing_customer="anonymous",
    )
    assert found.rows(Reason.stock_adjustment) == [2, 3, 4]
    assert rows(found, "event", "price", "order_id") == [("purchase", 0.0, "500004")]
    assert '"damaged"' in found.bad[0].raw
    assert found.bad[2].user_id == "17850"


FEES = (line(stock="POST", price=18), line("C500002", stock="m", quantity=-1, price=9, day=2), line("A500003", price=7))


def test_what_is_no_goods_is_a_fee_or_a_credit(tmp_path: Path) -> None:
    found = outcome(tmp_path, *FEES)
    assert rows(found, "event", "item_id", "quantity", "price", "order_id") == [
        ("fee", None, 6, 18.0, "500001"),
        ("credit", None, 1, 9.0, "C500002"),
        ("fee", None, 6, 7.0, "A500003"),
    ]
    assert json.loads(found.column("props")[0]) == {"code": "POST", "text": "RED MUG"}


def test_fees_as_sales_or_in_the_quarantine(tmp_path: Path) -> None:
    as_sale = outcome(tmp_path, *FEES, fees="sale")
    assert rows(as_sale, "event", "item_id") == [("purchase", "POST"), ("refund", "m"), ("purchase", "22")]
    assert outcome(tmp_path, *FEES, fees="quarantine").reasons == {Reason.not_goods: 3}
    own = outcome(tmp_path, *FEES, fees="quarantine", fee_codes="postage, M")
    assert own.rows(Reason.not_goods) == [3, 4]


def test_a_dropped_line_can_not_be_cancelled(tmp_path: Path) -> None:
    lines = (line(), line(), line("C500002", quantity=-10, day=2))
    assert refunds(outcome(tmp_path, *lines)) == [("500001", 10)]
    assert refunds(outcome(tmp_path, *lines, repeats="drop")) == [("500001", 6), ("C500002", 4)]


def test_lines_that_differ_in_quantity_alone_are_not_equal(tmp_path: Path) -> None:
    lines = (line(), line("C500002", quantity=-1, day=2), line("C500002", quantity=-2, day=2))
    assert refunds(outcome(tmp_path, *lines, repeats="drop")) == [("500001", 1), ("500001", 2)]


@pytest.mark.parametrize(("repeats", "duplicates"), [("keep", 0), ("drop", 1)])
def test_equal_lines_are_kept_unless_they_shall_not_be(tmp_path: Path, repeats: str, duplicates: int) -> None:
    lines = (line(), line(), line(quantity=7), line("C500002", quantity=-10, day=2))
    path, shop = write(tmp_path / "a.csv", csv(*lines)), tmp_path / "shop"
    store.init(shop)
    done = ingest.ingest(shop, [str(path)], adapter="online_retail", options={"repeats": repeats})
    with store.open_snapshot(shop) as snapshot:
        found = status(snapshot)
    assert (done.duplicates, done.read) == (duplicates, 4)
    assert (found.revenue, found.refunds) == (2.5 * (19 - 6 * duplicates), 25.0)


def test_a_file_that_grew_gives_each_line_once(tmp_path: Path) -> None:
    store.init(tmp_path / "shop")
    before = [line(), line("500002", day=2), line("C500003", quantity=-9, day=3)]
    path = write(tmp_path / "a.csv", csv(*before))
    first = ingest.ingest(tmp_path / "shop", [str(path)], adapter="online_retail")
    write(path, csv(*before, line("C500004", quantity=-3, day=4)))
    again = ingest.ingest(tmp_path / "shop", [str(path)], adapter="online_retail")
    assert (first.stored, again.duplicates, again.stored) == (4, 4, 1)


def test_files_given_together_are_one_log(tmp_path: Path) -> None:
    store.init(tmp_path / "shop")
    old = write(tmp_path / "1.csv", csv(line()))
    new = write(tmp_path / "2.csv", csv(line("C500002", quantity=-4, day=2)))
    done = ingest.ingest(tmp_path / "shop", [str(old), str(new)], adapter="online_retail")
    assert (done.read, done.stored, done.items) == (2, 2, 1)
    with store.open_snapshot(tmp_path / "shop") as snapshot:
        found = status(snapshot)
    assert (found.orders, found.revenue, found.refunds) == (1, 15.0, 10.0)


def test_a_title_is_the_most_frequent_description_of_what_was_sold(tmp_path: Path) -> None:
    store.init(tmp_path / "shop")
    lines = [
        *(line("500001", text=text) for text in ("RED MUGG", "RED MUG", "RED MUG")),
        *(line("500002", quantity=-1, price=0, customer="", text="damaged") for _ in range(5)),
        line("500003", stock="23", text="OLD", price=3),
        line("500004", stock="23", text="NEW", price=4),
        line("500005", stock="23", text="GIFT", price=0),
        line("500006", stock="24", text=""),
    ]
    ingest.ingest(tmp_path / "shop", [str(write(tmp_path / "a.csv", csv(*lines)))], adapter="online_retail")
    with store.open_snapshot(tmp_path / "shop") as snapshot:
        items = {row["item_id"]: (row["title"], row["price"]) for row in snapshot.items.to_pylist()}
    assert items == {"22": ("RED MUG", 2.5), "23": ("NEW", 4.0), "24": (None, 2.5)}


def test_wrong_values_and_an_unclean_sale(tmp_path: Path) -> None:
    found = outcome(
        tmp_path,
        line(quantity="six"),
        line("500002", price="-2.5"),
        line("500003").replace("2010-12-01", "soon"),
        line("500004", price="", quantity=""),
        line("C500005", quantity=-1, day=9),
    )
    assert found.reasons == {Reason.wrong_type: 1, Reason.negative_price: 1, Reason.unreadable_time: 1}
    assert rows(found, "event", "order_id", "quantity", "price") == [
        ("purchase", "500004", None, None),
        ("refund", "C500005", 1, 2.5),
    ]


def test_the_names_and_dates_of_the_other_editions(tmp_path: Path) -> None:
    text = b"Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n489434,85048,X,12,"
    for date in (b"2009-12-01 07:45:00", b"12/1/2009 7:45"):
        found = read(write(tmp_path / "a.csv", text + date + b",6.95,13085.0,United Kingdom\n"), "online_retail")
        assert rows(found, "user_id", "price", "order_id") == [("13085", 6.95, "489434")]
        assert found.column("ts")[0].isoformat() == "2009-12-01T07:45:00+00:00"


def test_dates_of_other_forms_are_left_alone() -> None:
    given_, expected = (
        ["1/31/2011 10:05", "10/2/2011 7:45:09", "31 Jan", None],
        ["2011-01-31 10:05", "2011-10-02 07:45:09"],
    )
    assert iso_dates(pa.array(given_)).to_pylist() == [*expected, "31 Jan", None]


def test_a_time_format_is_obeyed(tmp_path: Path) -> None:
    odd = line().replace("2010-12-01 08:26:00", "01.12.2010 08:26")
    found = outcome(tmp_path, odd, time_format="%d.%m.%Y %H:%M")
    assert found.column("ts")[0].isoformat() == "2010-12-01T08:26:00+00:00"


def test_every_format_gives_the_same(tmp_path: Path) -> None:
    lines = [line(), line("500002", customer=""), line("C500003", quantity=-4, day=2)]
    expected = outcome(tmp_path, *lines)
    raw = [dict(zip(HEADER.strip().split(","), text.split(","), strict=True)) for text in lines]
    for row in raw:
        numbers = {name: float(row[name]) if row[name] else None for name in ("Quantity", "UnitPrice", "CustomerID")}
        row.update(numbers)
    jsonl = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in raw).encode())
    pq.write_table(pa.Table.from_pylist(raw), tmp_path / "a.parquet")
    for path in (jsonl, tmp_path / "a.parquet"):
        found = read(path, "online_retail")
        assert found.events.equals(expected.events)
        assert found.reasons == expected.reasons


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"event_time,event_type,user_id\n2020-01-01,view,1\n")
    with pytest.raises(CartpathError, match="no column 'InvoiceNo' or 'Invoice'") as error:
        read(path, "online_retail")
    assert "--adapter rees46" in error.value.hint
