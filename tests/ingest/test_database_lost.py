"""A query as a source, on a real PostgreSQL: lost connections, refusals, secrets."""

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

import pytest
from typer.testing import CliRunner

from cartpath import ingest, store
from cartpath.cli import app
from cartpath.config import Settings, StoreSettings
from cartpath.schema import CartpathError
from tests.ingest.postgres import Schema, generation, quarantine

ALL = "select * from log"
SECRET = "s3cr3t/hunter"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=2)))
    return tmp_path / "shop"


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
    postgres.log(5000)
    cut = Cut(postgres, 1000)
    with pytest.raises(
        CartpathError, match=r"lost the connection .* after [12],\d00 rows, the last one with ts 2020-01-01 "
    ) as caught:
        ingest.ingest(shop, [], database=postgres.url, query=ALL, progress=cut)
    assert cut.ended == 1
    assert "nothing was stored" in caught.value.message
    assert "--option order=COLUMN" in caught.value.hint
    assert generation(shop) == 0
    assert ingest.ingest(shop, [], database=postgres.url, query=ALL).stored == 5000


@pytest.mark.parametrize("order", ["id", "ts", "price"])
def test_with_an_order_it_goes_on(shop: Path, postgres: Schema, small: None, order: str) -> None:
    postgres.log(5000)
    cut = Cut(postgres, 100, 1500, 3000)
    query = "select user_id, ts, event, id, price from log where event like 'vi%' or event = '\\:b' -- all of them"
    done = ingest.ingest(shop, [], database=postgres.url, query=query, options={"order": order}, progress=cut)
    assert cut.ended == 3
    assert (done.read, done.stored, done.duplicates, done.source_rows) == (5000, 5000, 0, 5000)


def test_an_order_of_any_type_goes_on(shop: Path, postgres: Schema, small: None) -> None:
    postgres.log(1000)
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
    postgres.log(5000)
    user = f"{postgres.name}_reader"
    postgres.execute(f"create role {user} login superuser")
    try:
        url = postgres.url_as(user, "any")
        cut = Cut(postgres, 1000, then=f"alter role {user} nologin")
        with pytest.raises(CartpathError, match=r"not permitted to log in; nothing was stored") as caught:
            ingest.ingest(shop, [], database=url, query=ALL, options={"order": "id"}, progress=cut)
        assert "the last one with id " in caught.value.message
        assert "several times" in caught.value.hint
        assert generation(shop) == 0
        postgres.execute(f"alter role {user} login")
        newer = {"order": "id", "since": "last"}
        assert ingest.ingest(shop, [], database=url, query=ALL, options=newer).stored == 5000
    finally:
        postgres.execute(f"drop role {user}")


def test_a_killed_ingest_leaves_the_last_good_state(shop: Path, postgres: Schema, cartpath_command: list[str]) -> None:
    postgres.log(20_000)
    ingest.ingest(shop, [], database=postgres.url, query="select * from log where id <= 100")
    # The first rows come at once, the others never.
    slow = "select *, case when id > 15000 then pg_sleep(600)::text end as waiting from log"
    arguments = ["ingest", str(shop), "--adapter", "generic", "--database", postgres.url, "--query", slow]
    process = subprocess.Popen([*cartpath_command, *arguments], stderr=subprocess.PIPE, text=True)
    _until(lambda: postgres.asleep() or process.poll() is not None)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    postgres.end_sessions()
    with store.open_snapshot(shop) as snapshot:
        assert (snapshot.generation, snapshot.totals.events) == (1, 100)
    done = ingest.ingest(shop, [], database=postgres.url, query=ALL)
    assert (done.read, done.stored, done.duplicates) == (20_000, 19_900, 100)


def test_an_interrupt_does_not_wait_for_the_query(shop: Path, postgres: Schema, cartpath_command: list[str]) -> None:
    postgres.log(20_000)
    slow = "select *, case when id > 15000 then pg_sleep(600)::text end as waiting from log"
    arguments = ["ingest", str(shop), "--adapter", "generic", "--database", postgres.url, "--query", slow]
    process = subprocess.Popen(
        [*cartpath_command, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a script have it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        _until(lambda: postgres.asleep() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    _until(lambda: not postgres.sessions())
    assert generation(shop) == 0


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
    shop: Path, postgres: Schema, query: str, message: str
) -> None:
    postgres.log(300)
    postgres.execute("create sequence counter")
    arguments = ["ingest", str(shop), "--adapter", "generic", "--database", postgres.url, "--query", query]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "  hint: " in done.stderr
    assert generation(shop) == 0
    assert postgres.execute("select count(*) from log").fetchone() == (300,)


def test_a_statement_timeout_is_no_lost_connection(shop: Path, postgres: Schema, small: None) -> None:
    postgres.log(1000)
    url = postgres.url.replace("options=", "options=-cstatement_timeout%3D300%20")
    query = "select *, case when id = 950 then pg_sleep(60)::text end as waiting from log order by id"
    with pytest.raises(
        CartpathError, match=r"stopped after 900 rows, the last one with id 900: .* statement timeout"
    ) as caught:
        ingest.ingest(shop, [], database=url, query=query, options={"order": "id"})
    assert "statement_timeout=0" in caught.value.hint
    assert generation(shop) == 0


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
    postgres.log(100)
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
    kept += [repr(quarantine(shop)).encode(), said.encode()]
    assert len(quarantine(shop)) == 9
    for form in ("s3cr3t", "hunter"):
        assert not any(form.encode() in content for content in kept)
    with store.open_snapshot(shop) as snapshot:
        data = json.dumps(snapshot.manifest.data)
    assert "postgresql://cartpath@" in data
    assert '"last": 100' in data
