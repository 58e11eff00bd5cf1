"""Counts at a threshold: by hand and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from cartpath.evaluation import f1_threshold, precision_recall_f1

LABELS = np.array([1, 0, 1, 0, 0, 1])
SCORES = np.array([0.9, 0.8, 0.5, 0.5, 0.2, 0.1])


def test_by_hand() -> None:
    found = precision_recall_f1(LABELS, SCORES, 0.5)
    assert (found.true_positives, found.false_positives, found.false_negatives, found.true_negatives) == (2, 2, 1, 1)
    assert (found.precision, found.recall, found.f1, found.accuracy) == (2 / 4, 2 / 3, 4 / 7, 3 / 6)
    assert (found.n, found.positives, found.predicted) == (6, 3, 4)


def test_without_a_denominator_there_is_no_share() -> None:
    nobody = precision_recall_f1(LABELS, SCORES, 0.95)
    assert math.isnan(nobody.precision)
    assert (nobody.recall, nobody.f1, nobody.accuracy) == (0, 0, 3 / 6)
    assert nobody.to_dict()["precision"] is None
    nothing_there = precision_recall_f1(np.zeros(3), SCORES[:3], 0.95)
    assert math.isnan(nothing_there.recall)
    assert math.isnan(nothing_there.f1)
    assert nothing_there.accuracy == 1
    assert math.isnan(precision_recall_f1(np.zeros(0), np.zeros(0), 0.5).accuracy)


@given(st.integers(0, 10_000), st.integers(0, 8))
def test_against_scikit_learn(seed: int, eighths: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 12), rng.integers(0, 8, 12) / 8
    found, called = precision_recall_f1(labels, scores, eighths / 8), scores >= eighths / 8
    for name in ("precision", "recall", "f1"):
        expected = getattr(reference, f"{name}_score")(labels, called, zero_division=np.nan)
        assert getattr(found, name) == pytest.approx(expected, nan_ok=True)
    assert found.accuracy == pytest.approx(reference.accuracy_score(labels, called))


@given(st.integers(0, 10_000))
def test_no_threshold_has_a_higher_f1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = np.append(rng.integers(0, 2, 15), 1), rng.integers(0, 9, 16) / 9
    best = f1_threshold(labels, scores)
    all_of_them = {float(s): precision_recall_f1(labels, scores, s).f1 for s in np.unique(scores)}
    assert all_of_them[best] == max(all_of_them.values())
    assert best == max(s for s, f1 in all_of_them.items() if f1 == all_of_them[best])


def test_without_positives_there_is_no_threshold() -> None:
    assert math.isnan(f1_threshold(np.zeros(4), SCORES[:4]))
