"""``cartpath ingest --follow``: lines of JSON, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cartpath
from cartpath import store
from cartpath.cli import app
from cartpath.config import Settings, StoreSettings
from cartpath.ingest.follow.stream import StreamSource
from cartpath.schema import MissingExtraError
from tests.ingest.following import asked, lines

FIELDS = ["batch", "files", "read", "stored", "duplicates", "quarantined", "reasons", "generation", "seconds"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=2)))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_bytes(lines(0, 5) + b"bad\n")
    return tmp_path / "shop"


def test_a_batch_is_a_line_of_json(shop: Path) -> None:
    logs = shop.with_name("logs")
    command = ["ingest", str(shop), str(logs), "--adapter", "generic", "--follow", "--idle", "1s", "--settle", "1s"]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0
    (found,) = [json.loads(text) for text in result.stdout.splitlines()]
    assert list(found)[: len(FIELDS)] == FIELDS
    assert (found["read"], found["stored"], found["quarantined"], found["generation"]) == (6, 5, 1, 1)
    assert found["read"] == found["stored"] + found["duplicates"] + found["quarantined"]
    assert (found["reasons"], found["shrunk"], found["failed"]) == ({"malformed_json": 1}, [], [])
    assert result.stderr.startswith("batch 1: 5 stored, 0 duplicates, 1 quarantined")
    assert CliRunner().invoke(app, command).stdout == ""


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_how_it_ends(shop: Path, cartpath_command: list[str], sent: signal.Signals, code: int) -> None:
    command = [*cartpath_command, "ingest", str(shop), str(shop.with_name("logs")), "--adapter", "generic"]
    with subprocess.Popen(
        [*command, "--follow", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a script have it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["stored"] == 5
        process.send_signal(sent)
        process.wait(60)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == code
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.totals.events == 5
    assert store.leftovers(shop) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["nowhere"], "no such folder or file: nowhere"),
        (["logs/*.jsonl"], "a glob is not followed"),
        ([".", "--every", "5"], "not a duration"),
        ([".", "--items", "items.csv"], "not followed"),
        (["redis://:pw@/x"], "write redis://HOST:PORT/[DB/]STREAM"),
        (["redis://127.0.0.1:1/x"], "no answer from redis://127.0.0.1:1/0/x"),
    ],
)
def test_wrong_requests_say_why(shop: Path, more: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["ingest", str(shop), *more, "--adapter", "generic", "--follow"])
    assert result.exit_code == 2
    assert message in result.stderr
    assert "pw" not in result.stderr


def test_from_python(shop: Path) -> None:
    said: list[str] = []
    batches = cartpath.open(shop).follow(
        [shop.with_name("logs")], "generic", every="1s", settle="1s", idle="1s", say=said.append
    )
    assert [batch.summary.stored for batch in batches] == [5]


def test_without_the_library_the_extra_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(MissingExtraError, match=r"cartpath\[live\]"):
        StreamSource(shop, "redis://127.0.0.1/x", asked(), {}, print)
