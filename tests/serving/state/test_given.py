"""Events read value by value are what an ingest reads a column at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cartpath.ingest.normalise import Plan, normalise
from cartpath.ingest.readers.json_reader import as_scalar
from cartpath.schema import event_schema
from cartpath.serving.state.given import check
from cartpath.serving.state.plain import NAMES, READERS
from cartpath.serving.state.rows import ROW, encode, rows_of_table
from cartpath.serving.state.words import LiveCodes, Words
from cartpath.store.codes import CODED, Codes
from cartpath.store.prepare import USER_KEY, prepare
from cartpath.store.run import column

NOW = datetime(2024, 1, 1, tzinfo=UTC)
_TEXTS = st.sampled_from(
    ["a", "b c", " ", "", " x", "7.0", "-3", "ü", "\x00", "true", "nan", "1e3", "12", "0", "\ud800"]
)
_TIMES = st.sampled_from(
    ["2020-01-01T00:00:00Z", "2020-01-01 00:00:00", "2020-01-01T00:00:00.123+00:00", "2020-01-01T01:00:00+01:00",
     "2020-02-30T00:00:00Z", "2020-01-01T24:00:00Z", "2020-01-01T00:00:60Z", "2020-01-01", "1990-01-01T00:00:00Z",
     "2030-01-01T00:00:00Z", 1577836800, 1577836800123, 1577836800123456, 1577836800123456789, 1577836800.5, -1, 0,
     "1577836800", True, 5]
)  # fmt: skip
_NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 2**31, 10**15, 10**16, 1.5, -0.0, 1e300, float("nan"), float("inf"), True, False]),
    st.integers(-(10**6), 10**6), st.floats(-1e7, 1e7),
)  # fmt: skip
_ODD = st.sampled_from([None, {}, {"a": "ü"}, [1], {"a": {"b": None}}])
_VALUES = st.one_of(_TEXTS, _NUMBERS, _ODD)


def _event() -> st.SearchStrategy[dict[str, Any]]:
    plain = {"user_id": st.sampled_from(["u", "v", 12, "ü"]), "ts": _TIMES, "event": st.sampled_from(["view", "buy"])}
    other = {name: _VALUES for name in (*NAMES, "unknown") if name not in plain}
    usual = st.fixed_dictionaries(plain, optional=other)
    return st.one_of(usual, st.dictionaries(st.sampled_from(NAMES), _VALUES, max_size=5))


def normalised(event: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None, bool]:
    """An event as an ingest reads a line with it: its values, or the reason, and whether a value was blanked."""
    own = {name: value for name, value in event.items() if value is not None and name in NAMES}
    try:
        texts = {name: as_scalar(value, name == "props") for name, value in own.items()}
    except ValueError as error:
        return None, str(error), False
    table = pa.table({name: pa.array([text], pa.string()) for name, text in texts.items()})
    done = normalise(table, Plan({name: name for name in texts}), now=NOW)
    if done.reasons:
        return None, next(iter(done.reasons)), False
    row = done.events.to_pylist()[0]
    values = {name: value for name, value in row.items() if value is not None and name in NAMES}
    ts = done.events["ts"].cast(pa.int64())[0].as_py()
    return {**values, "ts": ts}, None, bool(done.blanked)


@given(_event())
def test_an_event_is_read_as_an_ingest_reads_it(event: dict[str, Any]) -> None:
    event.setdefault("ts", 1577836800)
    if event["ts"] is None:
        event["ts"] = 1577836800
    values, reason, blanked = normalised(event)
    good, bad = check([event], NOW)
    assert [one.reason for one in bad] == ([] if reason is None else [reason])
    if values is not None:
        assert (good[0].values, good[0].blanked) == (values, blanked)
        assert {name: type(value) for name, value in good[0].values.items()} == {n: type(v) for n, v in values.items()}


def test_plain_events_take_the_short_way() -> None:
    """Otherwise the test above would compare ``normalise`` with itself."""
    event = {
        "user_id": "u", "ts": "2020-01-01T00:00:00.5Z".replace(".5", ".500"), "event": "view", "item_id": 12,
        "price": 9.5, "quantity": 1, "order_value": 3, "page": "/ü", "event_id": "1", "is_direct": True,
        "visit_number": 2, "props": {"a": 1}, "device": "phone",
    }  # fmt: skip
    for name, value in event.items():
        assert READERS[name](value, NOW) is not None


def table_of(events: list[Any]) -> pa.Table:
    fields = [field for field in event_schema() if any(field.name in one.values for one in events)]
    columns = {f.name: pa.array([one.values.get(f.name) for one in events], f.type) for f in fields}
    return pa.table({**columns, "_blanked": pa.array([one.blanked for one in events])})


class _Codes(LiveCodes):
    def __init__(self) -> None:
        self._words = {name: Words([pa.array(["a", "view"])]) for name in CODED.values()}


@given(st.lists(_event(), min_size=1, max_size=8))
def test_a_row_has_the_numbers_that_the_store_would_have(events: list[dict[str, Any]]) -> None:
    good, _ = check([{**event, "ts": event.get("ts") or 1577836800} for event in events], NOW)
    if not good:
        return
    one_by_one, at_once = _Codes(), Codes({name: Words([pa.array(["a", "view"])]) for name in CODED.values()})
    found = [encode(event, one_by_one) for event in good]
    prepared = prepare(table_of(good), at_once)
    assert [key for key, _ in found] == column(prepared, USER_KEY).tolist()
    rows = rows_of_table(prepared)
    for name in ROW.names or ():
        np.testing.assert_array_equal(np.array([row[name] for _, row in found]), rows[name], name)
    assert all(one_by_one[name].texts() == at_once[name].texts() for name in CODED.values())  # type: ignore[attr-defined]
