"""Proposals for unknown files; each is run as it is printed."""

from __future__ import annotations

import gzip
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from cartpath.cli import app
from cartpath.ingest import Proposal, names, propose
from cartpath.ingest.event_map import event_map, written
from cartpath.ingest.mapping.event_names import meaning
from cartpath.ingest.mapping.facts import facts_of
from cartpath.ingest.mapping.names import name_score
from cartpath.ingest.mapping.time_formats import time_facts
from cartpath.ingest.mapping.values import value_score
from cartpath.schema import CANONICAL_EVENTS, CartpathError, Columns, event_schema
from cartpath.simulate import simulate
from tests.ingest.reading import write

Ingested = Callable[[Proposal], dict[str, Any]]


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def ingested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingested:
    """Run the command of a proposal, as it is printed, and return the summary."""

    def ingest(found: Proposal) -> dict[str, Any]:
        monkeypatch.chdir(tmp_path)
        assert run("init", "SHOP", "--buckets", "2").exit_code == 0
        result = run(*shlex.split(found.command)[1:], "--json")
        assert result.exit_code == 0, result.output
        summary: dict[str, Any] = json.loads(result.stdout)
        return summary

    return ingest


GERMAN = """Kunden-Nr;Zeitpunkt;Aktion;Artikelnummer;Einzelpreis;Menge;Bestellnummer;Land;Bemerkung
10;31.12.2020 10:00;Ansicht;A1;;;;Österreich;x
10;31.12.2020 10:05;In den Warenkorb;A1;12,50;2;;Österreich;x
10;01.01.2021 09:30;Kauf;A1;12,50;2;B7;Österreich;y
11;02.01.2021 08:00;Newsletter;;;;;Schweiz;z
"""
CHINESE = """用户ID,商品ID,行为类型,时间戳,价格
1,5,浏览,1511544070,9.5
1,5,加购,1511544080,9.5
2,6,购买,1511544090,19.0
"""
FRENCH = """id_client,date_heure,type_événement,produit,prix_unitaire,quantité,pays
c1,2021-03-01T10:00:00Z,vue,p1,9.5,1,France
c1,2021-03-01T10:01:00Z,achat,p1,9.5,1,France
"""
SPANISH = """usuario,fecha,evento,producto,precio,cantidad,id_pedido,ciudad
u1,2021-03-01 10:00:00,vista,p1,9.5,,,Lima
u1,2021-03-01 10:01:00,compra,p1,9.5,2,o1,Lima
"""


def columns(found: Proposal) -> dict[str, str]:
    return found.mapping


def test_a_german_log(tmp_path: Path, ingested: Ingested) -> None:
    found = propose(str(write(tmp_path / "log.csv", GERMAN.encode())))
    assert columns(found) == {
        "user_id": "Kunden-Nr", "ts": "Zeitpunkt", "event": "Aktion", "item_id": "Artikelnummer",
        "price": "Einzelpreis", "quantity": "Menge", "order_id": "Bestellnummer", "country": "Land",
    }  # fmt: skip
    assert found.unmapped == ["Bemerkung"]
    assert found.events == {"Ansicht": "view", "In den Warenkorb": "add_to_cart", "Kauf": "purchase"}
    assert found.options["time_format"] == "%d.%m.%Y %H:%M"
    assert found.options["decimal"] == ","
    assert {choice.confidence for choice in found.choices.values()} == {"high"}
    summary = ingested(found)
    assert (summary["stored"], summary["quarantined"], summary["users"]) == (4, 0, 2)
    result = json.loads(run("status", "SHOP", "--json").stdout)
    assert (result["revenue"], result["orders"]) == (25.0, 1)
    assert result["events_by_type"] == {"add_to_cart": 1, "purchase": 1, "view": 1, "Newsletter": 1}


@pytest.mark.parametrize(
    ("text", "expected", "events"),
    [
        (CHINESE, {"user_id": "用户ID", "ts": "时间戳", "event": "行为类型", "item_id": "商品ID", "price": "价格"},
         {"view": 1, "add_to_cart": 1, "purchase": 1}),
        (FRENCH, {"user_id": "id_client", "ts": "date_heure", "event": "type_événement", "item_id": "produit",
                  "price": "prix_unitaire", "quantity": "quantité", "country": "pays"}, {"view": 1, "purchase": 1}),
        (SPANISH, {"user_id": "usuario", "ts": "fecha", "event": "evento", "item_id": "producto", "price": "precio",
                   "quantity": "cantidad", "order_id": "id_pedido", "city": "ciudad"}, {"view": 1, "purchase": 1}),
    ],
)  # fmt: skip
def test_other_languages(
    tmp_path: Path, ingested: Ingested, text: str, expected: dict[str, str], events: dict[str, int]
) -> None:
    found = propose(str(write(tmp_path / "log.csv.gz", gzip.compress(text.encode()))))
    assert columns(found) == expected
    assert ingested(found)["quarantined"] == 0
    assert json.loads(run("status", "SHOP", "--json").stdout)["events_by_type"] == events


def test_json_lines_with_objects_and_milliseconds(tmp_path: Path, ingested: Ingested) -> None:
    rows = [
        {"messageId": f"m{n}", "visitorId": n % 3, "occurredAt": 1_600_000_000_000 + n, "eventName": name,
         "pageUrl": f"https://shop.example/{n}", "payload": {"a": n}, "userAgent": "x"}
        for n, name in enumerate(["page_view", "addToCart", "page_view", "login", "page_view", "page_view"])
    ]  # fmt: skip
    path = write(tmp_path / "a file of events.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    found = propose(str(path))
    assert columns(found) == {
        "user_id": "visitorId", "ts": "occurredAt", "event": "eventName", "page": "pageUrl", "event_id": "messageId",
        "props": "payload", "browser": "userAgent",
    }  # fmt: skip
    assert found.events == {"addToCart": "add_to_cart"}
    assert found.choices["browser"].confidence == "medium"
    assert "milliseconds since 1970" in found.choices["ts"].why
    assert next(c for c in found.columns if c.name == "payload").to_dict()["distinct"] is None
    assert ingested(found)["stored"] == 6


def test_a_log_of_orders_has_one_event(tmp_path: Path, ingested: Ingested) -> None:
    text = "order_number,order_total,buyer_id,ordered_at,sku\n" + "".join(
        f"o{n // 2},{10 * (n // 2 + 1)}.5,b{n % 5},2021-01-{n % 28 + 1:02},s{n}\n" for n in range(60)
    )
    found = propose(str(write(tmp_path / "a.csv", text.encode())))
    assert columns(found)["event"] == "=purchase"
    assert columns(found)["order_value"] == "order_total"
    assert any("days without a time of day" in text for text in found.warnings)
    assert ingested(found)["stored"] == 60


def test_an_amount_of_a_line_is_no_orders_total(tmp_path: Path) -> None:
    text = "order_id,revenue,customer,date\n" + "".join(f"o{n // 3},{n}.5,c{n % 4},2021-01-01\n" for n in range(60))
    found = propose(str(write(tmp_path / "a.csv", text.encode())))
    assert "order_value" not in columns(found)
    assert "revenue" in found.unmapped
    assert any("'revenue' is no order's total: 20 of 20 orders" in text for text in found.warnings)


def test_day_and_month_that_cannot_be_told_apart(tmp_path: Path) -> None:
    found = propose(str(write(tmp_path / "a.csv", b"user,date,event\n1,01/02/2020,view\n2,03/04/2020,view\n")))
    assert any("%d/%m/%Y and %m/%d/%Y" in text for text in found.warnings)
    sure = propose(str(write(tmp_path / "a.csv", b"user,date,event\n1,01/22/2020,view\n2,03/04/2020,view\n")))
    assert sure.options == {"time_format": "%m/%d/%Y"}
    assert not any("told apart" in text for text in sure.warnings)


def test_values_decide_between_names(tmp_path: Path) -> None:
    """A time column that holds no times is none; the other one is taken, and is no longer the runner-up."""
    text = "user,time,created,event,price,cost\n" + "".join(
        f"{n % 4},soon,2020-01-01 00:00:{n:02},view,n/a,{n}.5\n" for n in range(30)
    )
    found = propose(str(write(tmp_path / "a.csv", text.encode())))
    assert columns(found)["ts"] == "created"
    assert columns(found)["price"] == "cost"
    assert found.choices["ts"].runner_up is None


def test_a_canonical_name_with_other_values_is_told(tmp_path: Path) -> None:
    text = "user,time,event,price,query\n" + "".join(f"{n},2020-01-0{n},view,cheap,\n" for n in range(1, 9))
    found = propose(str(write(tmp_path / "a.csv", text.encode())))
    assert columns(found) == {"user_id": "user", "ts": "time", "event": "event"}
    assert [text for text in found.warnings if "'price' has the name" in text]
    assert not [text for text in found.warnings if "'query'" in text]  # empty: reading it does no harm
    assert found.unmapped == []


def test_the_runner_up_is_named(tmp_path: Path) -> None:
    text = "user,event_time,updated_at,event\n" + "".join(f"{n},2020-01-0{n},2020-02-0{n},view\n" for n in range(1, 9))
    found = propose(str(write(tmp_path / "a.csv", text.encode())))
    assert (columns(found)["ts"], found.choices["ts"].runner_up) == ("event_time", "updated_at")


def test_columns_that_only_their_values_tell(tmp_path: Path) -> None:
    text = "user,a,b,c,d\n" + "".join(
        f'{n % 4},2020-01-01 00:00:{n:02},{("view", "buy", "cart")[n % 3]},/p/{n},"{{""x"": {n}}}"\n' for n in range(60)
    )
    found = propose(str(write(tmp_path / "a.csv", text.encode())))
    assert columns(found) == {"user_id": "user", "ts": "a", "event": "b", "page": "c", "props": "d"}
    assert found.choices["user_id"].confidence == "high"
    assert {found.choices[name].confidence for name in ("ts", "event")} == {"medium"}
    assert {found.choices[name].confidence for name in ("page", "props")} == {"low"}
    assert any(text.startswith("page is a guess: 'c'") for text in found.warnings)


def test_what_is_missing_is_an_error_with_json_all_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"colour,size\nred,1\nblue,2\n")
    result = run("map", str(path), "--json")
    assert result.exit_code == 2
    found = json.loads(result.stdout)
    assert (found["missing"], found["map"], found["adapter"]) == (["user_id", "ts", "event"], {}, None)
    assert "no column that could be user_id or ts or event" in result.stderr
    shown = run("map", str(path))
    assert shown.exit_code == 2
    assert "not read: colour, size" in shown.stdout
    assert "cartpath ingest" not in shown.stdout


def test_what_is_printed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"who,when,action\n1,2020-01-01 10:00,buy\n1,2020-01-01 11:00,view\n")
    shown = run("map", str(path))
    assert shown.exit_code == 2  # nobody is called "who"
    path = write(tmp_path / "a.csv", b"client,when,action\n1,2020-01-01 10:00,buy\n1,2020-01-01 11:00,view\n")
    shown = run("map", str(path))
    assert shown.exit_code == 0
    assert "event 'buy' means purchase" in shown.stdout
    assert shown.stdout.splitlines()[-1].endswith("--map event=action --option events=buy:purchase")
    assert "read as UTC" in shown.stderr
    found = json.loads(run("map", str(path), "--json").stdout)
    assert list(found) == [
        *("source", "file", "format", "rows_sampled", "columns", "map", "reasons", "unmapped", "options", "events"),
        *("adapter", "missing", "warnings", "command"),
    ]
    assert set(found["reasons"]["ts"]) == {"column", "confidence", "why", "runner_up"}
    assert found["columns"][0] == {"name": "client", "type": "string", "nulls": 0.0, "distinct": 1, "examples": ["1"]}


def test_a_folder_is_its_first_readable_file(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", b"")
    write(tmp_path / "b.csv", b"user,time,event\n1,2020-01-01,view\n")
    write(tmp_path / "c.csv", b"user,time,event\n1,2020-01-01,view\n")
    found = propose(str(tmp_path))
    assert Path(found.file).name == "b.csv"
    assert any("the source has 1 more files" in text for text in found.warnings)


def test_files_that_look_alike_are_read_together(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("user_id,ts,event\nu,2020-01-01,view\n")
    found = propose(str(tmp_path))
    assert shlex.split(found.command)[3] == str(tmp_path)
    assert not any("alone" in text for text in found.warnings)
    (tmp_path / "c.csv").write_text("other,columns\n1,2\n")
    found = propose(str(tmp_path))
    assert shlex.split(found.command)[3] == str(tmp_path / "a.csv")
    assert any("alone" in text for text in found.warnings)


def test_a_folder_that_is_a_set_is_told(data_dir: Path) -> None:
    found = propose(str(data_dir / "complete_journey"))
    assert found.adapter is not None
    assert found.adapter["name"] == "complete_journey"
    assert shlex.split(found.command)[3:] == [str(data_dir / "complete_journey"), "--adapter", "complete_journey"]


@pytest.mark.parametrize("data", [b"", b"user,time,event\n"])
def test_a_file_without_rows(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CartpathError, match=r"is empty|no row that can be read"):
        propose(str(write(tmp_path / "a.csv", data)))


def test_a_file_without_header_is_told(tmp_path: Path) -> None:
    found = propose(
        str(write(tmp_path / "a.csv", b"1,2268318,2520377,pv,1511544070\n1,2333346,2520771,pv,1511561733\n"))
    )
    assert any("the first line looks like data" in text for text in found.warnings)
    assert not found.usable


def test_dirty_rows_are_counted(tmp_path: Path) -> None:
    found = propose(str(write(tmp_path / "a.csv", b"user,time,event\n1,2020-01-01,view\n1,2\n")))
    assert "1 of the first rows cannot be read; ingest would quarantine them" in found.warnings


@pytest.mark.parametrize(
    ("header", "adapter"),
    [
        ("event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session", "rees46"),
        ("Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country", "online_retail"),
        ("user_id,ts,event", None),
    ],
)
def test_a_built_in_adapter_is_told_by_its_columns(tmp_path: Path, header: str, adapter: str | None) -> None:
    text = header + "\n" + ",".join("1" for _ in header.split(",")) + "\n"
    found = propose(str(write(tmp_path / "a.csv", text.encode())))
    assert (found.adapter or {}).get("name") == adapter
    assert not found.adapter or f"--adapter {adapter}" in found.command


def test_sequences_are_told_by_their_lines(tmp_path: Path, ingested: Ingested) -> None:
    found = propose(str(write(tmp_path / "a.txt", b"1 10\n1 11\n2 10\n2 12\n")))
    assert found.adapter == {"name": "sequences", "why": "its lines are ids with spaces between them"}
    assert ingested(found)["stored"] == 4
    prose = propose(str(write(tmp_path / "b.txt", b"user id\n1 2\n")))
    assert prose.adapter is None


@pytest.mark.parametrize(
    ("canonical", "clear", "not_so"),
    [
        ("user_id", ["CustomerID", "customer_id", "USER ID", "visitorid", "Kundennummer", "shop.user.id"],
         ["user_name_x", "price"]),
        ("ts", ["event_time", "eventTimestamp", "created_at_utc", "InvoiceDate", "Zeitstempel"], ["times", "update"]),
        ("session_id", ["user_session", "SessionId", "sessionKey"], ["session_length"]),
        ("order_id", ["InvoiceNo", "transaction_id", "bestell-nr", "订单号"], ["order_status"]),
        ("os", ["OperatingSystems", "os_name"], ["cost"]),
    ],
)  # fmt: skip
def test_names(canonical: str, clear: list[str], not_so: list[str]) -> None:
    assert min(name_score(canonical, name) for name in clear) >= 0.7
    assert max(name_score(canonical, name) for name in not_so) == 0


def test_every_canonical_event_means_itself() -> None:
    assert [meaning(name) for name in CANONICAL_EVENTS] == list(CANONICAL_EVENTS)


def test_values_that_cannot_be() -> None:
    prices = facts_of("p", pa.chunked_array([[1.5, 2.25, 3.0] * 20]))
    flags = facts_of("f", pa.chunked_array([["TRUE", "FALSE"] * 30]))
    assert all(value_score(name, prices) < 0 for name in ("user_id", "event", "page", "quantity", "ts", "props"))
    assert value_score("price", prices) > 0.5
    assert value_score("is_direct", flags) == 1.0
    assert all(value_score(name, flags) < 0 for name in ("user_id", "event", "order_value", "country"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2020-01-01T00:00:00+01:00"], (1.0, None, False, None)),
        (["2020-01-01 00:00:00"], (1.0, None, True, None)),
        (["1577836800"], (1.0, None, False, "s")),
        ([1_577_836_800_000_000], (1.0, None, False, "us")),
        (["12/31/2020 11:59:59 PM"], (1.0, "%m/%d/%Y %I:%M:%S %p", True, None)),
        (["31/Dec/2020:23:59:59 +0000"], (1.0, "%d/%b/%Y:%H:%M:%S %z", False, None)),
        (["1066-10-14"], (0.0, None, True, None)),
        (["red"], (0.0, None, False, None)),
        ([17, 18], (0.0, None, False, "s")),
    ],
)
def test_times(values: list[Any], expected: tuple[Any, ...]) -> None:
    found = time_facts(pa.array(values))
    assert found.share == expected[0]
    if found.share:
        assert (found.pattern, found.local, found.unit) == expected[1:]


@given(st.dictionaries(st.text(min_size=1).filter(lambda t: t == t.strip()), st.sampled_from(CANONICAL_EVENTS)))
def test_event_names_survive_the_option(events: dict[str, str]) -> None:
    assert event_map(written(events)) == events


@pytest.mark.parametrize("text", ["buy", "buy:", "a:b:c", ":x"])
def test_an_option_that_cannot_be_read(text: str) -> None:
    with pytest.raises(CartpathError, match="option events: cannot read"):
        event_map(text)


@given(st.lists(st.sampled_from([*event_schema().names, "CustomerID", "time", "type", "amount", "x", "id"]),
                unique=True, min_size=1, max_size=12), st.integers(0, 10**6))  # fmt: skip
def test_no_column_is_taken_twice(names: list[str], seed: int) -> None:
    from cartpath.ingest.mapping.choice import choose

    values = [["a", "b"] * 20, [str(n) for n in range(40)], ["2020-01-01"] * 40, ["1.5", "2"] * 20, ["/x"] * 40]
    facts = [facts_of(name, pa.chunked_array([values[(seed + k) % 5]])) for k, name in enumerate(names)]
    chosen = choose(facts)
    taken = [choice.column for choice in chosen.values()]
    assert len(set(taken)) == len(taken)
    assert set(taken) <= set(names)
    assert all(value_score(name, next(f for f in facts if f.name == c.column)) >= 0 for name, c in chosen.items())


def test_a_simulated_shop(tmp_path: Path, ingested: Ingested) -> None:
    simulate(str(tmp_path / "sim"), 60, 10, 1)
    table = pq.read_table(tmp_path / "sim" / "events.parquet")
    flat = pa.table({name: table[name].cast(pa.string()) for name in table.column_names})
    pyarrow.csv.write_csv(flat, tmp_path / "events.csv")
    found = propose(str(tmp_path / "events.csv"))
    filled = [
        name for name in event_schema().names if name in table.column_names and table[name].null_count < len(table)
    ]
    wrong = {name: column for name, column in columns(found).items() if name != column}
    assert wrong == {}
    assert set(filled) - set(columns(found)) <= {Columns.props}
    assert "--map" not in found.command
    assert ingested(found)["read"] == len(table)


CONTROLS = [
    ("online_retail/onlineretail.parquet", "online_retail", None),
    ("yoochoose/yoochoose_clicks_100k.parquet", "yoochoose", 83_845),
    ("ml1m/ml-1m.txt", "sequences", 999_611),
]


@pytest.mark.parametrize(("file", "adapter", "read"), CONTROLS)
def test_real_data(data_dir: Path, ingested: Ingested, file: str, adapter: str, read: int | None) -> None:
    found = propose(str(data_dir / file))
    assert found.usable
    assert (found.adapter or {}).get("name") == (adapter if adapter in names() else None)
    if read:
        assert ingested(found)["read"] == read


def test_an_invoice_log_by_its_columns_alone(data_dir: Path) -> None:
    found = propose(str(data_dir / "online_retail/onlineretail.parquet"))
    assert columns(found) == {
        "user_id": "CustomerID", "ts": "InvoiceDate", "event": "=purchase", "item_id": "StockCode",
        "price": "UnitPrice", "quantity": "Quantity", "order_id": "InvoiceNo", "country": "Country",
    }  # fmt: skip
    assert (found.unmapped, (found.adapter or {})["name"]) == (["Description"], "online_retail")


def test_sessions_without_users(data_dir: Path) -> None:
    found = propose(str(data_dir / "yoochoose/yoochoose_clicks_100k.parquet"))
    assert {name: found.mapping[name] for name in ("user_id", "ts", "event", "item_id", "session_id")} == {
        "user_id": "SessionId", "ts": "Time", "event": "=view", "item_id": "ItemId", "session_id": "SessionId",
    }  # fmt: skip
    assert found.choices["user_id"].confidence == "low"


def test_sessions_without_users_under_other_names(data_dir: Path, tmp_path: Path, ingested: Ingested) -> None:
    table = pq.read_table(data_dir / "yoochoose/yoochoose_clicks_100k.parquet")
    pq.write_table(table.rename_columns(["session key", "sku", "Zeit stempel"]), tmp_path / "a.parquet")
    found = propose(str(tmp_path / "a.parquet"))
    assert found.mapping == {
        "user_id": "session key", "ts": "Zeit stempel", "event": "=view", "item_id": "sku", "session_id": "session key",
    }  # fmt: skip
    assert (ingested(found)["read"], found.adapter) == (83_845, None)


@pytest.mark.parametrize(
    "file",
    ["uci_online_shoppers/online_shoppers_intention.csv", "hillstrom/hillstrom.csv", "zh_reviews/waimai_10k.parquet"],
)
def test_data_without_times_is_refused(data_dir: Path, file: str) -> None:
    result = run("map", str(data_dir / file), "--json")
    assert result.exit_code == 2
    assert {"user_id", "ts"} <= set(json.loads(result.stdout)["missing"])


def test_the_ga360_export_by_its_columns(data_dir: Path) -> None:
    found = propose(str(data_dir / "ga360_merch"))
    assert (found.adapter or {})["name"] == "ga360"
