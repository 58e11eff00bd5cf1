"""A query as a source, on SQLite: what a database of any kind does."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cartpath import ingest, store
from cartpath.cli import app
from cartpath.config import Settings, StoreSettings
from cartpath.ingest import get
from cartpath.ingest.database import job as database
from cartpath.ingest.database import query as database_query
from cartpath.ingest.database.address import Address
from cartpath.ingest.database.errors import check_query
from cartpath.ingest.database.job import database_job
from cartpath.schema import CartpathError, MissingExtraError
from tests.ingest.postgres import generation, quarantine
from tests.ingest.reading import read

COLUMNS = ("id", "user_id", "ts", "event", "item_id", "price")
ALL = "select * from log"
ROWS = [
    (1, "u1", "2020-01-01 00:00:00", "view", "i1", 1.5),
    (2, "u1", "2020-01-01 00:00:09", "purchase", "i1", 1.5),
    (3, "u2", "2020-01-02 00:00:00", "view", "i2", None),
]
Fill = Callable[[Sequence[Sequence[Any]]], str]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=2)))
    return tmp_path / "shop"


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """Append rows to the table ``log`` of a SQLite file; returns its URL."""
    path = tmp_path / "log.db"

    def insert(rows: Sequence[Sequence[Any]]) -> str:
        with sqlite3.connect(path) as connection:
            connection.execute(f"create table if not exists log ({', '.join(COLUMNS)})")
            connection.executemany("insert into log values (?, ?, ?, ?, ?, ?)", rows)
        connection.close()
        return f"sqlite:///{path}"

    return insert


def _refused(shop: Path, message: str, **asked: Any) -> CartpathError:
    with pytest.raises(CartpathError, match=message) as caught:
        ingest.ingest(shop, asked.pop("sources", []), **asked)
    assert generation(shop) == 0
    return caught.value


def test_a_query_is_read_like_a_file(shop: Path, fill: Fill) -> None:
    done = ingest.ingest(shop, [], database=fill(ROWS), query="select * from log where user_id = 'u1';")
    assert (done.read, done.stored, done.duplicates, done.quarantined, done.source_rows) == (2, 2, 0, 0, 2)
    assert (done.users, done.items, done.files, done.unchanged_files) == (1, 1, 1, 0)
    assert (done.first, done.last) == ("2020-01-01T00:00:00Z", "2020-01-01T00:00:09Z")


def test_it_is_read_again_and_what_is_known_is_dropped(shop: Path, fill: Fill) -> None:
    url = fill(ROWS)
    ingest.ingest(shop, [], database=url, query=ALL)
    fill([(4, "u3", "2020-01-03", "view", "i1", 2)])
    again = ingest.ingest(shop, [], database=url, query=ALL)
    assert (again.read, again.stored, again.duplicates) == (4, 1, 3)


def test_columns_are_mapped_and_constants_given(shop: Path, fill: Fill) -> None:
    query = "select user_id as who, ts as at from log"
    mapping = {"user_id": "who", "ts": "at", "event": "=view"}
    assert ingest.ingest(shop, [], database=fill(ROWS), query=query, mapping=mapping).stored == 3
    assert ingest.ingest(shop, [], database=fill([]), query=query, mapping=mapping).duplicates == 3


def test_an_adapter_collects_the_catalogue(shop: Path, fill: Fill) -> None:
    query = (
        "select user_id, ts as event_time, 'cart' as event_type, item_id as product_id, 'a.b' as category_code,"
        " x'ff' as brand, price from log"
    )
    done = ingest.ingest(shop, [], database=fill(ROWS), query=query, adapter="rees46")
    assert (done.stored, done.items) == (3, 2)
    with store.open_snapshot(shop) as snapshot:
        items = snapshot.items.to_pylist()
        assert [item["category"] for item in items] == ["a > b", "a > b"]
        assert [item["brand"] for item in items] == ["\ufffd", "\ufffd"]
        assert snapshot.totals.events_by_type == {"add_to_cart": 3}


def test_rows_that_cannot_be_used_go_to_thequarantine(shop: Path, fill: Fill) -> None:
    url = fill(ROWS)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("insert into log values (4, 'u4', '2020-01-01', cast(x'76ff' as text), 'i', 1)")
    connection.close()
    fill([
        (5, "u\0", "2020-01-01", "view", "i", 1), (6, None, "2020-01-01", "view", "i", 1),
        (7, "u7", "soon", "view", "i", 1), (8, "u8", "2020-01-01", "view", "i", "cheap"),
        (9, "u9", 1577836800, "view", 12345.0, "3"), (10, b"u10", "2020-01-01", b"view", 7, 2**70 / 1.0),
    ])  # fmt: skip
    done = ingest.ingest(shop, [], database=url, query=ALL)
    assert (done.read, done.stored, done.quarantined, done.blanked) == (10, 5, 5, 1)
    rows = quarantine(shop)
    assert [(row["row"], row["reason"], row["user_id"]) for row in rows] == [
        (4, "bad_encoding", "u4"), (5, "nul_bytes", None), (6, "missing_user", None), (7, "unreadable_time", "u7"),
        (8, "wrong_type", "u8"),
    ]  # fmt: skip
    assert {row["file"] for row in rows} == {f"{url}: {ALL}"}
    assert json.loads(rows[3]["raw"]) == {
        "user_id": "u7", "ts": "soon", "event": "view", "item_id": "i", "price": "1"
    }  # fmt: skip


TEXTS = st.one_of(st.none(), st.sampled_from(["", " ", "u1", "12345.0", "view", "2020-01-01 00:00:00+02", "1e3", "-1",
                                               "1577836800000", "a\0", "\N{SNOWMAN}", "infinity", "NaN"]))  # fmt: skip
TEXT_ROWS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=30)


@settings(max_examples=60)
@given(TEXT_ROWS, st.integers(1, 7), st.integers(1, 9))
def test_text_of_a_database_becomes_what_text_of_parquet_does(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], fetch: int, chunk: int
) -> None:
    folder, names = tmp_path_factory.mktemp("twin"), ("user_id", "ts", "event", "price")
    columns = dict(zip(names, (pa.array(values, pa.string()) for values in zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), folder / "a.parquet")
    with sqlite3.connect(folder / "a.db") as connection:
        connection.execute("create table log (user_id text, ts text, event text, price text)")
        connection.executemany("insert into log values (?, ?, ?, ?)", rows)
    connection.close()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database_query, "FETCH", fetch)
        patched.setattr(database, "ROWS", chunk)
        job = database_job(folder, f"sqlite:///{folder / 'a.db'}", ALL, get("generic"), {}, {})
        job.open()
        pieces = list(job.pieces())
    expected = read(folder / "a.parquet")
    assert sum(piece.source_rows for piece in pieces) == expected.source_rows == len(rows)
    assert sorted((bad.row, bad.reason, bad.raw, bad.user_id) for piece in pieces for bad in piece.bad) == sorted(
        (bad.row, bad.reason, bad.raw, bad.user_id) for bad in expected.bad
    )
    found = [row for piece in pieces for row in _rows(piece.events)]
    assert repr(found) == repr(_rows(expected.events))  # repr: a NaN is itself


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]


def test_with_an_order_the_next_ingest_can_read_what_is_newer(shop: Path, fill: Fill) -> None:
    url, newer = fill(reversed(ROWS)), {"order": "id", "since": "last"}  # type: ignore[arg-type]
    first = ingest.ingest(shop, [], database=url, query=ALL, options=newer)
    assert (first.read, first.stored) == (3, 3)
    fill([(4, "u3", "2020-01-03", "view", "i1", 2), (5, "u3", "2020-01-04", "view", "i1", 2)])
    again = ingest.ingest(shop, [], database=url, query=ALL, options=newer)
    assert (again.read, again.stored, again.duplicates) == (2, 2, 0)
    for _ in range(2):  # nothing new; and the state stays
        assert ingest.ingest(shop, [], database=url, query=ALL, options=newer).read == 0
    with store.open_snapshot(shop) as snapshot:
        (state,) = snapshot.manifest.data["followed"].values()
        assert state == {"order": "id", "last": 5}
        (name,) = snapshot.manifest.data["followed"]
        assert name.startswith(f"{url} ")
    assert ingest.ingest(shop, [], database=url, query=ALL, options={"order": "id"}).duplicates == 5
    other = f"{ALL} where 1 = 1"
    assert ingest.ingest(shop, [], database=url, query=other, options=newer).duplicates == 5
    with pytest.raises(CartpathError, match="in the order of 'id' before, not of 'ts'"):
        ingest.ingest(shop, [], database=url, query=ALL, options={"order": "ts", "since": "last"})


def test_an_order_of_text_is_kept_as_text(shop: Path, fill: Fill) -> None:
    url, newer = fill(ROWS), {"order": "ts", "since": "last"}
    ingest.ingest(shop, [], database=url, query=ALL, options=newer)
    fill([(4, "u3", "2020-01-03", "view", "i1", 2)])
    assert ingest.ingest(shop, [], database=url, query=ALL, options=newer).read == 1


def test_a_failed_ingest_does_not_move_the_state(shop: Path, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    url, newer = fill(ROWS), {"order": "id", "since": "last"}
    with monkeypatch.context() as patched:
        patched.setattr(store.Writer, "commit", lambda *_, **__: (_ for _ in ()).throw(OSError("no")))
        with pytest.raises(OSError, match="no"):
            ingest.ingest(shop, [], database=url, query=ALL, options=newer)
    assert ingest.ingest(shop, [], database=url, query=ALL, options=newer).stored == 3


@pytest.mark.parametrize("fetch", [1, 2, 100])
@pytest.mark.parametrize(
    ("row", "message"),
    [((3, "u", "2020-01-01", "view", "i", 1), "is not unique: 3 occurs twice"),
     ((None, "u", "2020-01-01", "view", "i", 1), "rows without a value")],
)  # fmt: skip
def test_an_order_must_be_one(
    shop: Path, fill: Fill, monkeypatch: pytest.MonkeyPatch, fetch: int, row: tuple[Any, ...], message: str
) -> None:
    monkeypatch.setattr(database_query, "FETCH", fetch)
    _refused(shop, message, database=fill([*ROWS, row]), query=ALL, options={"order": "id"})


def test_what_is_wrong_is_said(shop: Path, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = fill(ROWS)
    _refused(shop, "--database and --query go together", database=url)
    _refused(shop, "--database and --query go together", query=ALL)
    _refused(shop, "files or a database, not both", database=url, query=ALL, sources=["a.csv"])
    _refused(shop, "reads files of its own form", database=url, query=ALL, adapter="ga360")
    _refused(shop, "reads files of its own form", database=url, query=ALL, adapter="sequences")
    _refused(shop, "since=last needs an order", database=url, query=ALL, options={"since": "last"})
    _refused(shop, "option since cannot be '5'", database=url, query=ALL, options={"since": "5", "order": "id"})
    _refused(shop, "has no option 'impressions'", database=url, query=ALL, options={"impressions": True})
    _refused(shop, "refuses the query: no such table: nix", database=url, query="select * from nix")
    _refused(shop, "refuses the query: no such column", database=url, query=ALL, options={"order": "nix"})
    _refused(shop, "must have one column of that name", database=url, query=ALL, options={"order": "ID"})
    error = _refused(shop, "no column for 'event'", database=url, query="select user_id, ts, item_id from log")
    assert "columns found: user_id, ts, item_id" in error.message
    _refused(shop, "2 columns 'ts'", database=url, query="select user_id, ts, ts, event from log")
    _refused(shop, "no such file", database="sqlite:///nowhere.db", query=ALL)
    _refused(shop, "no URL that can be read", database="log.db", query=ALL)
    _refused(shop, "no kind of database 'nosuch'", database="nosuch://a/b", query=ALL)
    _refused(shop, "variable SHOP_DB is not set", database="env:SHOP_DB", query=ALL)
    _refused(shop, "query is empty", database=url, query=" ;")
    monkeypatch.setenv("SHOP_DB", url)
    assert ingest.ingest(shop, [], database="env:SHOP_DB", query=ALL).stored == 3


@pytest.mark.parametrize(
    "query",
    ["insert into log values (1)", "DROP TABLE log", "-- tidy\n/* up */ delete from log",
     "with x as (select 1) delete from log", "pragma user_version = 5", "replace into log values (1, 1, 1, 1, 1, 1)"],
)  # fmt: skip
def test_a_statement_that_changes_something_is_refused(shop: Path, fill: Fill, query: str) -> None:
    url = fill(ROWS)
    _refused(shop, "must be a select|refuses the query", database=url, query=query)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("select count(*) from log").fetchone() == (3,)
        assert connection.execute("pragma user_version").fetchone() == (0,)
    connection.close()


def test_a_query_that_returns_nothing_is_no_error(shop: Path, fill: Fill) -> None:
    done = ingest.ingest(shop, [], database=fill([]), query=ALL, options={"order": "id"})
    assert (done.read, done.stored, done.users) == (0, 0, 0)


def test_without_the_extra_the_hint_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cartpath\[sql\]'"):
        Address("postgresql://a/b")


def test_without_the_driver_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cartpath\[sql\]'"):
        Address("postgresql://a/b").engine()
    with pytest.raises(CartpathError, match="driver of mysql://a/b is not installed"):
        Address("mysql://a/b").engine()


@pytest.mark.parametrize(
    ("url", "name"),
    [("postgresql://ann:se%2Fcret@h:5433/db", "postgresql://ann@h:5433/db"),
     ("postgres://ann:se%2Fcret@h/db?sslmode=require&application_name=x", "postgresql://ann@h/db"),
     ("postgresql+psycopg://ann@/db?host=/run/pg&password=se/cret", "postgresql://ann@/db?host=%2Frun%2Fpg"),
     ("mysql+pymysql://h/db?ssl_key_password=se/cret", "mysql://h/db")],
)  # fmt: skip
def test_a_password_is_not_shown(url: str, name: str) -> None:
    address = Address(url)
    assert address.name == name
    if "cret" in url:
        assert address.scrub("no se/cret, no se%2Fcret here") == "no ***, no *** here"


@pytest.mark.parametrize(
    "query", ["select 1", "(select 1)", "with a as (select 1) select 2", "values (1)", "-- c\nselect 1"]
)
def test_queries_that_may_run(query: str) -> None:
    assert check_query(f" {query} ;\n") == query


def test_the_command_line(shop: Path, fill: Fill) -> None:
    arguments = ["ingest", str(shop), "--adapter", "generic", "--database", fill(ROWS), "--query", ALL]
    done = CliRunner().invoke(app, [*arguments, "--option", "order=id", "--map", "page=item_id", "--json"])
    assert done.exit_code == 0, done.output
    assert {name: json.loads(done.stdout)[name] for name in ("read", "stored")} == {"read": 3, "stored": 3}
    wrong = CliRunner().invoke(app, [*arguments[:-1], "drop table log"])
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("error: --query begins with 'drop'")


def test_an_at_sign_in_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(CartpathError, match="%40") as told:
        Address("postgresql://ann:sesame@open@db.example/shop")
    assert "sesame" not in str(told.value)
    assert "open" not in str(told.value)
