"""A query as a source, on a real PostgreSQL: types, lost connections, refusals, secrets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.ingest import database, database_query
from cartpath.schema import CartpathError, Columns, event_schema
from cartpath.simulate import simulate
from tests.ingest.postgres import Schema

ALL = "select * from log"
SECRET = "s3cr3t/hunter"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=2)))
    return tmp_path / "shop"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetches and chunks of a hundred rows, and no long pauses."""
    monkeypatch.setattr(database_query, "FETCH", 100)
    monkeypatch.setattr(database, "ROWS", 100)
    monkeypatch.setattr(database_query, "PAUSES", (0.05, 0.05, 0.05))


def _log(postgres: Schema, rows: int) -> None:
    postgres.execute("create table log (id bigint, user_id text, ts timestamptz, event text, price numeric(10, 2))")
    postgres.execute(
        "insert into log select n, 'u' || n %% 50, timestamptz '2020-01-01 00:00:00Z' + n * interval '1 second',"
        " 'view', n / 100.0 from generate_series(1, %s) n", [rows],
    )  # fmt: skip


def _generation(shop: Path) -> int:
    with store.open_snapshot(shop) as snapshot:
        return snapshot.generation


def _events(shop: Path) -> list[dict[str, Any]]:
    parts = sorted((shop / "store" / "events").rglob("*.parquet"))
    rows = [row for part in parts for row in pq.read_table(part).to_pylist()]
    return sorted(rows, key=lambda row: (row[Columns.user_id], row[Columns.ts]))


def _quarantine(shop: Path) -> list[dict[str, Any]]:
    rows = [row for path in (shop / "quarantine").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: row["row"])


# Types


def test_every_type_finds_its_column(shop: Path, postgres: Schema) -> None:
    postgres.execute("create type mood as enum ('view', 'purchase')")
    query = """
        select 12345678901234567890::numeric(20, 0) as user_id, timestamptz '2020-01-01 00:00:00.123456+02' as ts,
        'purchase'::mood as event, 7::bigint as item_id, '6f1d2c3e-0000-4000-8000-000000000001'::uuid as session_id,
        12.50::numeric(10, 2) as price, 3::smallint as quantity, 'o1'::varchar(9) as order_id,
        'NaN'::float8 as order_value, 'p '::char(4) as page, null::text as query, 5 as event_id,
        '{"b": [1, 2], "a": null}'::jsonb as props, true as channel, inet '10.0.0.1' as source,
        date '2020-01-02' as medium, 1.5::real as campaign, true as is_direct, 2::numeric as visit_number,
        '\\x00'::bytea as left_alone
    """
    done = ingest.ingest(
        shop, [], database=postgres.url, query=query, options={"decimal": ",", "time_format": "%d.%m.%Y"}
    )
    assert (done.read, done.stored, done.quarantined, done.blanked) == (1, 1, 0, 1)  # blanked: the NaN
    assert done.first == "2019-12-31T22:00:00.123456Z"
    (event,) = _events(shop)
    found = {name: value for name, value in event.items() if name in event_schema().names and value is not None}
    assert {name: value for name, value in found.items() if name != Columns.ts} == {
        "user_id": "12345678901234567890", "event": "purchase", "item_id": "7",
        "session_id": "6f1d2c3e-0000-4000-8000-000000000001", "price": 12.5, "quantity": 3, "order_id": "o1",
        "page": "p   ", "event_id": "5", "props": '{"a": null, "b": [1, 2]}', "channel": "true", "source": "10.0.0.1",
        "medium": "2020-01-02", "campaign": "1.5", "is_direct": True, "visit_number": 2,
    }  # fmt: skip


def test_times_in_several_zones(shop: Path, postgres: Schema) -> None:
    postgres.execute(
        "create table log (user_id text, aware timestamptz, naive timestamp, day date, words text, epoch numeric)"
    )
    postgres.execute("set time zone 'Asia/Kolkata'")
    postgres.execute(
        "insert into log values ('u', '2020-07-01 12:00:00+00', '2020-07-01 12:00:00', '2020-07-01',"
        " '2020-07-01 12:00:00+05:30', 1593604800.25), ('u', '2020-01-01 12:00:00 America/New_York',"
        " '2020-01-01 12:00:00', '2020-01-01', '2020-01-01T12:00:00-08:00', 1577880000.5)"
    )

    def times(column: str, zone: str) -> list[str]:
        target = shop.with_name(f"{column}-{zone.replace('/', '-')}")
        store.init(target, Settings(StoreSettings(buckets=1)))
        query, options = (
            f"select user_id, {column} as ts, 'view' as event from log",
            {"time_zone": zone} if zone else {},
        )
        ingest.ingest(target, [], database=postgres.url, query=query, options=options)
        return [f"{event[Columns.ts]:%m-%d %H:%M:%S.%f}"[:-4] for event in _events(target)]

    assert times("aware", "Europe/Berlin") == ["01-01 17:00:00.00", "07-01 12:00:00.00"]
    assert times("naive", "") == ["01-01 12:00:00.00", "07-01 12:00:00.00"]
    assert times("naive", "Europe/Berlin") == ["01-01 11:00:00.00", "07-01 10:00:00.00"]
    assert times("day", "Europe/Berlin") == ["12-31 23:00:00.00", "06-30 22:00:00.00"]
    assert times("words", "Europe/Berlin") == ["01-01 20:00:00.00", "07-01 06:30:00.00"]
    assert times("epoch", "") == ["01-01 12:00:00.50", "07-01 12:00:00.25"]


def test_arrays_and_objects_become_json(shop: Path, postgres: Schema) -> None:
    query = "select 'u' as user_id, now() as ts, 'view' as event, array[array[1, null], array[2, 3]] as props"
    ingest.ingest(shop, [], database=postgres.url, query=query)
    assert [event["props"] for event in _events(shop)] == ["[[1, null], [2, 3]]"]


@pytest.mark.parametrize(
    ("column", "message", "hint"),
    [("array['a'] as page", r"'page' is of type text\[\], which cannot be 'page'", "array_to_string"),
     ("'{}'::jsonb as item_id", "'item_id' is of type jsonb", "item_id->>'name'"),
     ("'12'::money as price", "'price' is of type money", "::numeric"),
     ("true as quantity", "'quantity' is of type boolean", "cast it"),
     ("interval '1 day' as page", "'page' is of type interval", "page::text"),
     ("row(1, 2) as props", "'props' is of type record", "props::text"),
     ("'\\x00'::bytea as props", "'props' is of type bytea", "props::text")],
)  # fmt: skip
def test_a_type_that_cannot_be_used_is_named(
    shop: Path, postgres: Schema, column: str, message: str, hint: str
) -> None:
    query = f"select 'u' as user_id, now() as ts, 'view' as event, {column}"
    with pytest.raises(CartpathError, match=message) as caught:
        ingest.ingest(shop, [], database=postgres.url, query=query)
    assert hint in caught.value.hint


def test_bad_rows_have_the_results_row_numbers(shop: Path, postgres: Schema, small: None) -> None:
    _log(postgres, 250)
    postgres.execute("update log set user_id = null where id = 130")
    postgres.execute("update log set ts = 'infinity' where id = 7")
    postgres.execute("update log set ts = '0044-03-15 00:00:00 BC' where id = 8")
    postgres.execute("update log set price = -1 where id = 250")
    query = "select * from log order by id"
    done = ingest.ingest(shop, [], database=postgres.url, query=query)
    assert (done.read, done.stored, done.quarantined) == (250, 246, 4)
    rows = _quarantine(shop)
    assert [(row["row"], row["reason"]) for row in rows] == [
        (7, "time_before_1995"), (8, "unreadable_time"), (130, "missing_user"), (250, "negative_price")
    ]  # fmt: skip
    assert json.loads(rows[0]["raw"])["ts"] == "infinity"
    assert json.loads(rows[3]["raw"]) == {
        "user_id": "u0", "ts": "2020-01-01 00:04:10+00", "event": "view", "price": -1.0
    }  # fmt: skip


def test_a_table_becomes_what_its_file_becomes(shop: Path, postgres: Schema, tmp_path: Path) -> None:
    simulate(tmp_path / "log", users=150, days=20, seed=3)
    table = pq.read_table(tmp_path / "log" / "events.parquet")
    types = {"double": "double precision", "int64": "bigint", "int32": "integer", "bool": "boolean", "string": "text",
             "timestamp[us, tz=UTC]": "timestamptz"}  # fmt: skip
    columns = ", ".join(f'"{field.name}" {types[str(field.type)]}' for field in table.schema)
    postgres.execute(f"create table log (n serial, {columns})")
    names = ", ".join(f'"{name}"' for name in table.column_names)
    with postgres.connection.cursor().copy(f"copy log ({names}) from stdin") as copy:
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            copy.write_row(row)
    other = tmp_path / "other"
    store.init(other, Settings(StoreSettings(buckets=2)))
    one = ingest.ingest(shop, [str(tmp_path / "log" / "events.parquet")], adapter="cartpath").to_dict()
    two = ingest.ingest(
        other, [], adapter="cartpath", database=postgres.url, query="select * from log order by n"
    ).to_dict()
    assert one["read"] == len(table) > 3000
    apart = ("seconds", "quarantine_file")
    assert {n: v for n, v in one.items() if n not in apart} == {n: v for n, v in two.items() if n not in apart}
    assert one["quarantined"] > 0
    assert [(r["row"], r["reason"]) for r in _quarantine(shop)] == [(r["row"], r["reason"]) for r in _quarantine(other)]
    with store.open_snapshot(shop) as a, store.open_snapshot(other) as b:
        for bucket in range(2):
            left, right = a.bucket(bucket), b.bucket(bucket)
            assert left.user_id.to_pylist() == right.user_id.to_pylist()
            for name in ("ts", "price", "order", "quantity"):
                np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
            for name in ("event", "item", "page", "query"):
                words, others = [*a.codes(name), None], [*b.codes(name), None]  # -1 is None
                assert [words[c] for c in getattr(left, name)] == [others[c] for c in getattr(right, name)]


# Lost connections


class Cut:
    """Ends our session when so many rows were taken, by way of the progress that an ingest reports."""

    def __init__(self, postgres: Schema, *after: int, then: str | None = None) -> None:
        self._postgres, self._after, self._then = postgres, list(after), then
        self.ended = 0

    def __call__(self, done: int, _: int) -> None:
        if self._after and done >= self._after[0]:
            self._after.pop(0)
            if self._then:
                self._postgres.execute(self._then)
            self.ended += self._postgres.end_sessions()


def test_without_an_order_a_lost_connection_stores_nothing(shop: Path, postgres: Schema, small: None) -> None:
    _log(postgres, 5000)
    cut = Cut(postgres, 1000)
    with pytest.raises(
        CartpathError, match=r"lost the connection .* after [12],\d00 rows, the last one with ts 2020-01-01 "
    ) as caught:
        ingest.ingest(shop, [], database=postgres.url, query=ALL, progress=cut)
    assert cut.ended == 1
    assert "nothing was stored" in caught.value.message
    assert "--option order=COLUMN" in caught.value.hint
    assert _generation(shop) == 0
    assert ingest.ingest(shop, [], database=postgres.url, query=ALL).stored == 5000


@pytest.mark.parametrize("order", ["id", "ts", "price"])
def test_with_an_order_it_goes_on(shop: Path, postgres: Schema, small: None, order: str) -> None:
    _log(postgres, 5000)
    cut = Cut(postgres, 100, 1500, 3000)
    query = "select user_id, ts, event, id, price from log where event like 'vi%' or event = '\\:b' -- all of them"
    done = ingest.ingest(shop, [], database=postgres.url, query=query, options={"order": order}, progress=cut)
    assert cut.ended == 3
    assert (done.read, done.stored, done.duplicates, done.source_rows) == (5000, 5000, 0, 5000)


def test_an_order_of_any_type_goes_on(shop: Path, postgres: Schema, small: None) -> None:
    _log(postgres, 1000)
    for kind, value in {"uuid": "md5(id::text)::uuid", "text": "'k' || id", "date": "date '2000-01-01' + id::int",
                        "float8": "id / 7.0::float8", "timestamp": "ts at time zone 'UTC'"}.items():  # fmt: skip
        cut = Cut(postgres, 400)
        query = f'select user_id, ts, event, ({value})::{kind} as "Or der" from log'
        done = ingest.ingest(shop, [], database=postgres.url, query=query, options={"order": "Or der"}, progress=cut)
        assert (cut.ended, done.read) == (1, 1000), kind
        again = ingest.ingest(
            shop, [], database=postgres.url, query=query, options={"order": "Or der", "since": "last"}
        )
        assert again.read == 0, kind


def test_when_it_cannot_connect_again_it_says_so(shop: Path, postgres: Schema, small: None) -> None:
    _log(postgres, 5000)
    user = f"{postgres.name}_reader"
    postgres.execute(f"create role {user} login superuser")
    try:
        url = postgres.url_as(user, "any")
        cut = Cut(postgres, 1000, then=f"alter role {user} nologin")
        with pytest.raises(CartpathError, match=r"not permitted to log in; nothing was stored") as caught:
            ingest.ingest(shop, [], database=url, query=ALL, options={"order": "id"}, progress=cut)
        assert "the last one with id " in caught.value.message
        assert "several times" in caught.value.hint
        assert _generation(shop) == 0
        postgres.execute(f"alter role {user} login")
        newer = {"order": "id", "since": "last"}
        assert ingest.ingest(shop, [], database=url, query=ALL, options=newer).stored == 5000
    finally:
        postgres.execute(f"drop role {user}")


def test_a_killed_ingest_leaves_the_last_good_state(shop: Path, postgres: Schema, cartpath_command: list[str]) -> None:
    _log(postgres, 20_000)
    ingest.ingest(shop, [], database=postgres.url, query="select * from log where id <= 100")
    # The first rows come at once, the others never.
    slow = "select *, case when id > 15000 then pg_sleep(600)::text end as waiting from log"
    arguments = ["ingest", str(shop), "--adapter", "generic", "--database", postgres.url, "--query", slow]
    process = subprocess.Popen([*cartpath_command, *arguments], stderr=subprocess.PIPE, text=True)
    asleep = "select 1 from pg_stat_activity where application_name = %s and wait_event = 'PgSleep'"
    _until(lambda: bool(postgres.execute(asleep, [postgres.name]).fetchone()) or process.poll() is not None)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    postgres.end_sessions()
    with store.open_snapshot(shop) as snapshot:
        assert (snapshot.generation, snapshot.totals.events) == (1, 100)
    done = ingest.ingest(shop, [], database=postgres.url, query=ALL)
    assert (done.read, done.stored, done.duplicates) == (20_000, 19_900, 100)


def test_an_interrupt_does_not_wait_for_the_query(shop: Path, postgres: Schema, cartpath_command: list[str]) -> None:
    _log(postgres, 20_000)
    slow = "select *, case when id > 15000 then pg_sleep(600)::text end as waiting from log"
    arguments = ["ingest", str(shop), "--adapter", "generic", "--database", postgres.url, "--query", slow]
    process = subprocess.Popen([*cartpath_command, *arguments], stderr=subprocess.PIPE, text=True)
    asleep = "select 1 from pg_stat_activity where application_name = %s and wait_event = 'PgSleep'"
    _until(lambda: bool(postgres.execute(asleep, [postgres.name]).fetchone()) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    _until(lambda: not postgres.sessions())
    assert _generation(shop) == 0


def _until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# Refusals


@pytest.mark.parametrize(
    ("query", "message"),
    [("select * from nix", 'relation "nix" does not exist'),
     ("select nix from log", 'column "nix" does not exist'),
     ("selec 1", "syntax error"),
     ("select user_id, ts from log", "no column for 'event'"),
     ("insert into log (id) values (1)", "begins with 'insert'"),
     ("drop table log", "begins with 'drop'"),
     ("with gone as (delete from log returning *) select * from gone", "data-modifying"),
     ("select *, nextval('counter') from log", "read-only transaction"),
     ("select 1; drop table log", "multiple commands"),
     ("select 1; commit; drop table log", "multiple commands"),
     ("select *, 1 / (id - 150) as page from log order by id", "division by zero")],
)  # fmt: skip
def test_the_command_line_says_what_the_database_refuses(
    shop: Path, postgres: Schema, cartpath_command: list[str], query: str, message: str
) -> None:
    _log(postgres, 300)
    postgres.execute("create sequence counter")
    arguments = ["ingest", str(shop), "--adapter", "generic", "--database", postgres.url, "--query", query]
    done = subprocess.run([*cartpath_command, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "  hint: " in done.stderr
    assert _generation(shop) == 0
    assert postgres.execute("select count(*) from log").fetchone() == (300,)


def test_a_statement_timeout_is_no_lost_connection(shop: Path, postgres: Schema, small: None) -> None:
    _log(postgres, 1000)
    url = postgres.url.replace("options=", "options=-cstatement_timeout%3D300%20")
    query = "select *, case when id = 950 then pg_sleep(60)::text end as waiting from log order by id"
    with pytest.raises(
        CartpathError, match=r"stopped after 900 rows, the last one with id 900: .* statement timeout"
    ) as caught:
        ingest.ingest(shop, [], database=url, query=query, options={"order": "id"})
    assert "statement_timeout=0" in caught.value.hint
    assert _generation(shop) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [(("127.0.0.1", "no-such-host.invalid"), "no-such-host.invalid"),
     (("/postgres?", "/nodatabase?"), 'database "nodatabase" does not exist'),
     (("//cartpath@", "//nobody-here@"), 'role "nobody-here" does not exist')],
)  # fmt: skip
def test_a_database_that_cannot_be_reached(shop: Path, postgres: Schema, change: tuple[str, str], message: str) -> None:
    url = postgres.url.replace(*change)
    if url == postgres.url:
        pytest.fail(f"the server's URL has no {change[0]}")
    with pytest.raises(CartpathError, match=rf"cannot connect to postgresql://.*{message}") as caught:
        ingest.ingest(shop, [], database=url, query="select 1")
    assert caught.value.exit_code == 2


@pytest.fixture
def guarded() -> Iterator[int]:
    """The port of something that asks for a password as PostgreSQL does, and takes none."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                while client.recv(8192)[4:8] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):  # for TLS, for GSS
                    client.sendall(b"N")
                client.sendall(b"R\0\0\0\x08\0\0\0\x03")
                password = client.recv(8192)[5:-1].decode()
                said = f'SFATAL\0C28P01\0Mpassword authentication failed for user "ann" ({password})\0\0'.encode()
                client.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.close()


def test_a_wrong_password(shop: Path, guarded: int) -> None:
    url = f"postgresql://ann:{SECRET.replace('/', '%2F')}@127.0.0.1:{guarded}/shop"
    with pytest.raises(CartpathError, match=rf"cannot connect to postgresql://ann@127.0.0.1:{guarded}/shop") as caught:
        ingest.ingest(shop, [], database=url, query="select 1")
    assert "password authentication failed" in caught.value.message
    assert SECRET not in str(caught.value)
    assert caught.value.hint == "check the user and the password"


# Secrets


def test_a_password_is_nowhere(shop: Path, postgres: Schema, cartpath_command: list[str]) -> None:
    _log(postgres, 100)
    postgres.execute("update log set user_id = null where id < 10")
    url = postgres.url_as("cartpath", SECRET.replace("/", "%2F"))
    said = ""
    for query in (ALL, "select * from nix", "select user_id from log"):
        arguments = ["ingest", str(shop), "--adapter", "generic", "--database", "env:SHOP_DB", "--query", query]
        arguments += ["--option", "order=id", "--option", "since=last"]
        environment = {**os.environ, "SHOP_DB": url}
        done = subprocess.run(
            [*cartpath_command, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        said += done.stdout + done.stderr
    assert "quarantined" in said
    assert "postgresql://cartpath@" in said
    kept = [path.read_bytes() for path in shop.rglob("*") if path.is_file()]
    kept += [repr(_quarantine(shop)).encode(), said.encode()]
    assert len(_quarantine(shop)) == 9
    for form in ("s3cr3t", "hunter"):
        assert not any(form.encode() in content for content in kept)
    with store.open_snapshot(shop) as snapshot:
        data = json.dumps(snapshot.manifest.data)
    assert "postgresql://cartpath@" in data
    assert '"last": 100' in data
