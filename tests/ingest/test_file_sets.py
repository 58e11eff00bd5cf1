"""Sets of files: the kind of each is told, tables are gathered, and what does not fit is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.ingest import Adapter, Context, FileKind, Role, table_job
from cartpath.ingest.file_sets import kind_of
from cartpath.privacy import forget
from cartpath.schema import CartpathError
from tests.ingest.sets import put, read_set

LOG = Adapter("log", "", columns={"user_id": "who", "ts": "when"}, defaults={"event": "view"})


def named(table: pa.Table, context: Context) -> pa.Table:
    words = dict(zip(*(context.tables["words"][c].to_pylist() for c in ("code", "word")), strict=True))
    return pa.table(
        {"item_id": table["sku"], "title": pa.array([words.get(code) for code in table["code"].to_pylist()])}
    )


SET = Adapter(
    "set",
    "a log, a catalogue, its words, and people",
    files=(
        FileKind("log", Role.events, ("log*",), ("who", ("when", "at")), LOG),
        FileKind("goods", Role.items, ("goods*",), ("sku", "code"), build=named, uses=("words",)),
        FileKind("words", Role.lookup, ("words*",), ("code", "word"), required=True),
        FileKind("people", Role.users, ("people*",), ("user_id", "age")),
        FileKind("stock", Role.ignored, ("stock*",), why="of no user"),
    ),
)
FILES = {
    "log_csv": "who,when\na,2020-01-01\nb,soon\n",
    "goods_csv": "sku,code\ns1,7\ns2,8\n,7\ns3\n",
    "words_csv": "code,word\n7,seven\n",
    "people_csv": "user_id,age,city\na,30,Rome\nb,,\n",
    "stock_csv": "anything\n",
    "README_txt": "about",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=2)))
    return tmp_path / "shop"


def test_the_whole_set(shop: Path, tmp_path: Path) -> None:
    folder = put(tmp_path / "set", **FILES)
    done = ingest.ingest(shop, [str(folder)], adapter=SET)
    assert (done.read, done.stored, done.quarantined, done.source_rows, done.files) == (2, 1, 1, 2, 3)
    assert done.reasons == {"unreadable_time": 1}
    assert [(t["kind"], t["rows"], t["entries"], t["left_out"]) for t in done.tables] == [
        ("words", 1, 1, {}),
        ("goods", 4, 2, {"missing_item": 1, "wrong_number_of_fields": 1}),
        ("people", 2, 2, {}),
    ]
    assert [(Path(f["file"]).name, f["why"]) for f in done.ignored_files] == [
        ("README.txt", "a text about the data"), ("stock.csv", "of no user")
    ]  # fmt: skip
    with store.open_snapshot(shop) as snapshot:
        assert [(i["item_id"], i["title"]) for i in snapshot.items.to_pylist()] == [("s1", "seven"), ("s2", None)]
        assert snapshot.users.to_pylist() == [
            {"user_id": "a", "age": 30, "city": "Rome"}, {"user_id": "b", "age": None, "city": None}
        ]  # fmt: skip


def test_the_same_set_twice_changes_nothing(shop: Path, tmp_path: Path) -> None:
    folder = put(tmp_path / "set", **FILES)
    ingest.ingest(shop, [str(folder)], adapter=SET)
    again = ingest.ingest(shop, [str(folder)], adapter=SET)
    assert (again.read, again.files, again.unchanged_files) == (0, 0, 3)
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.generation == 1


def test_a_changed_lookup_reads_those_that_use_it_again(shop: Path, tmp_path: Path) -> None:
    folder = put(tmp_path / "set", **FILES)
    ingest.ingest(shop, [str(folder)], adapter=SET)
    put(folder, words_csv="code,word\n7,seven\n8,eight\n")
    again = ingest.ingest(shop, [str(folder)], adapter=SET)
    assert (again.files, again.unchanged_files) == (1, 2)
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.items["title"].to_pylist() == ["seven", "eight"]


def test_a_forgotten_user_does_not_come_back(shop: Path, tmp_path: Path) -> None:
    folder = put(tmp_path / "set", **FILES)
    ingest.ingest(shop, [str(folder)], adapter=SET)
    forget(shop, "a")
    put(folder, people_csv="user_id,age,city\na,31,Rome\nb,40,\n")
    ingest.ingest(shop, [str(folder)], adapter=SET)
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.users["user_id"].to_pylist() == ["b"]


def test_several_files_are_one_table(tmp_path: Path) -> None:
    texts = {
        "goods_1_csv": "sku,code\ns1,7\n",
        "goods_2_jsonl": '{"sku": "s1", "code": 7}\n{"sku": 2.0, "code": "9"}\n',
    }
    found = read_set(put(tmp_path / "set", words_csv=FILES["words_csv"], log_csv=FILES["log_csv"], **texts), SET)
    assert found.items == {"s1": {"item_id": "s1", "title": "seven"}, "2": {"item_id": "2", "title": None}}
    assert found.tables["goods"]["rows"] == 3


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("log_2020.csv", "who,when\n", "log"), ("LOG.CSV", "who,at\n", "log"), ("export.csv", "at,who,more\n", "log"),
        ("log.csv", "sku,code\n", "goods"), ("stock.csv", "who,when\n", "stock"), ("LICENSE.txt", "free", "papers"),
    ],
)  # fmt: skip
def test_kinds_are_told(tmp_path: Path, name: str, text: str, kind: str) -> None:
    (tmp_path / name).write_text(text)
    assert kind_of(tmp_path / name, SET).name == kind


def test_a_packed_file_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(b"who,when\n"))
    assert kind_of(tmp_path / "log.csv.gz", SET).name == "log"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("log.csv", "who,day\n", r"log\.csv is named as log of set but lacks when or at; columns expected: who, when "
                                 r"or at; columns found: who, day\n.*another version"),
        ("x.csv", "a,b\n", r"x\.csv is no file that adapter set knows; columns found: a, b\n.*it reads log \(who,"),
        ("log.csv", "", r"log\.csv is empty"),
        ("log.parquet", "PAR1", r"log\.parquet cannot be read as Parquet"),
        ("log.jsonl", '{"who": "a"}\n', r"lacks when or at"),
        ("goods.csv", "sku,code\n", r"goods\.csv cannot be read without words \(words\*\)\n.*name the whole folder"),
        ("words.csv", "code,word\n", r"nothing to read for adapter set: .*words\.csv\n"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(shop: Path, tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CartpathError, match=f"(?s){message}"):
        ingest.ingest(shop, [str(tmp_path / name)], adapter=SET)
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.generation == 0


def test_a_mapped_column_is_refused_and_a_constant_is_not(shop: Path, tmp_path: Path) -> None:
    folder = put(tmp_path / "set", **FILES)
    with pytest.raises(CartpathError, match="reads several kinds of files, so --map item_id=COLUMN"):
        ingest.ingest(shop, [str(folder)], adapter=SET, mapping={"item_id": "sku"})
    assert ingest.ingest(shop, [str(folder)], adapter=SET, mapping={"channel": "=web"}).stored == 1


def test_a_table_that_is_cut_is_told(tmp_path: Path) -> None:
    folder = put(tmp_path / "set", words_csv=FILES["words_csv"])
    rows = "".join(f"s{i},{i * 7919}\n" for i in range(5000))
    (folder / "goods.csv.gz").write_bytes(gzip.compress(f"sku,code\n{rows}".encode())[:-4000])
    found = read_set(folder, SET)
    assert found.truncated == ["the gzip stream ends early"]
    assert 0 < found.tables["goods"]["entries"] < 5000


def test_rows_that_cannot_matter_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def newest(table: pa.Table, context: Context) -> pa.Table:
        sizes.append(len(table))
        return table.slice(max(len(table) - 1, 0))

    monkeypatch.setattr(table_job, "_ROWS", 3)
    monkeypatch.setattr("cartpath.ingest.readers.lines.BLOCK", 8)
    (tmp_path / "goods.csv").write_text("item_id,title\n" + "".join(f"s{i},{i}\n" for i in range(100)))
    kind = FileKind("goods", Role.items, ("goods*",), ("item_id", "title"), reduce=newest)
    found = read_set(tmp_path, Adapter("set", "", files=(kind,)))
    assert found.items == {"s99": {"item_id": "s99", "title": "99"}}
    assert found.tables["goods"]["rows"] == 100
    assert max(sizes) <= 8
