"""CSV without a header: the first line is data unless it names the columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.ingest import Adapter, Reason
from cartpath.ingest.options import resolve_options
from cartpath.ingest.readers import csv_reader
from cartpath.ingest.reading import FileJob
from cartpath.schema import CartpathError
from tests.ingest.reading import write

NAMES = ("user_id", "ts", "event")
ADAPTER = Adapter("bare", "three columns", identity=True, header=NAMES)
ROW = b"u1,2020-01-01,view\n"


def users(path: Path) -> tuple[list[str], list[tuple[int, str]]]:
    job = FileJob(path, ADAPTER, {}, resolve_options(ADAPTER, {}))
    job.open()
    pieces = list(job.pieces())
    found = [user for piece in pieces for user in piece.events["user_id"].to_pylist()]
    return found, [(bad.row, bad.reason) for piece in pieces for bad in piece.bad]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ROW + ROW.replace(b"u1", b"u2"), ["u1", "u2"]),
        (b"\xef\xbb\xbf\n" + ROW, ["u1"]),
        (ROW.rstrip(), ["u1"]),
        (b"u1;2020-01-01;view\n", ["u1"]),
        (b"user_id,ts,event\n" + ROW, ["u1"]),
        (b"User ID,TS,Event\n" + ROW, ["u1"]),
        (b"event,ts,user_id\nview,2020-01-01,u1\n", ["u1"]),
        (b"note,event,ts,user_id\nx,view,2020-01-01,u1\n", ["u1"]),
    ],
)
def test_with_and_without_a_header(tmp_path: Path, data: bytes, expected: list[str]) -> None:
    assert users(write(tmp_path / "a.csv", data)) == (expected, [])


@pytest.mark.parametrize("first", [b"\xff,2020-01-01,view\n", b"u0,2020\n", b'"u0,2020-01-01,view\n', b"u\x000,1,1\n"])
def test_a_broken_first_line_is_quarantined(tmp_path: Path, first: bytes) -> None:
    found, bad = users(write(tmp_path / "a.csv", first + ROW * 3))
    assert found == ["u1"] * 3
    assert [row for row, _ in bad] == [1]


def test_a_header_in_the_middle_is_told(tmp_path: Path) -> None:
    assert users(write(tmp_path / "a.csv", ROW + b"user_id,ts,event\n" + ROW))[1] == [(2, Reason.repeated_header)]


def test_another_number_of_columns_is_told(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match=r"has 4 columns and no header; expected 3: user_id, ts, event; its first"):
        users(write(tmp_path / "a.csv", b"1,2,3,4\n" * 3))


def test_a_header_of_other_columns_is_told(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match=r"has no column for 'user_id'.*columns found: who, when, what"):
        users(write(tmp_path / "a.csv", b"who,when,what\n" + ROW))


@given(st.lists(st.text("ab1 ,\"'", min_size=1, max_size=6).filter(str.strip), min_size=1, max_size=5))
def test_a_file_reads_the_same_with_its_header(names: list[str]) -> None:
    import csv
    import io
    import tempfile

    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([(name, "2020-01-01", "view") for name in names])
    with tempfile.TemporaryDirectory() as folder:
        bare = write(Path(folder) / "a.csv", text.getvalue().encode())
        headed = write(Path(folder) / "b.csv", b"user_id,ts,event\n" + text.getvalue().encode())
        assert users(bare)[0] == users(headed)[0] == names


def test_layouts_without_declared_names_are_as_before(tmp_path: Path) -> None:
    layout = csv_reader.layout_of(write(tmp_path / "a.csv", ROW))
    assert layout.names == ("u1", "2020-01-01", "view")
