"""JSON Lines: malformed lines are out, types may differ from row to row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from cartpath.ingest import Adapter, Context, Option, Reason, Unnested
from cartpath.ingest.options import resolve_options
from cartpath.ingest.readers import lines
from cartpath.ingest.reading import FileJob
from cartpath.schema import CartpathError, Columns
from tests.ingest.reading import read, write

ROW = {"user_id": "u1", "ts": "2020-01-01T00:00:00Z", "event": "view", "item_id": "i1", "price": 1.5}


@pytest.fixture(params=[1 << 23, 200], ids=["one block", "200 bytes"], autouse=True)
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", request.param)


def _file(folder: Path, *rows: Any) -> Path:
    texts = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    return write(folder / "a.jsonl", b"\n".join(texts) + b"\n")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"user_id": ', Reason.malformed_json),
        (b"[1]", Reason.malformed_json),
        (b'"text"', Reason.malformed_json),
        (b"{}{}", Reason.malformed_json),
        (b"[" * 100_000, Reason.malformed_json),
        (b'{"user_id": "\xff"}', Reason.bad_encoding),
        (json.dumps({**ROW, "item_id": "\ud800"}).encode(), Reason.bad_encoding),
        (b'{"user_id": "\0"}', Reason.nul_bytes),
        (json.dumps({**ROW, "item_id": "a\0b"}).encode(), Reason.nul_bytes),
        (json.dumps({**ROW, "item_id": {"id": 1}}).encode(), Reason.wrong_type),
        (json.dumps({**ROW, "price": "cheap"}).encode(), Reason.wrong_type),
        (json.dumps({**ROW, "price": True}).encode(), Reason.wrong_type),
        (json.dumps({**ROW, "price": -1}).encode(), Reason.negative_price),
        (json.dumps({**ROW, "user_id": None}).encode(), Reason.missing_user),
        (json.dumps({**ROW, "ts": 5}).encode(), Reason.time_before_1995),
        (json.dumps({**ROW, "event": ""}).encode(), Reason.missing_event),
        (json.dumps({**ROW, "x": "y" * (2 << 20)}).encode(), Reason.field_too_large),
        (b"{}", Reason.missing_user),
    ],
)
def test_a_bad_line_alone_is_out(tmp_path: Path, line: bytes, reason: str) -> None:
    done = read(_file(tmp_path, ROW, ROW, line, ROW))
    assert done.reasons == {reason: 1}
    assert done.rows(reason) == [3]
    assert done.column("price") == [1.5] * 3
    assert (done.read, done.source_rows) == (4, 4)


def test_types_may_differ_from_row_to_row(tmp_path: Path) -> None:
    rows = [
        {**ROW, "user_id": 7, "price": 2}, {**ROW, "user_id": 7.0, "price": "2"},
        {**ROW, "user_id": "7", "price": None}, {**ROW, "user_id": 2**70, "ts": 1577836800},
    ]  # fmt: skip
    done = read(_file(tmp_path, ROW, *rows))
    assert done.column("user_id") == ["u1", "7", "7", "7", str(2**70)]
    assert done.column("price") == [1.5, 2.0, 2.0, None, 1.5]
    assert len(set(done.column("ts"))) == 1


def test_whole_numbers_beyond_a_double_stay_exact(tmp_path: Path) -> None:
    done = read(_file(tmp_path, {**ROW, "user_id": 2**53 + 1}, {**ROW, "user_id": 2**53}))
    assert done.column("user_id") == [str(2**53 + 1), str(2**53)]


def test_ids_that_look_like_dates_stay_text(tmp_path: Path) -> None:
    assert read(_file(tmp_path, {**ROW, "item_id": "2020-01-01"})).column("item_id") == ["2020-01-01"]


def test_props_may_be_objects_and_blank_lines_are_nothing(tmp_path: Path) -> None:
    done = read(_file(tmp_path, {**ROW, "props": {"a": [1]}}, b"", ROW, {**ROW, "props": "{}"}))
    assert done.column("props") == ['{"a": [1]}', None, "{}"]


def test_values_beyond_json_are_blanked(tmp_path: Path) -> None:
    done = read(_file(tmp_path, {**ROW, "price": float("nan")}, {**ROW, "price": float("inf")}, ROW))
    assert done.column("price") == [None, None, 1.5]
    assert done.blanked == 2


@pytest.mark.parametrize(("data", "message"), [(b"", "is empty"), (b" \n", "is empty"), (b"[{}]", "JSON array")])
def test_files_that_cannot_be_read_say_why(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(CartpathError, match=message):
        read(write(tmp_path / "a.jsonl", data))


def test_a_missing_column_names_those_found(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match=r"no column for 'ts'.*user_id, time"):
        read(_file(tmp_path, {"user_id": 1, "time": 2}))


def _unnest(table: pa.Table, context: Context) -> Unnested:
    out = []
    for row in table.to_pylist():
        for hit in row["hits"] or ():
            out.append({"who": row["visitor"], "when": hit["at"], "what": "view", Columns.row: row[Columns.row]})
    kinds = pa.schema([("who", pa.string()), ("when", pa.int64()), ("what", pa.string()), (Columns.row, pa.int64())])
    skipped = 1 if context.options["skip"] else 0
    return Unnested(pa.Table.from_pylist(out, kinds), len(table), skipped)


NESTED = Adapter(
    "nested", "a test", columns={"user_id": "who", "ts": "when", "event": "what"}, unnest=_unnest,
    options={"skip": Option(False, "count one as not requested")},
)  # fmt: skip


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_nested_rows_are_unnested(tmp_path: Path, kind: str) -> None:
    rows = [
        {"visitor": "a", "hits": [{"at": 1577836800}, {"at": 1577836801}]},
        {"visitor": "b", "hits": []},
        {"visitor": None, "hits": [{"at": 1577836800}]},
    ]
    path = _file(tmp_path, *rows)
    if kind == "parquet":
        path = tmp_path / "a.parquet"
        pa.parquet.write_table(pa.Table.from_pylist(rows), path)
    job = FileJob(path, NESTED, {}, resolve_options(NESTED, {"skip": True}))
    job.open()
    pieces = list(job.pieces())
    assert sum(len(piece.events) for piece in pieces) == 2
    assert [(bad.row, bad.reason) for piece in pieces for bad in piece.bad] == [(3, Reason.missing_user)]
    assert sum(piece.source_rows for piece in pieces) == 3
    assert pieces[0].not_requested == 1


def test_nested_lines_that_are_malformed_are_out_alone(tmp_path: Path) -> None:
    good = {"visitor": "a", "hits": [{"at": 1577836800}]}
    path = _file(tmp_path, good, b"{", good)
    job = FileJob(path, NESTED, {}, resolve_options(NESTED, {}))
    job.open()
    pieces = list(job.pieces())
    assert sum(len(piece.events) for piece in pieces) == 2
    assert [(bad.row, bad.reason) for piece in pieces for bad in piece.bad] == [(2, Reason.malformed_json)]
