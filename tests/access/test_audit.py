"""The audit log: what is written, that it stays, and that it names nobody."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cartpath import store
from cartpath.access import Audit, create_key, revoke_key
from cartpath.access.key_file import parts


def log(shop: Path) -> Path:
    return shop / "access" / "audit.jsonl"


def test_a_deed_has_who_what_whom_how_and_when(tmp_path: Path) -> None:
    audit = Audit.open(tmp_path)
    audit.write("0a1b", "user.erase", "anna@example.org", "done")
    line = json.loads(log(tmp_path).read_text())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "actor": "0a1b",
        "act": "user.erase",
        "target": audit.hash("anna@example.org"),
        "outcome": "done",
        "about": None,
    }
    assert "anna" not in log(tmp_path).read_text()
    assert stat.S_IMODE(log(tmp_path).stat().st_mode) == 0o600


def test_it_goes_on_after_a_restart_and_hashes_alike(tmp_path: Path) -> None:
    Audit.open(tmp_path).write("k", "user.erase", "anna")
    again = Audit.open(tmp_path)
    again.write("k", "user.erase", "ben", "failed")
    again.write("k", "models.reload", about="v2")
    assert [(deed.act, deed.outcome, deed.about) for deed in again.read()] == [
        ("user.erase", "done", None),
        ("user.erase", "failed", None),
        ("models.reload", "done", "v2"),
    ]
    assert [deed.outcome for deed in again.read(target="anna")] == ["done"]
    assert list(again.read(target="nobody")) == []


def test_workspaces_hash_differently(tmp_path: Path) -> None:
    assert Audit.open(tmp_path / "a").hash("anna") != Audit.open(tmp_path / "b").hash("anna")


def test_a_line_that_a_crash_cut_short_costs_no_other(tmp_path: Path) -> None:
    audit = Audit.open(tmp_path)
    audit.write("k", "one")
    with open(log(tmp_path), "a") as file:
        file.write('{"time":"2026')
    audit.write("k", "two")
    assert [deed.act for deed in audit.read()] == ["one", "two"]
    assert '{"time":"2026\n{' in log(tmp_path).read_text()  # nothing is taken out


def test_what_would_break_a_line_does_not(tmp_path: Path) -> None:
    audit = Audit.open(tmp_path)
    audit.write("k\n{}", "act", "a\ud800b", 'so "so"\u2028')
    assert len(log(tmp_path).read_bytes().splitlines()) == 1
    assert next(audit.read(target="a\ud800b")).outcome == 'so "so"\u2028'


def test_writers_at_the_same_time_do_not_mix_lines(tmp_path: Path) -> None:
    def write(n: int) -> None:
        Audit.open(tmp_path).write("k", f"act {n}", f"user {n}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert sorted(deed.act for deed in Audit.open(tmp_path).read()) == sorted(f"act {n}" for n in range(40))
    assert len({deed.target for deed in Audit.open(tmp_path).read()}) == 40
    assert sorted(path.name for path in (tmp_path / "access").iterdir()) == ["audit.jsonl", "audit.salt"]


def test_no_log_has_no_deeds(tmp_path: Path) -> None:
    assert list(Audit.open(tmp_path).read()) == []


def test_making_and_revoking_keys_is_written_down(tmp_path: Path) -> None:
    store.init(tmp_path / "shop")
    key = create_key(tmp_path / "shop", ["admin"])
    revoke_key(tmp_path / "shop", parts(key)[0])
    found = [(deed.actor, deed.act, deed.about) for deed in Audit.open(tmp_path / "shop").read()]
    assert found == [("local", "key.create", parts(key)[0]), ("local", "key.revoke", parts(key)[0])]
    assert parts(key)[1] not in log(tmp_path / "shop").read_text()


@pytest.mark.parametrize("name", ["audit.salt", "audit.jsonl"])
def test_a_missing_folder_is_made(tmp_path: Path, name: str) -> None:
    Audit.open(tmp_path / "new").write("k", "act")
    assert (tmp_path / "new" / "access" / name).exists()
