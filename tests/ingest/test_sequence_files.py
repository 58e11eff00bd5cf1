"""Files of next-item research: what they are taken for, what becomes of them, and what is said of bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath.ingest.sequences import Sequences, read_items, read_sequences
from cartpath.ingest.sequences.columns import columns_among
from cartpath.schema import CartpathError
from tests.ingest.reading import write

Paths = dict[str, list[str]]
AS_LINES = b"u1 10 11 10\nu2 11 12\n"
PATHS = {"u1": ["10", "11", "10"], "u2": ["11", "12"]}


def paths_of(found: Sequences) -> Paths:
    """User to items in the order of time."""
    rows = sorted(found.events.to_pylist(), key=lambda row: row["ts"])
    paths: Paths = {}
    for row in rows:
        paths.setdefault(row["user_id"], []).append(row["item_id"])
    return paths


def table_file(tmp_path: Path, kind: str) -> Path:
    """The same five events as text or Parquet; rows are not in the order of time."""
    rows = [("u2", 11, 104), ("u1", 11, 102), ("u1", 10, 101), ("u2", 12, 105), ("u1", 10, 103)]
    rows = [(user, item, time + 1_500_000_000) for user, item, time in rows]
    if kind == "parquet":
        user, item, time = zip(*rows, strict=True)
        pq.write_table(pa.table({"SessionId": user, "ItemId": item, "Time": time}), tmp_path / "a.parquet")
        return tmp_path / "a.parquet"
    header, between = {
        "csv": ("user,item,time", ","),
        "tsv": ("user_id:token\titem_id:token\ttimestamp:float", "\t"),
        "txt": ("uid iid timestamp", " "),
    }[kind]
    lines = [header, *(between.join(map(str, row)) for row in rows)]
    return write(tmp_path / f"a.{kind}", "\n".join(lines).encode())


@pytest.mark.parametrize("data", [AS_LINES, b"u1 10\nu1 11\nu2 11\nu1 10\nu2 12\n", b"\xef\xbb\xbf" + AS_LINES[:-1]])
def test_lines_and_pairs_give_the_same_paths(tmp_path: Path, data: bytes) -> None:
    found = read_sequences(write(tmp_path / "a.txt", data))
    assert (paths_of(found), found.timed, found.told, found.part) == (PATHS, False, [], None)


def test_users_with_one_item_do_not_make_pairs_of_lines(tmp_path: Path) -> None:
    found = read_sequences(write(tmp_path / "a.txt", b"1 5\n2 6\n3 5 7 8\n4 9\n"))
    assert paths_of(found) == {"1": ["5"], "2": ["6"], "3": ["5", "7", "8"], "4": ["9"]}


@pytest.mark.parametrize("kind", ["csv", "tsv", "txt", "parquet"])
def test_tables_are_put_in_the_order_of_their_times(tmp_path: Path, kind: str) -> None:
    found = read_sequences(table_file(tmp_path, kind))
    assert (paths_of(found), found.timed, found.told) == (PATHS, True, [])


def test_a_table_without_times_is_in_the_order_of_its_rows(tmp_path: Path) -> None:
    found = read_sequences(write(tmp_path / "a.csv", b"user,item\nu1,10\nu2,11\nu1,11\nu1,10\nu2,12\n"))
    assert (paths_of(found), found.timed) == (PATHS, False)


def test_small_numbers_are_an_order_and_no_times(tmp_path: Path) -> None:
    found = read_sequences(write(tmp_path / "a.csv", b"user,item,time\nu1,11,2\nu1,10,1\nu2,12,9\nu2,11,4\nu1,10,3\n"))
    assert (paths_of(found), found.timed) == (PATHS, False)
    assert "taken for an order" in found.told[0]


def test_events_get_their_canonical_names_and_sessions_stay(tmp_path: Path) -> None:
    data = b"timestamp,visitorid,session,event,itemid\n1433221332117,1,s,view,5\n1433221333117,1,s,addtocart,5\n"
    data += b"1433221334117,1,t,page,\n"
    events = read_sequences(write(tmp_path / "a.csv", data)).events.to_pylist()
    assert [row["event"] for row in events] == ["view", "add_to_cart", "page_view"]
    assert [row["session_id"] for row in events] == ["s", "s", "t"]
    assert [row["item_id"] for row in events] == ["5", "5", None]


def test_bad_rows_are_left_out_and_told_with_their_line(tmp_path: Path) -> None:
    data = b"user,item,time\nu,a,2020-01-01\nu,b,soon\n,c,2020-01-02\nu,,2020-01-03\nu,d,2020-01-04,x\nu,e,2020-01-05\n"
    found = read_sequences(write(tmp_path / "a.csv", data))
    assert paths_of(found) == {"u": ["a", "e"]}
    assert sorted(found.told) == [
        "1 row left out: missing item (first in line 5)",
        "1 row left out: missing user (first in line 4)",
        "1 row left out: unreadable time (first in line 3)",
        "1 row left out: wrong number of fields (first in line 6)",
    ]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b"\n \n", "is empty"),
        ("a.txt", b"hello\n", "has one field"),
        ("a.csv", b"user,rating\n1,2\n", "no columns that are a user and an item"),
        ("a.csv", b"user,item\n", "has a header and no rows"),
        ("u.data", b"1\t10\t5\t881250949\n1\t11\t5\t881250950\n", "is it a table?"),
        ("r.dat", b"1::10::5::881250949\n", "no columns that are"),
        ("a.csv", b"user,item,time\n1,2,never\n", "no event that can be read"),
        ("a.parquet", b"PAR1 and nothing else", "cannot be read as Parquet"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_do(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(CartpathError, match=message) as caught:
        read_sequences(write(tmp_path / name, data))
    assert caught.value.hint


def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="no such file"):
        read_sequences(tmp_path / "gone.txt")
    with pytest.raises(CartpathError, match="neither a shop nor"):
        read_sequences(tmp_path)


def test_no_column_is_taken_twice() -> None:
    assert columns_among(["user_id", "session_id", "item", "ts"]) == {
        "user_id": "user_id", "item_id": "item", "ts": "ts", "session_id": "session_id"
    }  # fmt: skip
    assert columns_among(["reviewerID", "asin", "unixReviewTime", "overall"]) == {
        "user_id": "reviewerID", "item_id": "asin", "ts": "unixReviewTime"
    }  # fmt: skip
    assert columns_among(["price", "colour"]) == {}


def sessions_folder(tmp_path: Path, train: list[list[int]], test: list[tuple[list[int], int]]) -> Path:
    pq.write_table(pa.table({"seq": train}), tmp_path / "all_train_seq.parquet")
    sequences, targets = zip(*test, strict=True)
    pq.write_table(pa.table({"seq": sequences, "target": targets}), tmp_path / "test.parquet")
    return tmp_path


def test_sessions_of_two_files(tmp_path: Path) -> None:
    train: list[Any] = [[n, n + 1] for n in range(40)]
    train[3] = None
    found = read_sequences(sessions_folder(tmp_path, train, [([5, 5], 6), ([], 7)]))
    assert found.part == {"train:40": 1, "test:1": 2, "test:2": 2}  # a twentieth of 39 sessions
    paths = paths_of(found)
    assert (paths["test:1"], paths["test:2"], paths["train:40"]) == (["5", "5", "6"], ["7"], ["39", "40"])
    assert any("1 rows have no items" in text for text in found.told)


def test_a_test_of_all_beginnings_is_told_from_one_of_whole_sessions(tmp_path: Path) -> None:
    train = [[n, n + 1] for n in range(40)]
    beginnings = [([1, 2, 3], 4), ([1, 2], 3), ([1], 2), ([7], 8), ([9, 9], 9), ([9], 9)]
    found = read_sequences(sessions_folder(tmp_path, train, beginnings))
    assert found.every_place
    assert any("every place" in text for text in found.told)
    whole = read_sequences(sessions_folder(tmp_path, train, [([1, 2, 3], 4), ([1, 2], 3), ([5, 7, 9], 2), ([4, 4], 4)]))
    assert not whole.every_place
    assert not read_sequences(sessions_folder(tmp_path, train, [([1], 2), ([7], 8)])).every_place


def test_one_file_of_sessions_has_no_parts(tmp_path: Path) -> None:
    folder = sessions_folder(tmp_path, [[1, 2], [3]], [([1], 2)])
    found = read_sequences(folder / "all_train_seq.parquet")
    assert (paths_of(found), found.part) == ({"all_train_seq:1": ["1", "2"], "all_train_seq:2": ["3"]}, None)


def items_of(files: list[Path], known: str = "1 2 3") -> dict[str, dict[str, Any]]:
    table, _ = read_items(files, known.split())
    return {row.pop("item_id"): row for row in table.to_pylist()}


def test_attributes_of_items(tmp_path: Path) -> None:
    attributes = write(tmp_path / "item2attributes.json", json.dumps({"1": [7, 8], "2": [], "99": [1]}).encode())
    titles = tmp_path / "titles.parquet"
    pq.write_table(
        pa.table({"asin": ["B1", "B2"], "item_id": [1, 2], "title": ["One", "Two"], "attributes": [[9], [10, 11]]}),
        titles,
    )
    assert items_of([attributes]) == {"1": {"attributes": '["7", "8"]'}, "2": {"attributes": "[]"}}
    both = items_of([titles, attributes])
    assert both["1"] == {"title": "One", "attributes": '["7", "8"]'}
    _, told = read_items([titles], ["1", "2", "3"])
    assert told == ["titles.parquet: title, attributes of 2 of 3 items"]


def test_the_column_that_holds_the_items_is_the_item(tmp_path: Path) -> None:
    by_asin = write(tmp_path / "a.csv", b"item_id,asin,title,genres\n1,B1,One,x\n2,B2,Two,y\n")
    assert items_of([by_asin], "B1 B2 B3")["B2"] == {"title": "Two", "category": "y"}
    assert items_of([by_asin], "1 2")["2"]["title"] == "Two"


def test_amazon_metadata(tmp_path: Path) -> None:
    rows = [{"asin": "1", "title": "A", "categories": [["Beauty", "Nails"], ["Gifts"]], "price": "3.5", "brand": "b"}]
    file = write(tmp_path / "meta.jsonl", "\n".join(map(json.dumps, rows)).encode())
    found = items_of([file])["1"]
    assert (found["title"], found["brand"], found["price"]) == ("A", "b", 3.5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"77": [1]}', "knows none of the 3 items"),
        (b"item_id,weight\n1,5\n", "says nothing of its items"),
        (b"item_id,title\n", "no rows"),
    ],
)
def test_item_files_that_say_nothing(tmp_path: Path, data: bytes, message: str) -> None:
    name = "a.json" if data.startswith(b"{") else "a.csv"
    with pytest.raises(CartpathError, match=message):
        items_of([write(tmp_path / name, data)])


@pytest.mark.parametrize(
    ("name", "figures", "timed"),
    [
        ("s3rec/Beauty.txt", (22_363, 12_101, 198_502), False),
        ("s3rec/Sports_and_Outdoors.txt", (35_598, 18_357, 296_337), False),
        ("yoochoose/yoochoose_clicks_100k.parquet", (21_210, 2_933, 83_845), True),
    ],
)
def test_real_files(data_dir: Path, name: str, figures: tuple[int, int, int], timed: bool) -> None:
    found = read_sequences(data_dir / name)
    users, items = (len(found.events[column].unique()) for column in ("user_id", "item_id"))
    assert ((users, items, len(found.events)), found.timed) == (figures, timed)


def test_real_sessions(data_dir: Path) -> None:
    found = read_sequences(data_dir / "retailrocket")
    assert found.part is not None
    assert sum(part == 2 for part in found.part.values()) == 15_132
    assert sum(part == 1 for part in found.part.values()) == 126_168 // 20
    assert found.every_place


def test_real_items(data_dir: Path) -> None:
    known = [str(item) for item in range(1, 12_102)]
    files = [data_dir / "s3rec" / name for name in ("Beauty_item2attributes.json", "Beauty_items_titles.parquet")]
    table, _ = read_items(files, known)
    assert (len(table), table.column_names) == (12_101, ["item_id", "attributes", "title"])
    assert table["title"].null_count < 50
