"""Hashes never change, codes never move."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.store import Codes
from cartpath.store.codes import CODED, Dictionary
from cartpath.store.hashing import HASH_VERSION, HashTable, hash_strings
from cartpath.store.kernels import bucket_of

MASK = 2**64 - 1


def hash_twin(text: str) -> int:
    """The hash as docs/store.md states it, in plain Python."""

    def mix(x: int) -> int:
        x ^= x >> 33
        x = x * 0xFF51AFD7ED558CCD & MASK
        x ^= x >> 33
        x = x * 0xC4CEB9FE1A85EC53 & MASK
        return x ^ x >> 33

    data, seed = text.encode(), 0x9E3779B97F4A7C15
    state = seed ^ len(data)
    for at in range(0, len(data), 8):
        state = mix(state ^ int.from_bytes(data[at : at + 8], "little")) + seed & MASK
    return mix(state) | 1


GOLDEN = {
    "": 11286133854226296555,
    "a": 13332310379847329149,
    "12345678": 17248288694679706513,
    "1234567890": 16167814395330064209,
    "Zürich ☃": 1486685708224885405,
}


def test_hashes_are_those_of_the_file_format() -> None:
    """A store on disk relies on these numbers; another hash needs another HASH_VERSION."""
    assert HASH_VERSION == 1
    assert dict(zip(GOLDEN, hash_strings(pa.array(list(GOLDEN))).tolist(), strict=True)) == GOLDEN


def test_users_stay_in_their_bucket() -> None:
    users = pa.array([f"user-{i}" for i in range(8)])
    assert bucket_of(hash_strings(users), 64).tolist() == [56, 57, 29, 12, 37, 52, 26, 46]


@given(st.lists(st.text(max_size=40) | st.none()))
def test_the_hash_equals_its_twin(texts: list[str | None]) -> None:
    want = [0 if text is None else hash_twin(text) for text in texts]
    array = pa.array(texts, pa.string())
    assert hash_strings(array).tolist() == want
    assert hash_strings(array.dictionary_encode()).tolist() == want
    assert hash_strings(array.cast(pa.large_string())).tolist() == want
    assert hash_strings(pa.chunked_array([array.slice(0, 1), array.slice(1)])).tolist() == want
    assert hash_strings(array.slice(2)).tolist() == want[2:]


def test_hashes_spread_over_buckets() -> None:
    counts = np.bincount(bucket_of(hash_strings(pa.array([str(i) for i in range(64_000)])), 64), minlength=64)
    assert 850 < counts.min() <= counts.max() < 1150  # 1000 expected, five standard deviations are 157


@given(st.lists(st.lists(st.sampled_from("abcdefghij") | st.none(), max_size=8), max_size=8))
def test_codes_are_given_in_the_order_first_seen(chunks: list[list[str | None]]) -> None:
    words, order = Dictionary(), list(dict.fromkeys(t for chunk in chunks for t in chunk if t is not None))
    for chunk in chunks:
        want = [-1 if text is None else order.index(text) for text in chunk]
        assert words.encode(pa.array(chunk, pa.string())).tolist() == want
        assert Dictionary(words.segments).encode(pa.array(chunk, pa.string())).tolist() == want
    assert words.text() == order
    assert [words.code_of(text) for text in (*order, "never")] == [*range(len(order)), -1]


def test_plain_dictionary_encoded_and_chunked_text_have_the_same_codes() -> None:
    words = Dictionary([pa.array(["b"])])
    plain = pa.array(["a", None, "b", "a"])
    for values in (plain, plain.dictionary_encode(), plain.cast(pa.large_string()), pa.chunked_array([plain])):
        assert words.encode(values).tolist() == [1, -1, 0, 1]
    assert words.encode(pa.chunked_array([], pa.string())).tolist() == []


def test_only_new_values_are_written() -> None:
    words = Dictionary([pa.array(["a", "b"])])
    assert words.new_values() is None
    words.encode(pa.array(["b", "c"]))
    assert words.new_values().to_pylist() == ["c"]


def test_an_erased_value_keeps_its_place_and_may_come_again_under_another_code() -> None:
    words = Dictionary([pa.array(["a", None, "c"])])
    assert words.text() == ["a", "(erased)", "c"]
    assert words.encode(pa.array(["c", "b", "(erased)"])).tolist() == [2, 3, 4]


def test_finding_does_not_count_what_is_new() -> None:
    words = Dictionary([pa.array(["a", "b"])])
    assert words.find(pa.array(["b", None, "x", "a"])).tolist() == [1, 0]


def test_a_dictionary_nobody_has_is_an_error() -> None:
    codes = Codes()
    assert all(codes.text(name) == [] for name in CODED.values())
    with pytest.raises(KeyError, match="no dictionary 'price'"):
        codes["price"]


def test_the_hash_table_grows() -> None:
    table, keys = HashTable(), np.arange(1, 50_001, dtype=np.uint64)
    for part in np.array_split(keys, 7):
        table.number(part)
    codes, new = table.number(keys[::-1].copy())
    assert codes.tolist() == list(range(49_999, -1, -1))
    assert not len(new)
