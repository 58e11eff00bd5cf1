"""Item to item, EASE and ALS: figures worked by hand, plain loops, and other libraries."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.features import Log, log_from_table
from cartpath.models.baselines import Als, Confidence, Ease, Histories, ItemToItem, Together, histories
from cartpath.models.baselines.als import counts_of, fit_als_factors, fold_in
from cartpath.models.baselines.cooccurrence import NORMS, neighbours
from cartpath.models.baselines.ease import MOST_ITEMS, ease_weights
from cartpath.models.baselines.histories import order_by_popularity
from cartpath.models.next_item import ItemIndex
from cartpath.schema import CartpathError, MissingExtraError
from tests.features.logs import make_log, random_table

N = 6
PATHS = st.lists(st.lists(st.integers(0, N - 1), max_size=9), min_size=1, max_size=8)


def laid_out(paths: list[list[int]]) -> Histories:
    offsets = np.concatenate([[0], np.cumsum([len(path) for path in paths])]).astype(np.int64)
    return Histories(offsets, np.array([item for path in paths for item in path], np.int32))


def log_of_paths(*paths: str) -> Log:
    """One user a path, one letter an item; a dash is an event without one."""
    rows = [(f"u{n}", place, item) for n, path in enumerate(paths) for place, item in enumerate(path)]
    user, second, item = zip(*rows, strict=True)
    columns = {"user_id": user, "ts": pa.array(second, pa.timestamp("s", tz="UTC")), "event": ["view"] * len(rows)}
    return log_from_table(pa.table({**columns, "item_id": [None if letter == "-" else letter for letter in item]}))


def whole(log: Log) -> tuple[np.ndarray, np.ndarray]:
    """Every user, at the end of the path, in the order of their names."""
    order = np.argsort(log.view.user_id.to_pylist(), kind="stable").astype(np.int64)
    return order, log.view.offsets[1:][order]


@pytest.mark.parametrize("last", [1, 3, 10**9])
def test_histories_are_the_known_items_before_the_end(last: int) -> None:
    log = make_log(random_table(3, users=9))
    view, texts = log.view, log.codes("item")
    items = ItemIndex(("i5", "i1", "none of them", "i2"))
    user = np.repeat(np.arange(view.n_users), 3)
    ends = np.stack([view.offsets[:-1], (view.offsets[:-1] + view.offsets[1:]) // 2, view.offsets[1:]], 1).ravel()
    found = histories(log, items, user, ends, last)
    for row in range(len(ends)):
        names = [texts[code] for code in view.item[view.offsets[user[row]] : ends[row]] if code >= 0]
        expected = [items.texts.index(name) for name in names if name in items.texts][-last:]
        assert found.columns[found.offsets[row] : found.offsets[row + 1]].tolist() == expected
        assert found.ages()[found.offsets[row] : found.offsets[row + 1]].tolist() == list(range(len(expected)))[::-1]


def pairs_twin(paths: list[list[int]], how: Together) -> np.ndarray:
    total = np.zeros((N, N))
    for path in paths:
        for i, item in enumerate(path):
            for j, other in enumerate(path):
                if i != j and abs(i - j) <= how.window:
                    total[item, other] += how.decay ** (abs(i - j) - 1) * (1 if j > i else how.backward)
    counts = np.array([max(sum(path.count(item) for path in paths), 1) for item in range(N)])
    return total / counts[:, None] if how.norm == "conditional" else total / np.sqrt(np.outer(counts, counts))


@given(PATHS, st.integers(1, 4), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.3]), st.sampled_from(NORMS))
def test_pairs_are_those_of_a_plain_loop(
    paths: list[list[int]], window: int, decay: float, backward: float, norm: str
) -> None:
    how = Together(window, decay, backward, norm)
    found = neighbours(laid_out(paths), N, how)
    expected = pairs_twin(paths, how)
    dense = np.zeros((N, N))
    for item in range(N):
        row = slice(found.offsets[item], found.offsets[item + 1])
        assert (np.diff(found.weights[row]) <= 0).all()
        dense[item, found.columns[row]] = found.weights[row]
        assert set(found.columns[row]) == set(np.flatnonzero(expected[item]))
    np.testing.assert_allclose(dense, expected, rtol=1e-6)


def test_only_the_strongest_neighbours_are_kept() -> None:
    # 0 is followed by 1 twice, by 3 and by 2 once: of equals the lower column is kept.
    found = neighbours(laid_out([[0, 1], [0, 1], [0, 3], [0, 2]]), 4, Together(backward=0.0, neighbours=2))
    assert found.columns.tolist() == [1, 2]
    assert found.weights.tolist() == [0.5, 0.25]


def test_item_to_item_by_hand() -> None:
    items = ItemIndex(tuple("abcd"))
    model = ItemToItem.of(items, laid_out([[0, 1, 2], [0, 2], [3, 3]]), Together(2, 0.5, 0.0), recency=0.25)
    # After a: b in 1 of 2, c in 1/2 + 1 of 2 times; after b: c always; after d: d in 1 of 2. Popularity: a, c, d, b.
    log = log_of_paths("ab", "ba", "x-", "bx-a", "c")
    user, ends = whole(log)
    found = {n: row.tolist() for n, row in enumerate(model.score(log, user, ends))}
    assert found[0] == [-0.25, 0.125, 1 + 0.25 * 0.75, -0.75]
    assert found[1] == [-0.25, 0.5, 0.75 + 0.25 * 1, -0.75]
    assert found[2] == [-0.25, -1.0, -0.5, -0.75]
    assert found[3] == found[1]
    assert found[4] == found[2]


def test_items_of_which_nothing_is_known_come_in_the_order_of_popularity() -> None:
    assert order_by_popularity(np.array([3, 3, 1], np.int32), 4).tolist() == [-0.75, -0.5, -1.0, -0.25]


@given(PATHS, st.sampled_from([0.5, 3.0, 100.0]))
def test_ease_is_the_regression_of_each_item_on_the_others(paths: list[list[int]], penalty: float) -> None:
    has = np.array([[item in path for item in range(N)] for path in paths], np.float64)
    found = ease_weights(laid_out(paths), N, penalty)
    for item in range(N):
        others = [other for other in range(N) if other != item]
        left = has[:, others].T @ has[:, others] + penalty * np.eye(N - 1)
        expected = np.linalg.solve(left, has[:, others].T @ has[:, item])
        np.testing.assert_allclose(found[others, item], expected, atol=1e-6)
        assert found[item, item] == 0


def test_ease_scores_by_hand() -> None:
    weights = np.array([[0, 1, 2], [4, 0, 8], [16, 32, 0]], np.float32)
    model = Ease(ItemIndex(tuple("abc")), weights, order_by_popularity(np.array([1], np.int32), 3), recency=0.5)
    log = log_of_paths("ab", "aba", "-z")
    found = model.score(log, *whole(log)).tolist()
    assert found[0] == [4, 0.5, 9]
    # What comes again counts once, where it came last.
    assert found[1] == [2, 1, 6]
    assert found[2] == pytest.approx([-2 / 3, -1 / 3, -1])


def test_ease_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(CartpathError, match=r"20,001 by 20,001 items.*\n.*item-to-item"):
        ease_weights(laid_out([[0]]), MOST_ITEMS + 1, 1.0)
    with pytest.raises(CartpathError, match="must be above 0"):
        ease_weights(laid_out([[0]]), 1, 0.0)


@given(PATHS, st.sampled_from([0.5, 1.0, 20.0]), st.sampled_from([1.0, 0.5]))
def test_a_folded_in_path_is_the_least_squares_solution(paths: list[list[int]], alpha: float, recency: float) -> None:
    factors = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
    found = fold_in(factors, laid_out(paths), Confidence(alpha, 0.3, recency))
    for path, solution in zip(paths, found, strict=True):
        total = np.zeros(N)
        for place, item in enumerate(path):
            total[item] += alpha * recency ** (len(path) - 1 - place)
        liked, sure = total > 0, np.where(total > 0, total, 1)
        # The gradient of sum c (p - x y)^2 + penalty x^2 is zero there.
        gradient = factors.T @ (sure * (liked - factors @ solution)) - 0.3 * solution
        np.testing.assert_allclose(gradient, 0, atol=1e-4)


def test_folding_in_is_what_implicit_does() -> None:
    als = pytest.importorskip("implicit.cpu.als")
    rng = np.random.default_rng(1)
    paths = laid_out([rng.integers(0, 30, rng.integers(1, 12)).tolist() for _ in range(40)])
    counts = counts_of(paths, 30)
    with pytest.importorskip("threadpoolctl").threadpool_limits(1, "blas"):
        model = als.AlternatingLeastSquares(factors=8, regularization=0.2, alpha=5.0, num_threads=1, random_state=0)
        model.fit(counts, show_progress=False)
    expected = model.recalculate_user(np.arange(40), counts)
    np.testing.assert_allclose(fold_in(model.item_factors, paths, Confidence(5.0, 0.2)), expected, rtol=2e-3, atol=2e-4)


def test_als_learns_which_items_go_together() -> None:
    pytest.importorskip("implicit")
    rng = np.random.default_rng(2)
    paths = [rng.permutation(5)[:4] + 5 * (n % 2) for n in range(60)]
    items = ItemIndex(tuple("abcdefghij"))
    model = fit_als_factors(items, laid_out([path.tolist() for path in paths]), Confidence(5.0, 0.1), factors=2)
    log = log_of_paths("ab", "hg")
    first, second = model.score(log, *whole(log))
    assert first[:5].min() > first[5:].max()
    assert second[5:].min() > second[:5].max()


def test_als_without_implicit_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*(name for name in sys.modules if name.split(".")[0] == "implicit"), "implicit"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cartpath\[baselines\]'"):
        fit_als_factors(ItemIndex(("a",)), laid_out([[0]]), Confidence())


def test_a_folder_of_another_model_is_refused(tmp_path: Path) -> None:
    weights = np.zeros((1, 1), np.float32)
    Ease(ItemIndex(("a",)), weights, np.zeros(1, np.float32)).save(tmp_path)
    with pytest.raises(CartpathError, match="holds no als model"):
        Als.load(tmp_path)
