"""The declaration, the registry, and the examples of docs/adapters.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cartpath import ingest
from cartpath.ingest import Reason, chunk
from cartpath.ingest.options import resolve_options
from cartpath.ingest.reading import FileJob
from cartpath.schema import CartpathError
from tests.ingest.reading import write
from tests.ingest.sets import put, read_set

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = re.findall(r"```python\n(.*?)```", (DOCS / "adapters.md").read_text(encoding="utf-8"), re.DOTALL)


def _job(tmp_path: Path, example: str, source: Path) -> FileJob:
    adapter = ingest.get(str(write(tmp_path / "mine.py", example.encode())))
    job = FileJob(source, adapter, {}, resolve_options(adapter, {}))
    job.open()
    return job


def test_the_flat_example(tmp_path: Path) -> None:
    text = b"customer,created_at,action,sku,price_cents,basket\n7,2020-07-01 12:00,buy,s1,1250,b1\n"
    [piece] = [p for p in _job(tmp_path, EXAMPLES[0], write(tmp_path / "a.csv", text)).pieces() if len(p.events)]
    [event] = piece.events.to_pylist()
    assert (event["user_id"], event["event"], event["price"], event["channel"]) == ("7", "purchase", 12.5, "web")
    assert event["ts"].isoformat() == "2020-07-01T10:00:00+00:00"


def test_the_nested_example(tmp_path: Path) -> None:
    hits = [{"time": 1577836800, "action": "view"}, {"time": "2020-01-01", "action": "buy"}]
    rows = [{"visitor": "a", "hits": hits[:1] * 2}, {"visitor": "b", "hits": []}, {"visitor": None, "hits": hits[:1]}]
    source = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    pieces = list(_job(tmp_path, EXAMPLES[1], source).pieces())
    assert [user for p in pieces if len(p.events) for user in p.events["user_id"].to_pylist()] == ["a", "a"]
    assert [(bad.row, bad.reason) for p in pieces for bad in p.bad] == [(3, Reason.missing_user)]
    assert sum(p.source_rows for p in pieces) == 3


def test_every_reason_is_documented() -> None:
    text = (DOCS / "ingest.md").read_text(encoding="utf-8")
    reasons = {value for name, value in vars(chunk.Reason).items() if not name.startswith("_")}
    assert set(re.findall(r"^\| `(\w+)` \| (?:is|has|opens)", text, re.MULTILINE)) == reasons


@pytest.mark.parametrize("name", ingest.names())
def test_every_adapter_is_documented_and_loads(name: str) -> None:
    assert ingest.get(name).name == name
    assert f"`{name}`" in (DOCS / "ingest.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["nowhere", "nowhere.py"])
def test_an_adapter_that_is_not_there(name: str) -> None:
    with pytest.raises(CartpathError, match="there are: cartpath, "):
        ingest.get(name)


@pytest.mark.parametrize("text", ["x = (", "1 / 0", "from cartpath.ingest import Nothing"])
def test_an_adapter_file_that_fails_is_the_users_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(CartpathError, match=r"mine\.py cannot be run: \w+Error"):
        ingest.get(str(path))


def test_a_file_without_an_adapter(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="defines no ADAPTER"):
        ingest.get(str(write(tmp_path / "mine.py", b"x = 1\n")))


def test_a_mapped_column_wins_over_the_adapters() -> None:
    found = ingest.get("rees46").resolve(["event_time", "event_type", "user_id", "who"], {"user_id": "who"}, "a.csv")
    assert found == {"user_id": "who", "ts": "event_time", "event": "event_type"}


def test_the_headerless_example(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", b"7,2020-01-01,/home\n8,2020-01-02,/cart\n")
    [piece] = [p for p in _job(tmp_path, EXAMPLES[2], source).pieces() if len(p.events)]
    assert [(e["user_id"], e["page"], e["event"]) for e in piece.events.to_pylist()] == [
        ("7", "/home", "page_view"), ("8", "/cart", "page_view")
    ]  # fmt: skip


def test_the_derived_example(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", b"card,time,article,quantity,total\nc,2020-01-01,a,4,10\n,2020-01-01,a,4,10\n")
    pieces = list(_job(tmp_path, EXAMPLES[3], source).pieces())
    [event] = [event for piece in pieces for event in piece.events.to_pylist()]
    assert (event["price"], event["quantity"]) == (2.5, 4)
    assert [json.loads(bad.raw) for piece in pieces for bad in piece.bad] == [
        {"time": "2020-01-01", "article": "a", "quantity": "4", "total": "10"}
    ]


def test_the_example_of_a_set(tmp_path: Path) -> None:
    files = {"log_csv": "who,when,what,sku\nc,2020-01-01,view,s\n", "shelves_csv": "id,name\n3,Tea\n",
             "goods_csv": "sku,shelf\ns,3\n", "people_csv": "user_id,age\nc,30\n", "stock_csv": "sku,n\n"}  # fmt: skip
    adapter = ingest.get(str(write(tmp_path / "mine.py", EXAMPLES[4].encode())))
    done = read_set(put(tmp_path / "shop", **files), adapter)
    assert (done.column("item_id"), done.items["s"]["category"], done.users["c"]["age"]) == (["s"], "Tea", 30)
    assert len(done.found.ignored) == 1
