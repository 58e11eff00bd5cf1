"""Isotonic, temperature, shift and the loss weight: against scikit-learn, fractions by hand, and what must hold."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from cartpath.evaluation import roc_auc
from cartpath.models import (
    Isotonic,
    Platt,
    Temperature,
    calibrator_from_dict,
    fit_isotonic,
    fit_platt,
    fit_shift,
    fit_temperature,
    logit,
    sigmoid,
    unweighted,
    weight_shift,
)
from cartpath.models.calibration.checks import smoothed
from cartpath.schema import CartpathError

FITS = (fit_isotonic, fit_platt, fit_shift, fit_temperature)


def sample(seed: int, n: int = 300, levels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Logits, coarse where ``levels`` is given, and labels that they tell something of."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=n) if levels is None else rng.integers(0, levels, n) / 2
    return odds, (rng.random(n) < sigmoid(2 * odds - 1)).astype(np.int8)


def brute_pava(values: list[float]) -> list[float]:
    """The isotonic fit by its formula: of each point the greatest over starts of the least mean over ends."""
    n, sums = len(values), np.concatenate([[0], np.cumsum(values)])
    return [
        max(min((sums[b] - sums[a]) / (b - a) for b in range(i + 1, n + 1)) for a in range(i + 1)) for i in range(n)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_isotonic_is_that_of_scikit_learn(seed: int) -> None:
    odds, labels = sample(seed, levels=None if seed % 2 else 9)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(odds, smoothed(labels))
    places = np.linspace(-5, 8, 100)
    # The tilt moves log odds by 1e-5 a unit.
    assert fit_isotonic(odds, labels).apply(places) == pytest.approx(theirs.predict(places), abs=1e-4)


@given(st.permutations([0] * 11 + [1] * 13))
def test_heights_are_means_of_pooled_labels(values: list[int]) -> None:
    labels = np.array(values, np.int8)
    curve = fit_isotonic(np.arange(len(labels), dtype=float), labels)
    assert isinstance(curve, Isotonic)
    expected = brute_pava(smoothed(labels).tolist())
    assert np.interp(np.arange(len(labels)), curve.logits, curve.probabilities) == pytest.approx(expected)


def test_isotonic_by_hand() -> None:
    # Of 20 rows at -1 four are positive, of 10 at 0 one, of 20 at 1 ten: the first two are pooled, 5 of 30.
    labels = np.concatenate([np.arange(n) < k for n, k in ((20, 4), (10, 1), (20, 10))]).astype(np.int8)
    curve = fit_isotonic(np.repeat([-1.0, 0.0, 1.0], [20, 10, 20]), labels)
    low, high = 1 / (35 + 2), (15 + 1) / (15 + 2)
    assert isinstance(curve, Isotonic)
    assert curve.logits == (-1.0, 0.0, 1.0)
    heights = [low + (high - low) * share for share in (5 / 30, 5 / 30, 1 / 2)]
    assert curve.probabilities == pytest.approx(heights)


def test_a_certain_curve_stays_off_0_and_1() -> None:
    odds = np.repeat([-1.0, 1.0], 20)
    p = fit_isotonic(odds, (odds > 0).astype(np.int8)).apply(np.array([-1e9, 1e9]))
    assert p == pytest.approx([1 / 22, 21 / 22], abs=1e-4)
    assert np.isfinite(np.log(p)).all()
    assert np.isfinite(np.log1p(-p)).all()


@given(st.integers(0, 10_000), st.sampled_from(FITS))
def test_a_higher_logit_has_a_higher_probability(seed: int, fit) -> None:  # type: ignore[no-untyped-def]
    odds, labels = sample(seed)
    found = fit(odds, labels)
    places = np.linspace(-12, 12, 200)
    assert (np.diff(found.apply(places)) > 0).all()
    # So no order is lost on the rows themselves.
    assert roc_auc(labels, found.apply(odds)) == roc_auc(labels, odds)


@given(st.integers(0, 10_000), st.sampled_from(FITS))
def test_written_and_read_it_is_the_same(seed: int, fit) -> None:  # type: ignore[no-untyped-def]
    found = fit(*sample(seed))
    assert calibrator_from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("positives", [0, 9, 41, 50])
def test_too_few_of_a_label_leave_scores_as_they_are(fit, positives: int) -> None:  # type: ignore[no-untyped-def]
    odds = np.linspace(-3, 3, 50)
    found = fit(odds, (np.arange(50) >= 50 - positives).astype(np.int8))
    assert found.apply(odds) == pytest.approx(sigmoid(odds))


@pytest.mark.parametrize("fit", FITS)
def test_what_is_no_logit_or_label_is_refused(fit) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CartpathError, match="1 of 2 logits are not finite"):
        fit(np.array([0.0, np.inf]), np.array([0, 1], np.int8))
    with pytest.raises(CartpathError, match="labels for calibration are 0 or 1"):
        fit(np.zeros(2), np.array([0, 2], np.int8))
    with pytest.raises(CartpathError, match=r"got shapes \(2,\) and \(3,\)"):
        fit(np.zeros(2), np.zeros(3, np.int8))


def test_temperature_is_found() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(size=40_000)
    labels = (rng.random(40_000) < sigmoid(odds)).astype(np.int8)
    assert fit_temperature(3 * odds, labels).temperature == pytest.approx(3, abs=0.1)


def test_temperature_is_above_0_where_labels_are_told_apart() -> None:
    odds = np.linspace(-1, 1, 100)
    assert 0 < fit_temperature(odds, (odds > 0).astype(np.int8)).temperature < 1
    assert fit_temperature(odds, (odds < 0).astype(np.int8)) == Temperature()


def test_the_shift_brings_the_mean_to_the_smoothed_rate() -> None:
    odds, labels = sample(3, n=2000)
    assert fit_shift(odds, labels).apply(odds).mean() == pytest.approx(smoothed(labels).mean(), abs=1e-8)


def test_the_loss_weight_is_undone() -> None:
    # A logistic regression that counts positives seven times, against one that does not.
    odds, labels = sample(1, n=50_000)
    plain, weighted = (
        LogisticRegression(C=1e6, class_weight=weights).fit(odds[:, None], labels) for weights in (None, {0: 1, 1: 7})
    )
    found = unweighted(weighted.decision_function(odds[:, None]), 7)
    assert sigmoid(found).mean() == pytest.approx(labels.mean(), abs=0.005)
    assert found == pytest.approx(plain.decision_function(odds[:, None]), abs=0.15)


def test_of_one_row_the_weight_is_undone_exactly() -> None:
    # 3 positives and 5 negatives at one place, positives counted w times: the best p is 3 w / (3 w + 5).
    for w in (0.5, 1, 4):
        assert sigmoid(unweighted(logit(np.array([3 * w / (3 * w + 5)])), w)) == pytest.approx(3 / 8)
    assert weight_shift(1) == Platt()
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(CartpathError, match="the weight of positives is above 0"):
            weight_shift(bad)


@pytest.mark.parametrize(
    "raw", [{}, {"kind": "beta"}, {"kind": "isotonic"}, {"kind": "temperature", "temperature": "x"}]
)
def test_a_calibration_that_cannot_be_read_says_so(raw: dict[str, object]) -> None:
    with pytest.raises(CartpathError, match="no calibration can be read"):
        calibrator_from_dict(raw)
