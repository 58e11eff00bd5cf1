"""Times, numbers and text: what is read, what is blanked, what is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.ingest.normalise import Plan, normalise
from cartpath.ingest.numbers import as_numbers
from cartpath.ingest.text import as_text
from cartpath.ingest.times import Clock, as_times
from cartpath.schema import CartpathError, iso, microseconds_of

MOMENT = "2019-10-01T12:30:05Z"
EPOCH = microseconds_of(MOMENT)


@pytest.mark.parametrize(
    "text",
    [
        "2019-10-01 12:30:05 UTC", "2019-10-01T12:30:05Z", "2019-10-01 12:30:05", "2019/10/01 12:30:05",
        "2019-10-01T14:30:05+02:00", "2019-10-01T07:00:05-0530", "2019-10-01 14:30:05+02", "20191001123005",
        "20191001T123005", "1569933005", "1569933005.0", "1569933005000", "1569933005000000", "1569933005000000000",
        " 2019-10-01 12:30:05.000000000 ", "1.569933005e9",
    ],
)  # fmt: skip
def test_ways_to_write_a_time(text: str) -> None:
    times, read = as_times(pa.array([text]), Clock())
    assert read.tolist() == [True]
    assert iso(times[0]) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "soon", "2019-13-01", "2019-02-29", "2019-10-01 24:00:00", "2019-10-01 12:61",
        "01.10.2019", "10/1/2019", "2019-10-01 12:30:05 PST", "2019-10-01T12:30:05+99:00", "nan", "1_000", "--5",
        "2019-10-01 12:30:05 UTC+",
    ],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert as_times(pa.array([text]), Clock())[1].tolist() == [False]


def test_fractions_of_a_second() -> None:
    texts = pa.array(["2019-10-01 12:30:05.5", "1569933005.123456", "1569933005123.5", "2019-10-01 12:30:05.1234567"])
    times, _ = as_times(texts, Clock())
    assert (times - EPOCH).tolist() == [500_000, 123_456, 123_500, 123_456]


@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)), st.sampled_from(["T", " "]))
def test_times_are_as_python_reads_them(moment: dt.datetime, separator: str) -> None:
    times, read = as_times(pa.array([moment.isoformat(separator)]), Clock())
    assert read[0]
    assert times[0] == microseconds_of(moment)


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (pa.array([1569933005]), None), (pa.array([1569933005], pa.uint32()), "s"), (pa.array([1569933005.0]), None),
        (pa.array([1569933005000]), None), (pa.array([1569933005000]), "ms"), (pa.array([EPOCH]), "us"),
        (pa.array([EPOCH * 1000]), "ns"), (pa.array([Decimal(1569933005)]), None),
        (pa.array([dt.datetime(2019, 10, 1, 12, 30, 5)]), None),
        (pa.array([dt.datetime(2019, 10, 1, 12, 30, 5)], pa.timestamp("ns")), None),
        (pa.array([EPOCH], pa.timestamp("us", "America/New_York")), None),
        (pa.array([MOMENT]).dictionary_encode(), None), (pa.array([MOMENT], pa.large_string()), None),
    ],
)  # fmt: skip
def test_types_of_times(values: pa.Array, unit: str | None) -> None:
    times, read = as_times(values, Clock(epoch=unit))
    assert (times.tolist(), read.tolist()) == ([EPOCH], [True])


def test_a_date_is_its_midnight() -> None:
    times, _ = as_times(pa.array([dt.date(1970, 1, 2)]), Clock())
    assert times.tolist() == [86_400_000_000]


def test_times_without_an_offset_are_in_the_zone_given() -> None:
    texts = pa.array(["2019-07-01 12:00", "2019-12-01 12:00", "2019-07-01 12:00Z"])
    times, _ = as_times(texts, Clock("Europe/Berlin"))
    assert [iso(t) for t in times] == ["2019-07-01T10:00:00Z", "2019-12-01T11:00:00Z", "2019-07-01T12:00:00Z"]


def test_an_hour_that_occurs_twice_is_the_first_and_one_that_is_skipped_is_not_lost() -> None:
    times, read = as_times(pa.array(["2019-10-27 02:30", "2019-03-31 02:30"]), Clock("Europe/Berlin"))
    assert read.all()
    assert [iso(t) for t in times] == ["2019-10-27T00:30:00Z", "2019-03-31T01:00:00Z"]


def test_a_format_of_its_own() -> None:
    times, read = as_times(pa.array(["01.10.2019 12:30:05", "2019"]), Clock(pattern="%d.%m.%Y %H:%M:%S"))
    assert (times[0], read.tolist()) == (EPOCH, [True, False])


@pytest.mark.parametrize("wrong", [{"zone": "Mars/Olympus"}, {"epoch": "h"}])
def test_a_clock_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(CartpathError):
        Clock(**wrong)


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(10**30), 10**30))))
def test_numbers_are_as_python_reads_them(values: list[float | int | None]) -> None:
    texts = pa.array([None if v is None else str(v) for v in values], pa.string())
    numbers, present, wrong = as_numbers(texts)
    assert present.tolist() == [v is not None for v in values]
    assert not wrong.any()
    expected = np.array([0.0 if v is None else float(v) for v in values])
    np.testing.assert_array_equal(numbers, expected)


@given(st.text())
def test_what_is_no_number_is_wrong_and_never_an_error(text: str) -> None:
    _, present, wrong = as_numbers(pa.array([text]))
    try:
        float(text)
        is_number = "_" not in text
    except ValueError:
        is_number = False
    assert bool(present[0] and not wrong[0]) == is_number


def _event(**columns: Any) -> pa.Table:
    return pa.table({"user_id": ["u"], "ts": ["2020-01-01"], "event": ["view"], **columns})


def _done(table: pa.Table) -> Any:
    return normalise(table, Plan({name: name for name in table.column_names}))


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("quantity", "3", 3), ("quantity", 3.0, 3), ("quantity", "1e16", None), ("quantity", 10**16, None),
        ("quantity", 2**31, None), ("quantity", -(2**31), None), ("quantity", 1.5, None), ("quantity", "-2", -2),
        ("price", "nan", None), ("price", float("nan"), None), ("price", "inf", None), ("price", 1e15, None),
        ("price", "1e400", None), ("price", 0, 0.0), ("order_value", "-5", -5.0), ("order_value", "Infinity", None),
        ("visit_number", 7, 7), ("visit_number", 1e10, None),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_blanked_and_the_event_kept(column: str, value: Any, kept: Any) -> None:
    done = _done(_event(**{column: [value]}))
    assert done.events[column].to_pylist() == [kept]
    assert done.blanked == (kept is None)
    assert ("_blanked" in done.events.column_names) == (kept is None)
    assert done.reasons == {}


@pytest.mark.parametrize(
    ("value", "flag"),
    [("true", True), ("FALSE", False), ("1", True), (0, False), (True, True), (None, None), ("no", False)],
)
def test_flags(value: Any, flag: bool | None) -> None:
    assert _done(_event(is_direct=[value])).events["is_direct"].to_pylist() == [flag]


def test_a_flag_that_is_none_is_of_the_wrong_type() -> None:
    assert list(_done(_event(is_direct=["perhaps"])).reasons) == ["wrong_type"]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (pa.array([12345]), "12345"), (pa.array([12345.0]), "12345"), (pa.array(["12345.0"]), "12345"),
        (pa.array([2**63], pa.uint64()), "9223372036854775808"), (pa.array([Decimal("7")]), "7"),
        (pa.array([b"abc"]), "abc"), (pa.array(["a.0"]), "a.0"), (pa.array([0.5]), "0.5"),
        (pa.array(["x"]).dictionary_encode(), "x"), (pa.array([True]), "true"),
    ],
)  # fmt: skip
def test_ids_are_text(values: pa.Array, text: str) -> None:
    assert as_text(values, is_id=True).to_pylist() == [text]


@pytest.mark.parametrize(
    "values", [pa.array([None, "", " ", float("nan")][:3]), pa.array(["", " ", None]).dictionary_encode()]
)
def test_blank_text_is_no_text(values: pa.Array) -> None:
    assert as_text(values).to_pylist() == [None, None, None]


def test_text_in_parquet_that_cannot_be_kept() -> None:
    raw = pa.array([b"ok", b"\xff", b"n\0l", b"x" * (2 << 20)], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 4, raw.buffers())
    for users in (broken, pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3]), broken)):
        table = pa.table({"user_id": ["u"] * 4, "ts": ["2020-01-01"] * 4, "event": ["e"] * 4, "page": users})
        done = _done(table)
        assert {reason: rows.tolist() for reason, rows in done.reasons.items()} == {
            "nul_bytes": [2], "bad_encoding": [1], "field_too_large": [3]
        }  # fmt: skip
        assert done.events["page"].to_pylist() == ["ok"]


def test_the_first_reason_counts_and_each_row_once() -> None:
    table = pa.table({"user_id": [None, "u"], "ts": ["x", "x"], "event": [None, None], "price": [-1.0, -1.0]})
    done = _done(table)
    assert {reason: rows.tolist() for reason, rows in done.reasons.items()} == {
        "missing_user": [0], "unreadable_time": [1]
    }  # fmt: skip


def test_events_are_mapped_and_defaults_fill() -> None:
    table = pa.table({"u": ["a", "b"], "t": [1577836800, 1577836800], "k": ["cart", None], "p": [2_500_000, None]})
    plan = Plan(
        {"user_id": "u", "ts": "t", "event": "k", "price": "p"},
        events={"cart": "add_to_cart"}, defaults={"event": "view", "channel": "web"}, divide={"price": 1_000_000},
    )  # fmt: skip
    events = normalise(table, plan).events
    assert events["event"].to_pylist() == ["add_to_cart", "view"]
    assert events["price"].to_pylist() == [2.5, None]
    assert events["channel"].to_pylist() == ["web", "web"]


def test_props_may_be_objects() -> None:
    done = _done(_event(props=[{"a": 1}]))
    assert done.events["props"].to_pylist() == ['{"a": 1}']


def test_more_than_a_day_ahead() -> None:
    now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    table = pa.table({"user_id": ["a", "b"], "ts": ["2020-01-02 00:00:00", "2020-01-02 00:00:01"], "event": ["e", "e"]})
    done = normalise(table, Plan({name: name for name in table.column_names}), now=now)
    assert {reason: rows.tolist() for reason, rows in done.reasons.items()} == {"time_in_future": [1]}


def test_bytes_are_read_as_the_text_they_are() -> None:
    texts = {"user_id": ["u", "v"], "ts": [MOMENT, MOMENT], "event": ["e", "e"], "price": ["1.5", "x"]}
    raw = pa.table({name: pa.array([value.encode() for value in values]) for name, values in texts.items()})
    done = _done(raw)
    assert {reason: rows.tolist() for reason, rows in done.reasons.items()} == {"wrong_type": [1]}
    assert done.events["ts"].cast(pa.int64()).to_pylist() == [EPOCH]
    assert done.events["price"].to_pylist() == [1.5]
