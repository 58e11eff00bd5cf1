import math

import numpy as np
import pyarrow as pa
import pytest

from cartpath.features import ItemWords, fit_item_words, log_from_table, words_of_items
from cartpath.features.factors import leading_factors


def log_with(items):
    events = {"user_id": ["u"] * 3, "ts": pa.array([0, 1, 2], pa.timestamp("s", tz="UTC")), "event": ["view"] * 3}
    return log_from_table(pa.table({**events, "item_id": ["a", "b", "c"]}), items)


def test_words_of_a_catalogue():
    log = log_with(pa.table({
        "item_id": ["b", "a", "elsewhere"],
        "title": ["Red SHOE, size 9", None, "x"],
        "category": [None, "men > shoes", "x"],
        "brand": ["Acme", "", None],
        "attributes": ['{"color": ["red", "blue"], "heel": null}', "[3, 7]", "plain"],
    }))  # fmt: skip
    found = dict(zip(log.codes("item"), words_of_items(log), strict=True))
    assert found["b"] == ["red", "shoe", "size", "9", "red shoe", "shoe size", "size 9", "brand=Acme",
                          "attribute=color:red", "attribute=color:blue"]  # fmt: skip
    assert found["a"] == ["category=men", "category=men > shoes", "attribute=3", "attribute=7"]
    assert found["c"] == []


def test_weights_by_hand():
    words = fit_item_words([["red", "red", "hat"], ["red", "shoe"], ["hat"], ["shoe"]], length=2)
    assert words.words == ("hat", "red", "shoe")
    np.testing.assert_allclose(words.idf, [math.log(2)] * 3, rtol=1e-6)
    row = words.weights([["red", "red", "hat", "new"]]).toarray()[0]
    norm = math.hypot(1, 1 + math.log(2))
    np.testing.assert_allclose(row, [1 / norm, (1 + math.log(2)) / norm, 0], rtol=1e-6)


def test_vectors_are_on_the_scale_of_an_input_and_zero_where_nothing_is_known():
    rng = np.random.default_rng(0)
    items = [[f"w{word}" for word in rng.integers(0, 30, 6)] for _ in range(50)]
    words = fit_item_words(items, length=8)
    found = words.vectors([*items, ["never"], []])
    np.testing.assert_allclose((found[:50] ** 2).mean(axis=1), 1, rtol=1e-5)
    assert not found[50:].any()


def test_like_items_have_like_vectors():
    items = [["shoe", "lace", "red"], ["shoe", "lace", "blue"], ["hat", "brim", "red"], ["hat", "brim", "blue"]] * 5
    found = fit_item_words(items, length=2).vectors(items)
    assert found[0] @ found[1] > found[0] @ found[2]


def test_no_words_no_encoder():
    assert fit_item_words([["a"], ["b"]]) is None
    assert fit_item_words([["same"], ["same"]]) is None


def test_saved_and_read_again():
    words = fit_item_words([["ä", "b"], ["ä", "c"], ["b", "c"]], length=2)
    again = ItemWords.from_arrays(words.to_arrays())
    assert again.words == words.words
    assert np.array_equal(again.vectors([["b"]]), words.vectors([["b"]]))


@pytest.mark.parametrize("k", [1, 5, 12])
def test_factors_are_those_of_numpy(k):
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.standard_normal((40, 40)))
    exact = np.concatenate([2.0 ** -np.arange(20), np.zeros(20)])
    matrix = (basis * exact) @ basis.T
    values, vectors = leading_factors(lambda x: matrix @ x, 40, k)
    np.testing.assert_allclose(values, exact[:k], rtol=1e-6)
    np.testing.assert_allclose(np.abs((vectors * basis[:, :k]).sum(0)), 1, rtol=1e-5)
