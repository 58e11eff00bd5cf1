"""Metrics by group are those of the group's rows alone, and no group is left out."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cartpath.evaluation import average_precision, by_group, calibration_error, log_loss, roc_auc
from cartpath.schema import CartpathError

RNG = np.random.default_rng(0)
P = RNG.random(500)
LABELS = (RNG.random(500) < P).astype(int)
USERS = RNG.integers(0, 200, 500)
DEVICES = np.array(["phone"] * 300 + ["desktop"] * 199 + ["watch"], object)


def test_each_group_is_measured_on_its_rows_alone() -> None:
    table = by_group(LABELS, P, DEVICES, USERS, draws=20, seed=3)
    assert [(row.group, row.n) for row in table] == [("phone", 300), ("desktop", 199), ("watch", 1)]
    for row in table[:2]:
        rows = row.group == DEVICES
        assert row.positives == LABELS[rows].sum()
        assert row.rate == LABELS[rows].mean()
        assert row.predicted == pytest.approx(P[rows].mean())
        assert row.users == len(set(USERS[rows]))
        assert row.auc.value == roc_auc(LABELS[rows], P[rows])
        assert row.average_precision.value == average_precision(LABELS[rows], P[rows])
        assert row.log_loss.value == pytest.approx(log_loss(LABELS[rows], P[rows]))
        assert row.calibration_error == calibration_error(LABELS[rows], P[rows], USERS[rows], draws=20, seed=3)
        assert row.auc.low < row.auc.value < row.auc.high
        assert not row.small


def test_a_small_group_is_shown_and_says_so() -> None:
    watch = by_group(LABELS, P, DEVICES, USERS, draws=20)[-1]
    assert watch.small
    assert math.isnan(watch.auc.value)
    shown = json.loads(json.dumps(watch.to_dict()))
    assert shown["auc"] == {"value": None, "low": None, "high": None}
    assert (shown["n"], shown["group"]) == (1, "watch")
    assert shown["log_loss"]["value"] is not None


def test_what_is_missing_is_a_group() -> None:
    table = by_group(LABELS[:4], P[:4], np.array(["a", None, float("nan"), ""], object), draws=5)
    assert [(row.group, row.n) for row in table] == [("(none)", 3), ("a", 1)]


def test_values_may_be_numbers_or_truths() -> None:
    returning = RNG.random(500) < 0.5
    assert {row.group for row in by_group(LABELS, P, returning, draws=2)} == {"True", "False"}
    assert [row.n for row in by_group(LABELS, P, np.ones(500, np.int64), draws=2)] == [500]


def test_without_rows_there_is_no_group() -> None:
    assert by_group(np.zeros(0), np.zeros(0), np.zeros(0)) == []
    with pytest.raises(CartpathError, match="2 groups for 500 rows"):
        by_group(LABELS, P, DEVICES[:2])
