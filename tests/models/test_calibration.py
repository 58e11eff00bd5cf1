import numpy as np
import pytest

from cartpath.models import Platt, fit_platt, logit, sigmoid


def test_sigmoid_and_logit_are_inverse_and_finite():
    odds = np.array([-800.0, -2.0, 0.0, 3.0, 800.0])
    assert np.isfinite(logit(sigmoid(odds))).all()
    assert logit(sigmoid(odds))[1:4] == pytest.approx(odds[1:4])


def test_a_known_distortion_is_found():
    rng = np.random.default_rng(0)
    odds = rng.normal(size=40_000)
    labels = (rng.random(40_000) < sigmoid(0.5 * odds - 1)).astype(np.int8)
    found = fit_platt(odds, labels)
    assert (found.slope, found.shift) == (pytest.approx(0.5, abs=0.05), pytest.approx(-1, abs=0.05))


def test_the_mean_probability_is_the_rate():
    rng = np.random.default_rng(1)
    odds, labels = rng.normal(size=5000), (rng.random(5000) < 0.1).astype(np.int8)
    labels[:20] = 1
    found = fit_platt(odds + labels, labels)
    assert found.apply(odds + labels).mean() == pytest.approx(labels.mean(), abs=0.002)


@pytest.mark.parametrize("labels", [np.zeros(50), np.ones(50), np.array([1] * 9 + [0] * 41), np.zeros(0)])
def test_too_few_of_a_label_leave_scores_as_they_are(labels):
    assert fit_platt(np.linspace(-1, 1, len(labels)), labels.astype(np.int8)) == Platt()


def test_the_order_is_never_turned_round():
    odds = np.linspace(-1, 1, 100)
    assert fit_platt(odds, (odds < 0).astype(np.int8)).slope > 0
