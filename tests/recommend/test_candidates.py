"""What parts propose, held to plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cartpath.recommend.candidates import proposals, unite
from tests.recommend.logs import random_candidates

few_values = st.sampled_from([np.float32(value) for value in (-np.inf, -1.0, 0.0, 0.25, 0.5, 1.0, np.nan)])


def by_sorting(scores, shown, depth, least):
    there = [column for column in range(len(scores)) if shown[column] and scores[column] > least]
    return sorted(there, key=lambda column: (-scores[column], column))[:depth]


@settings(max_examples=200, deadline=None)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 25)), elements=few_values),
    st.integers(1, 12),
    st.integers(0, 2**25),
    st.booleans(),
)
def test_the_best_are_those_of_a_sort_however_many_tie(scores, depth, mask, logits):
    shown = np.array([bool(mask >> column & 1) for column in range(scores.shape[1])])
    found = proposals(scores, shown, depth, logits)
    for row in range(len(scores)):
        expected = by_sorting(scores[row], shown, depth, -np.inf if logits else 0)
        assert [c for c in found.columns[row] if c >= 0] == expected
        assert found.strength[row].sum() == pytest.approx(1 if expected else 0, abs=1e-5)
        weights = (
            np.exp(scores[row, expected] - scores[row, expected].max(initial=-np.inf))
            if logits
            else scores[row, expected]
        )
        assert found.strength[row, : len(expected)] == pytest.approx(weights / max(weights.sum(), 1e-9), abs=1e-5)


def test_the_best_of_many():
    scores = np.round(np.random.default_rng(0).random((5, 5000)), 2).astype(np.float32)
    found = proposals(scores, np.ones(5000, np.bool_), 100)
    for row in range(5):
        assert found.columns[row].tolist() == by_sorting(scores[row], np.ones(5000), 100, 0)


@pytest.mark.parametrize("seed", range(5))
def test_parts_side_by_side_agree_with_dictionaries(seed):
    rng = np.random.default_rng(seed)
    n, n_items, depth = 6, 15, 4
    shown = rng.random(n_items) < 0.9
    proposed = [proposals(rng.random((n, n_items)).astype(np.float32) - 0.4, shown, depth) for _ in range(3)]
    sizes = rng.integers(0, 4, n)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    items = rng.integers(0, n_items, offsets[-1]).astype(np.int32)
    skip = rng.integers(-1, n_items, n).astype(np.int32)
    found = unite(["a", "b", "c"], proposed, n_items, np.zeros((n, 0), np.float32), (offsets, items), skip)
    for row in range(n):
        told = {}
        for part, each in enumerate(proposed):
            for place, column in enumerate(each.columns[row]):
                if column >= 0 and column != skip[row]:
                    told.setdefault(int(column), {})[part] = (place + 1, each.strength[row, place])
        mine = slice(found.offsets[row], found.offsets[row + 1])
        assert found.columns[mine].tolist() == sorted(told)
        assert found.seen[mine].tolist() == [c in items[offsets[row] : offsets[row + 1]] for c in sorted(told)]
        for place, column in enumerate(sorted(told), start=mine.start):
            assert found.rank[place].tolist() == [told[column].get(part, (0, 0))[0] for part in range(3)]
            assert found.strength[place].tolist() == [
                np.float32(told[column].get(part, (0, 0))[1]) for part in range(3)
            ]


def test_some_paths_some_candidates_and_fewer_parts():
    listed = random_candidates(3)
    some = listed.of(np.array([2, 5, 9]))
    for row, old in enumerate((2, 5, 9)):
        mine, theirs = slice(*some.offsets[row : row + 2]), slice(*listed.offsets[old : old + 2])
        assert some.columns[mine].tolist() == listed.columns[theirs].tolist()
        assert some.rank[mine].tolist() == listed.rank[theirs].tolist()
        assert some.context[row].tolist() == listed.context[old].tolist()
    places = np.array([7, 0, 3])
    picked = listed.picked(places)
    assert picked.columns.tolist() == listed.columns[places].tolist()
    assert picked.context.tolist() == listed.context[listed.rows()[places]].tolist()
    less = listed.without("together")
    assert less.parts == ("recent", "popular")
    assert len(less.columns) == int((listed.rank[:, 1:] > 0).any(axis=1).sum())
