"""Fuzz: whatever is done to a file, no error but a clear one, every row accounted for, untouched lines survive."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from hypothesis import example, given
from hypothesis import strategies as st

from cartpath.ingest.readers import csv_reader, lines
from cartpath.schema import CartpathError
from tests.ingest.reading import HEADER, Outcome, read

SIZES = st.sampled_from([1 << 23, 400, 90, 17])
BYTES = st.one_of(
    st.binary(min_size=1, max_size=6), st.sampled_from([b'"', b"\n", b"\r", b",", b"\0", b'"\n"', b"\xff", b"{", b"}"])
)
CELLS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", "NULL", "nan", "-1", "1e16", "2020-01-01", "1577836800", '"', "a\nb", "user_id"]),
)  # fmt: skip


@contextmanager
def _file(data: bytes, name: str, size: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(lines, "BLOCK", size):
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


def _read(data: bytes, name: str, size: int) -> Outcome | None:
    with _file(data, name, size) as path:
        try:
            done = read(path)
        except CartpathError:
            return None
    assert done.read == len(done.events) + len(done.bad) == done.source_rows
    return done


def _csv_rows(n: int) -> list[bytes]:
    return [b"u%d,2020-01-01 00:00:%02d,view,i%d,1.5,2\n" % (i, i, i) for i in range(n)]


def _json_rows(n: int) -> list[bytes]:
    rows = (
        {"user_id": f"u{i}", "ts": 1577836800 + i, "event": "view", "item_id": f"i{i}", "price": 1.5} for i in range(n)
    )
    return [json.dumps(row).encode() + b"\n" for row in rows]


@given(st.data(), SIZES, st.sampled_from(["csv", "jsonl"]))
def test_bytes_put_into_a_line_harm_that_line_alone(data: st.DataObject, size: int, kind: str) -> None:
    rows = _csv_rows(12) if kind == "csv" else _json_rows(12)
    hit = data.draw(st.integers(1, 11))
    at = data.draw(st.integers(0, len(rows[hit]) - 1))
    noise = data.draw(BYTES)
    changed = rows[hit][:at] + noise + rows[hit][at:]
    text = b"".join([*rows[:hit], changed, *rows[hit + 1 :]])
    done = _read((HEADER if kind == "csv" else b"") + text, f"a.{kind}", size)
    assert done is not None
    untouched = {f"u{i}" for i in range(12) if i != hit}
    assert untouched <= set(done.column("user_id"))


@given(st.lists(st.lists(CELLS, max_size=8), max_size=12), SIZES)
def test_rows_of_anything_are_accounted_for(rows: list[list[str]], size: int) -> None:
    text = "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass")
    good = _csv_rows(3)
    done = _read(HEADER + b"".join(good) + text + b"\n", "a.csv", size)
    assert done is not None
    assert done.column("user_id")[:3] == ["u0", "u1", "u2"]


@example([["", "", "", "", "\0", "\n"]], 400)
@given(st.lists(st.lists(st.text(max_size=6), min_size=6, max_size=6), max_size=8), SIZES)
def test_written_as_csv_every_row_comes_back_once(rows: list[list[str]], size: int) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([[f"u{i}", "2020-01-01", "view", *row[3:]] for i, row in enumerate(rows)])
    done = _read(HEADER + out.getvalue().encode("utf-8", "replace"), "a.csv", size)
    assert done is not None
    assert done.read == len(rows)


@given(st.binary(max_size=300), SIZES, st.sampled_from(["csv", "jsonl", "parquet", "csv.gz", "csv.zst", "none"]))
def test_any_bytes_are_read_or_refused(data: bytes, size: int, suffix: str) -> None:
    _read(data, f"a.{suffix}", size)
    _read(HEADER + data, f"a.{suffix}", size)


@given(st.data(), SIZES, st.sampled_from(["csv", "jsonl"]))
def test_cuts_keep_what_came_before(data: st.DataObject, size: int, kind: str) -> None:
    rows = _csv_rows(12) if kind == "csv" else _json_rows(12)
    head = HEADER if kind == "csv" else b""
    body = b"".join(rows)
    cut = data.draw(st.integers(0, len(body)))
    done = _read(head + body[:cut], f"a.{kind}", size)
    if done is None:
        assert kind == "jsonl"
        assert cut < len(rows[0])
        return
    whole = body[:cut].count(b"\n")
    assert done.column("user_id")[:whole] == [f"u{i}" for i in range(whole)] if whole else True
    assert done.read <= whole + 1


@given(st.data(), SIZES, st.sampled_from([0, 6]))
def test_cuts_of_gzip_keep_what_came_before(data: st.DataObject, size: int, level: int) -> None:
    body = HEADER + b"".join(_csv_rows(12))
    packed = gzip.compress(body, level)
    cut = data.draw(st.integers(0, len(packed) - 1))
    done = _read(packed[:cut], "a.csv.gz", size)
    if done is not None:
        assert len(done.truncated) == 1
        users = done.column("user_id") if len(done.events) else []
        assert users == [f"u{i}" for i in range(len(users))]
        if level == 0:
            assert len(users) >= (cut - 15 - len(HEADER)) // len(_csv_rows(12)[-1])


@given(st.binary(max_size=4), st.integers(0, 400))
def test_damage_within_gzip_is_no_crash(noise: bytes, at: int) -> None:
    packed = gzip.compress(HEADER + b"".join(_csv_rows(12)))
    _read(packed[:at] + noise + packed[at + len(noise) :], "a.csv.gz", 1 << 23)


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), min_size=6, max_size=6), max_size=8),
    st.lists(BYTES, max_size=2),
    SIZES,
)
def test_the_fast_way_and_the_slow_way_agree(rows: list[list[str]], noise: list[bytes], size: int) -> None:
    text = b"".join(",".join(row).encode() + b"\n" for row in rows) + b"".join(noise)
    fast = _read(HEADER + text, "a.csv", size)
    with mock.patch.object(csv_reader.CsvReader, "_fast", lambda self, data: None if data else self._empty()):
        slow = _read(HEADER + text, "a.csv", size)
    assert (fast is None) == (slow is None)
    if fast is not None and slow is not None:
        assert sorted((bad.row, bad.reason) for bad in fast.bad) == sorted((bad.row, bad.reason) for bad in slow.bad)
        assert fast.events.to_pylist() == slow.events.to_pylist()
