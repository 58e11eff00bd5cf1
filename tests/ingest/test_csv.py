"""CSV: what is clean is read fast, what is not line by line; every good line survives."""

from __future__ import annotations

from pathlib import Path

import pytest

from cartpath.ingest import Reason
from cartpath.ingest.readers import csv_lines, csv_reader, lines
from cartpath.schema import CartpathError
from tests.ingest.reading import GOOD, HEADER, read, write

MANY = GOOD * 3


@pytest.fixture(params=[1 << 23, 300, 64], ids=["one block", "300 bytes", "64 bytes"])
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", request.param)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"u2,2020-01-01,view\n", Reason.wrong_number_of_fields),
        (b"u2,2020-01-01,view,i,1,2,3\n", Reason.wrong_number_of_fields),
        (b"u2,2020-01-01,vi\0ew,i,1,2\n", Reason.nul_bytes),
        (b"u2,2020-01-01,vi\xffew,i,1,2\n", Reason.bad_encoding),
        (b'u2,2020-01-01,view,"i,1,2\n', Reason.unclosed_quote),
        (HEADER, Reason.repeated_header),
        (b",2020-01-01,view,i,1,2\n", Reason.missing_user),
        (b"  ,2020-01-01,view,i,1,2\n", Reason.missing_user),
        (b"NULL,2020-01-01,view,i,1,2\n", Reason.missing_user),
        (b"u2,,view,i,1,2\n", Reason.unreadable_time),
        (b"u2,soon,view,i,1,2\n", Reason.unreadable_time),
        (b"u2,2020-02-30,view,i,1,2\n", Reason.unreadable_time),
        (b"u2,1994-12-31 23:59:59,view,i,1,2\n", Reason.time_before_1995),
        (b"u2,0,view,i,1,2\n", Reason.time_before_1995),
        (b"u2,2999-01-01,view,i,1,2\n", Reason.time_in_future),
        (b"u2,2020-01-01,,i,1,2\n", Reason.missing_event),
        (b"u2,2020-01-01,view,i,-0.01,2\n", Reason.negative_price),
        (b"u2,2020-01-01,view,i,abc,2\n", Reason.wrong_type),
        (b"u2,2020-01-01,view,i,1,two\n", Reason.wrong_type),
    ],
)
@pytest.mark.usefixtures("_block")
def test_a_bad_line_alone_is_out(tmp_path: Path, line: bytes, reason: str) -> None:
    done = read(write(tmp_path / "a.csv", HEADER + MANY + line + MANY))
    assert done.reasons == {reason: 1}
    assert done.rows(reason) == [5]
    assert done.column("user_id") == ["u1"] * 6
    assert done.column("price") == [1.5] * 6
    assert (done.read, done.source_rows) == (7, 7)


@pytest.mark.usefixtures("_block")
def test_all_reasons_together(tmp_path: Path) -> None:
    bad = b"x\n" + GOOD + b"\xff\n" + GOOD + b'"\n' + GOOD + b"\0\n\n"
    done = read(write(tmp_path / "a.csv", HEADER + bad + GOOD))
    assert done.reasons == {
        Reason.wrong_number_of_fields: 1, Reason.bad_encoding: 1, Reason.unclosed_quote: 1, Reason.nul_bytes: 1
    }  # fmt: skip
    assert [done.rows(reason)[0] for reason in done.reasons] == [2, 4, 6, 8]
    assert len(done.events) == 4


@pytest.mark.usefixtures("_block")
def test_a_quoted_field_may_span_lines(tmp_path: Path) -> None:
    spanning = b'u2,2020-01-01,view,"i\n\n""2""",1,2\n'
    done = read(write(tmp_path / "a.csv", HEADER + MANY + spanning + MANY))
    assert done.reasons == {}
    assert done.column("item_id") == ["i1"] * 3 + ['i\n\n"2"'] + ["i1"] * 3


@pytest.mark.usefixtures("_block")
@pytest.mark.parametrize("line", [b'u2,2020-01-01,view,"i\0\n",1,2\n', b'u2,2020-01-01,view,"i\n\xff\n",1,2\n'])
def test_a_spanning_record_is_bad_as_a_whole(tmp_path: Path, line: bytes) -> None:
    done = read(write(tmp_path / "a.csv", HEADER + MANY + line + MANY))
    assert sum(done.reasons.values()) == 1
    assert done.bad[0].row == 5
    assert len(done.events) == 6


@pytest.mark.usefixtures("_block")
def test_rows_after_a_spanning_record_keep_their_numbers(tmp_path: Path) -> None:
    done = read(write(tmp_path / "a.csv", HEADER + b'u2,2020-01-01,view,"i\n2",1,2\n' + b"short\n"))
    assert done.rows(Reason.wrong_number_of_fields) == [4]


def test_an_open_quote_is_not_closed_by_a_later_field(tmp_path: Path) -> None:
    stray = b'u2,2020-01-01,view,"i,1,2\n'
    quoted = b'"u3",2020-01-01,view,"i3",1,2\n'
    done = read(write(tmp_path / "a.csv", HEADER + stray + GOOD + quoted + GOOD))
    assert done.reasons == {Reason.unclosed_quote: 1}
    assert done.column("user_id") == ["u1", "u3", "u1"]


def test_an_open_quote_reaches_no_further_than_it_may(tmp_path: Path) -> None:
    n = csv_lines.MAX_JOINED + 10
    done = read(write(tmp_path / "a.csv", HEADER + b'u2,2020-01-01,view,"i,1,2\n' + GOOD * n + b'x",1,2\n'))
    assert done.reasons == {Reason.unclosed_quote: 1, Reason.wrong_number_of_fields: 1}
    assert len(done.events) == n


def test_a_quote_within_a_field_is_a_character(tmp_path: Path) -> None:
    odd = b'u2,2020-01-01,view,5" screen,1,2\nu2,2020-01-01,view,"a"b,1,2\n'
    fast = read(write(tmp_path / "a.csv", HEADER + odd))
    slow = read(write(tmp_path / "b.csv", HEADER + odd + b"\0\n"))
    assert fast.column("item_id") == slow.column("item_id") == ['5" screen', "ab"]


@pytest.mark.parametrize("size", [1 << 20, 1 << 23])
def test_a_field_of_megabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(lines, "BLOCK", size)
    large = b"u2,2020-01-01,view," + b"x" * (5 << 20) + b",1,2\n"
    done = read(write(tmp_path / "a.csv", HEADER + MANY + large + MANY))
    assert done.reasons == {Reason.field_too_large: 1}
    assert done.rows(Reason.field_too_large) == [5]
    assert len(done.events) == 6
    assert len(done.bad[0].raw) == lines.RAW_LENGTH


def test_byte_order_mark_returns_and_blank_lines(tmp_path: Path) -> None:
    text = (HEADER + GOOD + b"\n" + GOOD).replace(b"\n", b"\r\n")
    done = read(write(tmp_path / "a.csv", b"\xef\xbb\xbf" + text))
    assert done.column("quantity") == [2, 2]
    assert done.reasons == {}


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_told_from_the_header(tmp_path: Path, delimiter: str) -> None:
    text = (HEADER + GOOD).replace(b",", delimiter.encode())
    assert read(write(tmp_path / "a.csv", text)).column("item_id") == ["i1"]


def test_delimiter_and_decimal_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b'user_id:ts:event:price\nu1:2020-01-01:view:"12,50"\n')
    assert read(path, delimiter=":", decimal=",").column("price") == [12.5]


def test_the_last_line_may_lack_its_end(tmp_path: Path) -> None:
    assert len(read(write(tmp_path / "a.csv", HEADER + GOOD + GOOD[:-1])).events) == 2


def test_a_header_alone_is_no_events(tmp_path: Path) -> None:
    done = read(write(tmp_path / "a.csv", HEADER))
    assert (done.read, len(done.bad)) == (0, 0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        ("user_id\n".encode("utf-16"), "UTF-16"),
        (b"user_id,\xff\n", "not UTF-8"),
        (b"user_id,ts\ru1,2\r", "not one line"),
        (b'user_id,"ts\n', "open quote"),
        (b"user_id,time,event\n", "no column for 'ts'.*columns found: user_id, time, event"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(CartpathError, match=message):
        read(write(tmp_path / "a.csv", data))


def test_repeated_column_names_are_told_apart(tmp_path: Path) -> None:
    layout = csv_reader.layout_of(write(tmp_path / "a.csv", b"a,b,a\n"))
    assert layout.names == ("a", "b", "a.1")
