"""Columns, events, errors and units: the words that rooms share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import schema
from cartpath.schema import (
    CANONICAL_EVENTS,
    CODED_CONTEXT,
    CONTEXT,
    REQUIRED,
    CartpathError,
    Columns,
    CorruptStoreError,
    Event,
    MissingExtraError,
    WorkspaceBusyError,
    event_schema,
    iso,
    item_schema,
    microseconds_of,
    seconds,
)


def test_the_event_schema() -> None:
    got = event_schema()
    head = "user_id ts event item_id session_id price quantity order_id order_value page query event_id props"
    context = (
        "channel source medium campaign keyword referrer is_direct device browser os language country region city "
        "visit_number"
    )
    assert got.names == [*head.split(), *context.split()]
    assert [field.name for field in got if not field.nullable] == list(REQUIRED) == ["user_id", "ts", "event"]
    assert {str(field.type): field.name for field in got if field.type != pa.string()} == {
        "timestamp[us, tz=UTC]": "ts",
        "double": "order_value",
        "int32": "visit_number",
        "bool": "is_direct",
    }
    assert list(CONTEXT) == context.split()
    assert set(CONTEXT) - set(CODED_CONTEXT) == {"is_direct", "visit_number"}


def test_the_item_schema() -> None:
    assert item_schema().names == [
        "item_id",
        "title",
        "description",
        "category",
        "brand",
        "image",
        "attributes",
        "price",
    ]
    assert item_schema().field("price").type == pa.float64()


def test_column_names_are_unique_and_internal_ones_start_with_an_underscore() -> None:
    names = [value for name, value in vars(Columns).items() if not name.startswith("__")]
    assert len(set(names)) == len(names)
    of_links = {"anonymous_id", "first", "last", "n"}
    known = {*event_schema().names, *item_schema().names, *of_links}
    internal = {"_file", "_row", "_hit", "_once", "_blanked", "_received"}
    assert {name for name in names if name not in known} == internal


def test_the_vocabulary_is_in_the_order_of_a_visit() -> None:
    named = [value for name, value in vars(Event).items() if not name.startswith("__")]
    assert list(CANONICAL_EVENTS) == named
    assert CANONICAL_EVENTS.index("view") < CANONICAL_EVENTS.index("add_to_cart") < CANONICAL_EVENTS.index("purchase")


def test_everything_public_is_there() -> None:
    assert all(hasattr(schema, name) for name in schema.__all__)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CartpathError("m", "h"), 2),
        (WorkspaceBusyError("m", "h"), 3),
        (CorruptStoreError("m", "h"), 4),
        (MissingExtraError("a model", "models"), 2),
    ],
)
def test_errors_say_what_to_do_and_have_an_exit_code(error: CartpathError, code: int) -> None:
    assert error.exit_code == code
    assert error.message in str(error)
    assert error.hint
    assert error.hint in str(error)


def test_a_missing_extra_says_how_to_get_it() -> None:
    assert "pip install 'cartpath[models]'" in str(MissingExtraError("training", "models"))


@pytest.mark.parametrize(
    ("text", "want"),
    [("90s", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("2w", 1209600), ("1d12h", 129600), (" 1H 5M ", 3900)],
)
def test_durations(text: str, want: int) -> None:
    assert seconds(text) == want


@pytest.mark.parametrize("text", ["7", "", "d", "-1d", "1.5h", "7 days", "0s", "1y", "1d 12", "99999999999w", "m30"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(CartpathError):
        seconds(text)


@given(st.integers(1, 10**4), st.sampled_from("smhdw"))
def test_units_multiply(number: int, unit: str) -> None:
    assert seconds(f"{number}{unit}") == number * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit]


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))
def test_moments_are_read_as_they_are_written(when: datetime) -> None:
    micros = microseconds_of(when)
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros) == when.replace(tzinfo=UTC)
    assert microseconds_of(iso(micros)) == micros
    assert microseconds_of(when.isoformat()) == micros


def test_offsets_count() -> None:
    assert microseconds_of("1970-01-01T02:00:00+02:00") == 0
    assert microseconds_of(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0
    assert iso(1) == "1970-01-01T00:00:00.000001Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2016-13-01", "2016/08/01"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(CartpathError, match="not a date"):
        microseconds_of(text)
