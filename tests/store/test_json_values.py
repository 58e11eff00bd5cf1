"""The compiled reader of JSON says what Python's own says, whatever the text."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cartpath.store.json_values import labels_of

KEYS = st.sampled_from(["a", "b", "a.b", "ä", 'q"', "a\\", ""])
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["", "1", "true", 'say "hi"', "\ud800", "tab\t", "null"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
TEXTS = st.builds(
    lambda value, ascii, indent: json.dumps(value, ensure_ascii=ascii, indent=indent).encode(errors="replace").decode(),
    st.one_of(st.dictionaries(KEYS, VALUES, max_size=4), VALUES),
    st.booleans(),
    st.sampled_from([None, 1]),
)
PIECES = [
    "{",
    "}",
    '"a"',
    ":",
    ",",
    "1",
    "-0",
    "01",
    "1e3",
    "-",
    " ",
    "[",
    "]",
    "tru",
    "true",
    '"',
    "\\",
    "NaN",
    "\x01",
]
BROKEN = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


def twin(text: str | None, name: str) -> tuple[str | None, bool]:
    try:
        document = json.loads(text or "")
    except (ValueError, RecursionError):
        return None, False
    if not isinstance(document, dict):
        return None, False
    if name in document:
        return said(document[name])
    for key in name.split("."):
        if not isinstance(document, dict) or key not in document:
            return None, False
        document = document[key]
    return said(document)


def said(value: Any) -> tuple[str | None, bool]:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None, False
        return (str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)), True
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: None}[value], False
    if isinstance(value, int | str):
        return str(value).encode(errors="replace").decode(), not isinstance(value, str)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace").decode(), False


@given(st.lists(st.one_of(st.none(), TEXTS, TEXTS), max_size=8), st.sampled_from(["a", "a.b", "ä", 'q"', "a\\", "b"]))
def test_as_python_reads_it(texts: list[str | None], name: str) -> None:
    labels, is_number = labels_of(pa.array(texts, pa.string()), name)
    assert list(zip(labels.to_pylist(), is_number.tolist(), strict=True)) == [twin(text, name) for text in texts]


@given(BROKEN, st.sampled_from(["a", "a.b"]))
@example('{"a":1', "a")
@example('{"a":1}}', "a")
@example('{"a":1,}', "a")
@example('{"a":01}', "a")
@example('{"a":-}', "a")
@example('{"a":1 1}', "a")
@example('{"a":1,"a":2}', "a")
@example('{"\\u0061":1}', "a")
def test_what_is_no_json_has_no_value(text: str, name: str) -> None:
    if "[" in text or text.count("{") > 1:
        return  # inside of what is skipped nothing is checked; stated
    labels, is_number = labels_of(pa.array([text]), name)
    assert (labels.to_pylist()[0], is_number.tolist()[0]) == twin(text, name)


def test_a_slice_of_a_longer_array() -> None:
    texts = pa.array(['{"a":1}', '{"a":"x"}', '{"a":2.50}']).slice(1)
    assert labels_of(texts, "a")[0].to_pylist() == ["x", "2.5"]


@pytest.mark.parametrize(
    ("text", "label"), [("[" * 100_000, None), ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", None)]
)
def test_very_deep_is_no_value(text: str, label: str | None) -> None:
    assert labels_of(pa.array([text]), "a")[0].to_pylist() == [label]


def test_no_texts() -> None:
    labels, is_number = labels_of(pa.array([], pa.string()), "a.b")
    assert (len(labels), len(is_number)) == (0, 0)
