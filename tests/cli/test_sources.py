"""``cartpath adapters``, and what ``cartpath ingest`` says of a set of files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cartpath import ingest
from cartpath.cli import app

KEYS = {"name", "description", "tested_on", "files", "columns", "events", "options"}
DOCS = Path(__file__).resolve().parents[2] / "docs"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_list_as_json() -> None:
    found = json.loads(run("adapters", "--json"))["adapters"]
    assert [adapter["name"] for adapter in found] == ingest.names()
    for adapter in found:
        assert set(adapter) == KEYS
        assert adapter["tested_on"].startswith(("real data: ", "untested on real data")), adapter["name"]
        assert adapter["files"]
        for option in adapter["options"].values():
            assert set(option) == {"default", "description", "choices"}


def test_what_an_adapter_of_one_file_says() -> None:
    [found] = [a for a in json.loads(run("adapters", "--json"))["adapters"] if a["name"] == "rees46"]
    assert found["columns"]["item_id"] == ["product_id"]
    assert found["events"] == {"cart": "add_to_cart", "remove_from_cart": "remove_from_cart"}
    assert found["files"][0]["role"] == "events"


def test_what_an_adapter_of_a_set_says() -> None:
    [found] = [a for a in json.loads(run("adapters", "--json"))["adapters"] if a["name"] == "complete_journey"]
    files = {file["name"]: file for file in found["files"]}
    assert files["products"]["role"] == "items"
    assert files["promotions"] == {
        "name": "promotions", "role": "ignored", "patterns": ["promotions*"], "columns": [],
        "why": "where products stood in a store: of no household",
    }  # fmt: skip
    assert found["columns"]["user_id"] == ["household_id"]
    assert found["columns"]["ts"] == ["transaction_timestamp", "redemption_date"]
    assert found["options"]["zero_quantity"]["default"] == "purchase"


@pytest.mark.parametrize("name", ingest.names())
def test_the_list_as_text(name: str) -> None:
    adapter = ingest.get(name)
    text = run("adapters")
    assert f"{name}: {adapter.description}\n  tested:    {adapter.tested_on}\n" in text
    for option in adapter.options:
        assert f"  option:    {option}=" in text


@pytest.mark.parametrize("name", ingest.names())
def test_every_adapter_has_its_place_in_the_pages(name: str) -> None:
    """``docs/ingest.md`` lists it, and every option it has is named with an adapter's page."""
    assert f"`{name}`" in (DOCS / "ingest.md").read_text(encoding="utf-8")
    pages = "\n".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    for option in ingest.get(name).options:
        assert f"{option}=" in pages or f"--{option}" in pages, f"no page shows the option {option} of {name}"


def test_ingest_tells_what_became_of_a_set(tmp_path: Path) -> None:
    (tmp_path / "rr").mkdir()
    (tmp_path / "rr" / "events.csv").write_text(
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,1,view,7,\n"
    )
    (tmp_path / "rr" / "item_properties_part1.csv").write_text(
        "timestamp,itemid,property,value\n1433221332117,7,categoryid,3\n1433221332117,7,888,hashed\n"
    )
    (tmp_path / "rr" / "README.md.txt").write_text("about")
    shop = str(tmp_path / "shop")
    run("init", shop)
    text = run("ingest", shop, str(tmp_path / "rr"), "--adapter", "retailrocket")
    assert "item properties     2        1  1 property_not_kept" in text
    assert "README.md.txt  a text about the data" in text
