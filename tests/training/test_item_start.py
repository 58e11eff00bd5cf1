import math

import numpy as np
import pytest
from scipy import sparse

from cartpath.training.item_start import like_by_words, positive_pmi, start_vectors


def pmi_by_hand(items, path, n_items):
    counts = np.zeros((n_items, n_items))
    for i in range(len(items)):
        for j in range(i + 1, min(i + 11, len(items))):
            if path[i] == path[j]:
                counts[items[i], items[j]] += 0.8 ** (j - i - 1)
                counts[items[j], items[i]] += 0.8 ** (j - i - 1)
    often, total = counts.sum(1), counts.sum()
    smooth = often**0.75
    smooth *= total / smooth.sum()
    out = np.zeros_like(counts)
    for i in range(n_items):
        for j in range(n_items):
            if counts[i, j] > 0:
                out[i, j] = max(math.log(counts[i, j] * total / (often[i] * smooth[j])), 0.0)
    return out


@pytest.mark.parametrize("seed", range(3))
def test_mutual_information_is_that_of_a_plain_count(seed):
    rng = np.random.default_rng(seed)
    path = np.sort(rng.integers(0, 6, 90))
    items = rng.integers(0, 9, 90)
    np.testing.assert_allclose(positive_pmi(items, path, 9).toarray(), pmi_by_hand(items, path, 9), atol=1e-12)


def test_like_words_by_hand():
    weights = sparse.csr_matrix(np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8], [0, 0]]))
    expected = [[0, 1, 0, 0.6, 0], [1, 0, 0, 0.6, 0], [0, 0, 0, 0.8, 0], [0.6, 0.6, 0.8, 0, 0], [0] * 5]
    np.testing.assert_allclose(like_by_words(weights).toarray(), expected, atol=1e-7)


def test_only_the_nearest_by_words_count():
    rng = np.random.default_rng(0)
    rows = rng.random((60, 5))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = like_by_words(sparse.csr_matrix(rows)).toarray()
    cosine = rows @ rows.T
    np.fill_diagonal(cosine, 0)
    nearest = [set(np.argsort(-row)[:20]) for row in cosine]
    expected = [[j in nearest[i] or i in nearest[j] for j in range(60)] for i in range(60)]
    assert ((found > 0) == expected).all()
    assert np.allclose(found, found.T)


def test_products_of_start_vectors_say_what_goes_together():
    path = np.repeat(np.arange(40), 4)
    items = np.concatenate([np.random.default_rng(n).permutation(4) + 4 * (n % 3) for n in range(40)])
    vectors = start_vectors(positive_pmi(items, path, 12), None, 3)
    together = vectors @ vectors.T
    group = np.arange(12) // 4
    assert together[group[:, None] == group].min() > together[group[:, None] != group].max()
    assert vectors.std() == pytest.approx(1)


def test_items_without_paths_start_near_those_of_like_words():
    words = like_by_words(sparse.csr_matrix(np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])))
    paths = positive_pmi(np.array([0, 2, 0, 2]), np.array([0, 0, 1, 1]), 4)
    vectors = start_vectors(paths, words, 4)
    assert vectors[1] @ vectors[0] > vectors[1] @ vectors[2]


def test_nothing_known_is_no_start():
    assert not start_vectors(positive_pmi(np.zeros(0, int), np.zeros(0, int), 5), None, 3).any()
