"""The calibration that is kept is the best on visitors that it was not fitted on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cartpath.evaluation import log_loss
from cartpath.models import Platt, Temperature, calibrator_from_dict, choose_calibrator, sigmoid
from cartpath.models.calibration.choose import _candidates, _folds
from cartpath.schema import CartpathError

RNG = np.random.default_rng(3)
TRUE = RNG.normal(-1, 1.2, 6000)
LABELS = (RNG.random(6000) < sigmoid(TRUE)).astype(np.int8)
NAMES = ["identity", "shift", "temperature", "platt", "isotonic"]


@pytest.mark.parametrize(
    ("logits", "name"),
    [
        (TRUE + 2, "shift"),
        (TRUE * 4, "temperature"),
        (TRUE * 3 - 5, "platt"),
        (np.sign(TRUE + 1) * np.abs(TRUE + 1) ** 3 / 3, "isotonic"),
    ],
)
def test_each_distortion_has_its_remedy(logits: np.ndarray, name: str) -> None:
    found = choose_calibrator(logits, LABELS)
    assert list(found.losses) == NAMES
    assert found.name == name
    assert min(found.losses, key=lambda key: found.losses[key]) == name
    assert found.losses["identity"] == pytest.approx(log_loss(LABELS, sigmoid(logits)))
    assert log_loss(LABELS, found.calibrator.apply(logits)) < found.losses["identity"]
    assert (found.n, found.positives, found.folds) == (6000, LABELS.sum(), 5)


def test_noise_that_a_curve_could_learn_is_not_learned() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(-2, 1, 200)
    labels = (rng.random(200) < sigmoid(odds)).astype(np.int8)
    found = choose_calibrator(odds, labels)
    # On its own rows the curve is better; on others it is not.
    assert log_loss(labels, _candidates("identity", Platt())["isotonic"](odds, labels).apply(odds)) < log_loss(
        labels, sigmoid(odds)
    )
    assert found.losses["isotonic"] > found.losses["identity"]
    assert found.name != "isotonic"


def test_losses_are_those_of_the_other_folds() -> None:
    users = np.append(np.arange(900), np.random.default_rng(1).integers(0, 900, 5100))
    logits = TRUE * 2
    folds, count = _folds(users, LABELS, seed=4)
    assert count == 5
    for user in range(50):
        assert len(set(folds[users == user])) == 1
    # In plain Python: fit on four folds, lose on the fifth.
    for name, fit in _candidates("identity", Platt()).items():
        lost = 0.0
        for fold in range(5):
            p = fit(logits[folds != fold], LABELS[folds != fold]).apply(logits[folds == fold])
            lost += sum(-np.log(x if y else 1 - x) for x, y in zip(p, LABELS[folds == fold], strict=True))
        assert choose_calibrator(logits, LABELS, users, seed=4).losses[name] == pytest.approx(lost / 6000)


def test_right_probabilities_gain_nothing_from_a_shift_on_average() -> None:
    # They would if folds were made to have equal rates: then a fold's rate is known from the others.
    gains = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        odds = rng.normal(-1, 1, 300)
        found = choose_calibrator(odds, (rng.random(300) < sigmoid(odds)).astype(np.int8), seed=seed)
        gains.append(found.losses["identity"] - found.losses["shift"])
    assert np.mean(gains) < 0


def test_folds_are_of_equal_size_and_as_many_as_a_label_has_visitors() -> None:
    folds, count = _folds(np.arange(1000), (np.arange(1000) < 300).astype(np.int8), seed=0)
    assert count == 5
    assert np.bincount(folds).tolist() == [200] * 5
    visitors = np.repeat(np.arange(100), 10)
    folds, count = _folds(visitors, (visitors < 3).astype(np.int8), seed=0)
    assert count == 3


def test_rows_of_one_visitor_do_not_vouch_for_each_other() -> None:
    # Each visitor's rows are copies. With copies in both halves a curve could learn them by heart.
    rng = np.random.default_rng(2)
    odds = np.repeat(rng.normal(size=60), 20)
    labels = np.repeat((rng.random(60) < 0.5).astype(np.int8), 20)
    apart = choose_calibrator(odds, labels, np.repeat(np.arange(60), 20)).losses["isotonic"]
    mixed = choose_calibrator(odds, labels).losses["isotonic"]
    assert mixed < 0.9 * apart


def test_same_seed_same_choice_and_any_names_of_visitors() -> None:
    users = np.random.default_rng(1).integers(0, 900, 6000)
    first, again = (choose_calibrator(TRUE, LABELS, users, seed=3) for _ in range(2))
    assert first == again
    assert choose_calibrator(TRUE, LABELS, np.char.mod("u%04d", users), seed=3) == first
    assert choose_calibrator(TRUE, LABELS, users, seed=4).losses != first.losses


@pytest.mark.parametrize("positives", [0, 3, 9])
def test_few_positives_leave_the_logits_but_for_their_weight(positives: int) -> None:
    labels = (np.arange(500) < positives).astype(np.int8)
    found = choose_calibrator(np.zeros(500), labels)
    assert (found.calibrator, found.name, found.losses, found.folds) == (Platt(), "identity", {}, 0)
    assert found.reason == f"left as it is: {positives} positives of 500, and a fit needs 10 of either label"
    weighted = choose_calibrator(np.zeros(500), labels, weight=4)
    assert weighted.name == "prior"
    assert weighted.calibrator.apply(np.zeros(1)) == pytest.approx(1 / 5)


def test_one_visitor_is_no_fold() -> None:
    found = choose_calibrator(TRUE, LABELS, np.zeros(6000))
    assert (found.name, found.folds) == ("identity", 0)
    assert "too few visitors" in found.reason


def test_with_a_weight_what_undoes_it_is_a_candidate() -> None:
    found = choose_calibrator(TRUE + np.log(9), LABELS, weight=9)
    assert list(found.losses) == ["prior", *NAMES[1:]]
    assert found.losses["prior"] == pytest.approx(log_loss(LABELS, sigmoid(TRUE)))
    # A temperature after the weight is taken off.
    hot = choose_calibrator(3 * TRUE + np.log(9), LABELS, weight=9)
    assert hot.name == "temperature"
    assert hot.losses["temperature"] == pytest.approx(choose_calibrator(3 * TRUE, LABELS).losses["temperature"])
    assert hot.calibrator.apply(3 * TRUE + np.log(9)) == pytest.approx(sigmoid(TRUE), abs=0.02)


def test_the_choice_can_be_written_down() -> None:
    found = choose_calibrator(TRUE * 4, LABELS)
    raw = json.loads(json.dumps(found.to_dict()))
    assert isinstance(found.calibrator, Temperature)
    assert calibrator_from_dict(raw["calibrator"]) == found.calibrator
    assert (raw["name"], raw["losses"]) == (found.name, found.losses)


def test_groups_are_one_a_row() -> None:
    with pytest.raises(CartpathError, match="3 groups for 6000 rows"):
        choose_calibrator(TRUE, LABELS, np.arange(3))
