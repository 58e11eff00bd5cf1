"""Formats and compressions give equal events; torn files give what was readable."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from cartpath.ingest import Reason, sources
from cartpath.ingest.readers import lines
from cartpath.schema import CartpathError
from tests.ingest.reading import GOOD, HEADER, Outcome, read, write

ROWS = [
    {"user_id": "u1", "ts": "2020-01-01 00:00:00", "event": "view", "item_id": "a,b", "price": 1.5, "quantity": 1},
    {"user_id": "u2", "ts": "2020-01-02 00:00:00.5", "event": "buy", "item_id": 'say "é"', "price": 0.1, "quantity": 2},
    {"user_id": None, "ts": "2020-01-02 00:00:00", "event": "view", "item_id": None, "price": None, "quantity": None},
    {"user_id": "u3", "ts": "never", "event": "view", "item_id": None, "price": None, "quantity": None},
    {"user_id": "u4", "ts": "2020-01-02 00:00:00", "event": "view", "item_id": "i", "price": -1.0, "quantity": None},
    {"user_id": "u5", "ts": "2020-01-03 00:00:00", "event": "odd", "item_id": None, "price": None, "quantity": 10**16},
] * 20  # fmt: skip


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue().to_pybytes())


def _csv() -> bytes:
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(pa.Table.from_pylist(ROWS), sink)
    return bytes(sink.getvalue().to_pybytes())


def _jsonl() -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def _parquet(path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=7)
    return path


def _same(done: Outcome) -> None:
    assert done.column("user_id") == ["u1", "u2", "u5"] * 20
    assert done.column("item_id") == ["a,b", 'say "é"', None] * 20
    assert done.column("price") == [1.5, 0.1, None] * 20
    assert done.column("quantity") == [1, 2, None] * 20
    assert done.reasons == {Reason.missing_user: 20, Reason.unreadable_time: 20, Reason.negative_price: 20}
    assert (done.read, done.source_rows, done.blanked) == (120, 120, 20)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("size", [1 << 23, 100])
def test_text_formats_and_compressions_are_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes], kind: str, size: int
) -> None:
    monkeypatch.setattr(lines, "BLOCK", size)
    data = _csv() if kind == "csv" else _jsonl()
    _same(read(write(tmp_path / f"a.{kind}.packed", pack(data))))


def test_parquet_is_equal(tmp_path: Path) -> None:
    done = read(_parquet(tmp_path / "a.parquet"))
    _same(done)
    assert done.rows(Reason.missing_user) == list(range(3, 121, 6))


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_torn_stream_keeps_what_was_readable(tmp_path: Path, pack: Callable[[bytes], bytes], kind: str) -> None:
    row = GOOD if kind == "csv" else b'{"user_id": "u1", "ts": "2020-01-01", "event": "view"}\n'
    head = HEADER if kind == "csv" else b""
    names = [f"{random.Random(i).getrandbits(128):032x}" for i in range(20_000)]  # these do not compress away
    body = b"".join(row.replace(b"u1", name.encode()) for name in names)
    packed = pack(head + body)
    done = read(write(tmp_path / f"a.{kind}.gz", packed[: len(packed) // 2]))
    assert len(done.truncated) == 1
    assert 1000 < len(done.events) < 19_000
    assert set(done.reasons) <= {Reason.torn_row}
    assert sum(done.reasons.values()) <= 1
    assert done.column("user_id") == names[: len(done.events)]


def test_a_torn_row_is_counted(tmp_path: Path) -> None:
    packed = gzip.compress(HEADER + GOOD + GOOD[:7], compresslevel=0)
    done = read(write(tmp_path / "a.csv.gz", packed[:-10]))
    assert (len(done.events), done.reasons) == (1, {Reason.torn_row: 1})
    assert done.rows(Reason.torn_row) == [3]
    assert done.truncated == ["the gzip stream ends early"]


def test_gzip_members_follow_one_another(tmp_path: Path) -> None:
    packed = gzip.compress(HEADER + GOOD) + gzip.compress(GOOD) + bytes(512)
    done = read(write(tmp_path / "a.csv.gz", packed))
    assert (len(done.events), done.truncated) == (2, [])


def test_a_damaged_gzip_is_reported(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(HEADER + GOOD * 10, compresslevel=0))
    packed[-6] ^= 0xFF  # the check sum
    done = read(write(tmp_path / "a.csv.gz", bytes(packed)))
    assert "damaged" in done.truncated[0]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1 nonsense PAR1"])
def test_parquet_that_is_none(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CartpathError, match=r"is empty|cannot be read as Parquet"):
        read(write(tmp_path / "a.parquet", data))


def test_cut_parquet_is_a_clear_error(tmp_path: Path) -> None:
    whole = _parquet(tmp_path / "a.parquet").read_bytes()
    with pytest.raises(CartpathError, match="cannot be read as Parquet"):
        read(write(tmp_path / "b.parquet", whole[: len(whole) // 2]))


def test_empty_compressed_files_are_empty(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "a.jsonl.gz"):
        with pytest.raises(CartpathError, match="is empty"):
            read(write(tmp_path / name, gzip.compress(b"")))


def test_folders_and_globs(tmp_path: Path) -> None:
    names = ("b.csv", "a.csv.gz", "sub/c.parquet", "notes.md", ".hidden.csv", "_SUCCESS", "sub/_tmp/d.csv")
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"x")
    found = [str(path.relative_to(tmp_path)) for path in sources.expand([str(tmp_path)])]
    assert found == ["a.csv.gz", "b.csv", "sub/c.parquet"]
    assert len(sources.expand([str(tmp_path / "*.csv"), str(tmp_path / "b.csv")])) == 1


@pytest.mark.parametrize("source", ["nowhere.csv", "*.none", "empty"])
def test_a_source_that_is_not_there(tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CartpathError, match=r"no such|no file to read"):
        sources.expand([str(tmp_path / source)])


def test_formats_are_told_by_content_where_the_name_does_not(tmp_path: Path) -> None:
    assert sources.sniff_format(write(tmp_path / "a", gzip.compress(b'{"a": 1}'))) == "jsonl"
    assert sources.sniff_format(write(tmp_path / "b", b"a,b\n")) == "csv"
    assert sources.sniff_format(_parquet(tmp_path / "c")) == "parquet"


@pytest.mark.parametrize("name", ["log.csv.gz", "log.csv.zst", "log.jsonl.gz", "log.jsonl.zst"])
def test_a_file_cut_before_anything_readable_is_not_called_empty(tmp_path: Path, name: str) -> None:
    text = b"user_id,ts,event\nu1,2020-01-01,view\n" if ".csv" in name else b'{"user_id": "u1"}\n'
    packed = gzip.compress(text) if name.endswith(".gz") else zstd(text)
    path = write(tmp_path / name, packed[:11])
    with pytest.raises(CartpathError, match=r"has nothing readable: the .* ends early"):
        read(path)
