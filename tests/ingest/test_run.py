"""Ingest as a whole: every row is accounted for, all of it is stored or nothing."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.ingest import Adapter, Option, Reason
from cartpath.ingest.ahead import ahead
from cartpath.ingest.options import resolve_options
from cartpath.schema import CartpathError
from tests.ingest.reading import GOOD, HEADER, write

KEYS = ["read", "stored", "duplicates", "quarantined", "source_rows", "not_requested", "reasons", "users", "sessions",
        "items", "first", "last", "seconds"]  # fmt: skip
DIRTY = HEADER + GOOD + GOOD + b",2020-01-01,view,,,\nu2,2020-01-02,purchase,i2,3,1e16\nu3,2020-01-02\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=2)))
    return tmp_path / "shop"


def _quarantine(shop: Path) -> list[dict[str, object]]:
    return [row for path in sorted((shop / "quarantine").glob("*")) for row in pq.read_table(path).to_pylist()]


def test_the_summary(shop: Path, tmp_path: Path) -> None:
    done = ingest.ingest(shop, [str(write(tmp_path / "a.csv", DIRTY))])
    found = done.to_dict()
    assert list(found)[: len(KEYS)] == KEYS
    assert json.loads(json.dumps(found)) == found
    assert (done.read, done.stored, done.duplicates, done.quarantined) == (5, 2, 1, 2)
    assert done.reasons == {Reason.missing_user: 1, Reason.wrong_number_of_fields: 1}
    assert (done.users, done.sessions, done.items) == (2, 2, 2)
    assert (done.first, done.last) == ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z")
    assert (done.blanked, done.files, done.source_rows, done.not_requested) == (1, 1, 5, 0)


def test_the_quarantine_says_why_and_where(shop: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", DIRTY)
    ingest.ingest(shop, [str(path)])
    rows = sorted(_quarantine(shop), key=lambda row: row["row"])
    assert [(row["reason"], row["file"], row["row"], row["user_id"]) for row in rows] == [
        ("missing_user", str(path), 4, None), ("wrong_number_of_fields", str(path), 6, "u3")
    ]  # fmt: skip
    assert [row["raw"] for row in rows] == ['{"ts": "2020-01-01", "event": "view"}', "u3,2020-01-02"]
    with store.open_snapshot(shop) as snapshot:
        assert [a["kind"] for a in snapshot.manifest.data["artefacts"]] == ["rows"]


def test_the_same_file_twice_changes_nothing(shop: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", DIRTY)
    ingest.ingest(shop, [str(path), str(write(tmp_path / "copy.csv", DIRTY))])
    with store.open_snapshot(shop) as snapshot:
        generation = snapshot.generation
    again = ingest.ingest(shop, [str(path)])
    assert (again.read, again.stored, again.unchanged_files, again.users) == (0, 0, 1, 2)
    assert len(_quarantine(shop)) == 2
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.generation == generation


def test_another_mapping_reads_the_file_again(shop: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", HEADER + GOOD)
    ingest.ingest(shop, [str(path)])
    again = ingest.ingest(shop, [str(path)], mapping={"page": "item_id"})
    assert (again.read, again.stored, again.unchanged_files) == (1, 1, 0)


def test_a_file_that_grew_adds_what_is_new(shop: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", HEADER + GOOD)
    ingest.ingest(shop, [str(path)])
    path.write_bytes(HEADER + GOOD + GOOD.replace(b"00:00:00", b"00:00:01"))
    again = ingest.ingest(shop, [str(path)])
    assert (again.read, again.stored, again.duplicates) == (2, 1, 1)


def test_an_error_leaves_nothing(shop: Path, tmp_path: Path) -> None:
    write(tmp_path / "in_a.csv", DIRTY)
    write(tmp_path / "in_b.csv", b"")
    with pytest.raises(CartpathError, match="is empty"):
        ingest.ingest(shop, [str(tmp_path / "in_*.csv")])
    with store.open_snapshot(shop) as snapshot:
        assert (snapshot.generation, snapshot.totals.events) == (0, 0)
    assert not list((shop / "quarantine").glob("*"))


def test_what_an_interrupted_ingest_left_is_removed(shop: Path, tmp_path: Path) -> None:
    ingest.ingest(shop, [str(write(tmp_path / "a.csv", DIRTY))])
    kept = list((shop / "quarantine").glob("*"))
    for name in ("orphan.parquet", "orphan.parquet.tmp"):
        (shop / "quarantine" / name).write_bytes(b"x")
    ingest.ingest(shop, [str(write(tmp_path / "b.csv", HEADER + GOOD))])
    assert list((shop / "quarantine").glob("*")) == kept


def test_mapping_and_constants(shop: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"who,when\n12,1577836800\n12.0,1577836801\n")
    done = ingest.ingest(shop, [str(path)], mapping={"user_id": "who", "ts": "when", "event": "=visit"})
    assert (done.stored, done.users) == (2, 1)
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.totals.events_by_type == {"visit": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mapping": {"usr": "a"}}, "'usr' is no canonical column"),
        ({"mapping": {"page": "nowhere"}}, "no column for 'page'"),
        ({"adapter": "none"}, "no adapter 'none'"),
        ({"options": {"colour": "red"}}, "no option 'colour'"),
        ({"options": {"decimal": ";"}}, "cannot be ';'"),
        ({"options": {"delimiter": True}}, "must be of type str"),
        ({"options": {"delimiter": "::"}}, "must be one character"),
        ({"items": "nowhere.csv"}, "no such file"),
    ],
)
def test_wrong_requests_say_why(shop: Path, tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    path = write(tmp_path / "a.csv", HEADER + GOOD)
    with pytest.raises(CartpathError, match=message):
        ingest.ingest(shop, [str(path)], **arguments)


def test_nothing_at_all_is_an_error(shop: Path) -> None:
    with pytest.raises(CartpathError, match="nothing to ingest"):
        ingest.ingest(shop, [])


def test_items_and_users(shop: Path, tmp_path: Path) -> None:
    items = write(tmp_path / "items.csv", b"item_id,title,price,colour\n1,One,1.5,red\n2,Two,nan,blue\n1,Uno,,\n,x,,\n")
    users = write(tmp_path / "users.jsonl", b'{"user_id": 7, "age": 30}\n{"user_id": 8, "age": null}\n')
    done = ingest.ingest(shop, [], items=items, users=users)
    assert done.read == 0
    with store.open_snapshot(shop) as snapshot:
        found = {row["item_id"]: row for row in snapshot.items.to_pylist()}
        assert (found["1"]["title"], found["1"]["price"], found["1"]["colour"]) == ("Uno", 1.5, "red")
        assert found["2"]["price"] is None
        assert {row["user_id"]: row["age"] for row in snapshot.users.to_pylist()} == {"7": 30, "8": None}


@pytest.mark.parametrize("name", ["items", "users"])
def test_a_catalogue_without_its_key_says_so(shop: Path, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "x.csv", b"a,b\n1,2\n")
    with pytest.raises(CartpathError, match="columns found: a, b"):
        ingest.ingest(shop, [], **{name: path})


def test_a_catalogue_with_a_bad_row_says_which(shop: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", b"item_id,title\n1,2\n3\n")
    with pytest.raises(CartpathError, match="row 3: wrong_number_of_fields"):
        ingest.ingest(shop, [], items=path)


REES46 = (
    b"event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
    b"2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde\n"
    b"2019-10-01 00:00:01 UTC,cart,3900821,2053013552326770905,home.garden.kettle,aqua,33.20,554748717,9333dfbd\n"
    b"2019-10-01 00:00:02 UTC,purchase,3900821,2053013552326770905,home.garden.kettle,aqua,33.20,554748717,9333dfbd\n"
)


def test_rees46(shop: Path, tmp_path: Path) -> None:
    done = ingest.ingest(shop, [str(write(tmp_path / "2019-Oct.csv.gz", gzip.compress(REES46)))], adapter="rees46")
    assert (done.stored, done.users, done.sessions, done.items) == (3, 2, 2, 2)
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.totals.events_by_type == {"view": 1, "add_to_cart": 1, "purchase": 1}
        items = {row["item_id"]: row for row in snapshot.items.to_pylist()}
    assert items["3900821"]["category"] == "home > garden > kettle"
    assert (items["44600062"]["brand"], items["44600062"]["price"]) == ("shiseido", 35.79)


def test_an_adapter_from_a_file(shop: Path, tmp_path: Path) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "from cartpath.ingest import Adapter\n"
        "COLUMNS = {'user_id': 'u', 'ts': 't', 'event': 'e'}\n"
        "ADAPTER = Adapter('mine', 'mine', columns=COLUMNS, events={'buy': 'purchase'})\n"
    )
    done = ingest.ingest(shop, [str(write(tmp_path / "a.csv", b"u,t,e\n1,2020-01-01,buy\n"))], adapter=str(module))
    assert done.stored == 1
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.totals.events_by_type == {"purchase": 1}


def test_rows_of_a_forgotten_user_are_counted_and_never_written(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_forgotten(_: object, users: pa.Array) -> object:
        return (
            (users.to_numpy(zero_copy_only=False) == "u1") if len(users) else users.to_numpy(zero_copy_only=False) == ""
        )

    monkeypatch.setattr(store.Writer, "is_forgotten", is_forgotten)
    text = DIRTY + b'u1,never,view,,,\nx,"y u1",z\n'
    done = ingest.ingest(shop, [str(write(tmp_path / "a.csv", text))])
    assert done.reasons == {Reason.forgotten_user: 4, Reason.missing_user: 1, Reason.wrong_number_of_fields: 1}
    assert (done.read, done.stored) == (7, 1)
    assert all("u1" not in str(row) for row in _quarantine(shop))


def test_progress_rises_to_its_end(shop: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    paths = [write(tmp_path / f"{name}.csv", HEADER + GOOD * n) for name, n in (("a", 10), ("b", 20))]
    ingest.ingest(shop, [str(path) for path in paths], progress=lambda done, total: seen.append((done, total)))
    total = sum(path.stat().st_size for path in paths)
    assert seen[-1] == (total + total // 2,) * 2
    assert seen == sorted(seen)


def test_errors_of_the_reading_thread_reach_the_caller() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise CartpathError("no")

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(CartpathError, match="no"):
        next(items)


def test_a_pipeline_that_is_left_early_does_not_wait_for_what_takes_long() -> None:
    awaited, left = threading.Event(), list[str]()

    def slow() -> Iterator[int]:
        yield 1
        assert awaited.wait(60)
        left.append("waited")

    items = ahead(slow(), leave=awaited.set)
    assert next(items) == 1
    items.close()  # type: ignore[attr-defined]
    assert left == ["waited"]
    assert list(ahead(iter([1, 2]), leave=lambda: left.append("left"))) == [1, 2]
    assert left == ["waited"]


def test_an_adapter_with_a_default_for_its_event(shop: Path, tmp_path: Path) -> None:
    mine = Adapter(
        "mine", "mine", columns={"user_id": "u", "ts": "t"}, defaults={"event": "view"}, time_zone="Asia/Tokyo"
    )
    done = ingest.ingest(shop, [str(write(tmp_path / "a.csv", b"u,t\n1,2020-01-01 09:00\n"))], adapter=mine)
    assert done.first == "2020-01-01T00:00:00Z"


def test_options_come_as_text_from_the_command_line() -> None:
    given = {"impressions": Option(False, ""), "depth": Option(3, "")}
    mine = Adapter("mine", "mine", options=given)
    found = resolve_options(mine, {"impressions": "true", "depth": "4", "delimiter": "tab"})
    assert (found["impressions"], found["depth"], found["delimiter"]) == (True, 4, "\t")
    with pytest.raises(CartpathError, match="cannot be 'perhaps'"):
        resolve_options(mine, {"impressions": "perhaps"})
