"""The commands of keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cartpath import store
from cartpath.access import Audit, Keyring, WrongKey
from cartpath.cli import app


@pytest.fixture
def shop(tmp_path: Path) -> str:
    store.init(tmp_path / "shop")
    return str(tmp_path / "shop")


def run(*arguments: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["keys", *arguments])
    assert found.exit_code == code, found.output
    return found.stdout if code == 0 else found.stderr


def test_the_new_key_stands_alone_on_the_last_line(shop: str) -> None:
    printed = run("create", shop, "--scopes", "events:write,recommend:read", "--name", "front page")
    assert printed.endswith("\n")
    key = printed.splitlines()[-1]
    assert Keyring.load(shop).check(key, "events:write").name == "front page"
    assert Keyring.load(shop).check(key, "recommend:read").scopes == ("events:write", "recommend:read")


def test_json_has_the_key_and_what_is_known_of_it(shop: str) -> None:
    found = json.loads(run("create", shop, "--scopes", "admin", "--scopes", "events:write", "--rate", "50", "--json"))
    assert Keyring.load(shop).check(found["key"], "admin").id == found["id"]
    assert (found["scopes"], found["rate"], found["name"]) == (["events:write", "admin"], 50, None)


def test_keys_are_listed_without_their_secrets_and_revoked(shop: str) -> None:
    key = run("create", shop, "--scopes", "admin").strip()
    key_id = key.split("_")[1]
    listed = run("list", shop)
    assert key_id in listed
    assert key.split("_", 2)[2] not in listed
    run("revoke", shop, key_id)
    with pytest.raises(WrongKey):
        Keyring.load(shop).check(key, "admin")
    assert json.loads(run("list", shop, "--json"))["keys"][0]["revoked"] is not None
    assert "no key has this id" in run("revoke", shop, key, code=2)


def test_the_audit_log_is_shown_and_asked_for_a_user(shop: str) -> None:
    run("create", shop, "--scopes", "admin")
    Audit.open(shop).write("0a1b", "user.erase", "anna", "done")
    shown = run("audit", shop)
    assert "key.create" in shown
    assert "user.erase" in shown
    found = json.loads(run("audit", shop, "--target", "anna", "--json"))["deeds"]
    assert [(deed["act"], deed["outcome"]) for deed in found] == [("user.erase", "done")]


@pytest.mark.parametrize("arguments", [("create", "--scopes", "admin"), ("list",), ("revoke", "x"), ("audit",)])
def test_a_folder_that_is_no_workspace_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert "not a Cartpath workspace" in run(arguments[0], str(tmp_path), *arguments[1:], code=2)
    assert list(tmp_path.iterdir()) == []


def test_scopes_that_are_none_are_told(shop: str) -> None:
    assert "unknown scope 'all'" in run("create", shop, "--scopes", "all", code=2)
    assert "opens nothing" in run("create", shop, "--scopes", ",", code=2)
