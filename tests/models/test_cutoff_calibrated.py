"""Bands around amounts, by hand, narrow where little is spent; what is saved is what is read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.models.calibration import Platt
from cartpath.models.cutoff import AmountCurve, Band, BlendModel, Constant, LabelScorer, SpendScorer, load_cutoff
from cartpath.schema import CartpathError
from cartpath.tasks import CutoffRows

NOBODY = np.zeros(2, np.int64)
ROWS = CutoffRows(NOBODY, NOBODY, NOBODY, NOBODY)


def test_misses_are_what_the_margin_must_be() -> None:
    band = Band(np.array([1.0]), np.array([0.0, -1.0]), np.array([0.5, 1.0]))
    # Of a prediction of 0 the band is 0 to 0.5, of 2 it is 1 to 3.
    misses = band.misses(np.array([0.0, 0.0, 2.0, 2.0]), np.array([0.25, 1.0, 2.0, 0.5]))
    assert misses.tolist() == [-0.25, 0.5, -1.0, 0.5]


def test_a_margin_below_zero_does_not_turn_a_band_inside_out() -> None:
    low, high = Band(np.zeros(0), np.array([0.0]), np.array([1.0]), margin=-2.0).around(np.array([5.0]))
    assert low.tolist() == high.tolist() == [5.5]


def test_groups_have_bands_of_their_own() -> None:
    rng = np.random.default_rng(0)
    predicted = np.repeat([0.0, 4.0], 1000)
    target = predicted + rng.normal(0, np.repeat([0.1, 2.0], 1000))
    band = Band.of(predicted, target)
    low, high = band.around(np.array([0.0, 4.0]))
    assert np.isinf(high - low).all()
    width = band.above - band.below
    assert width[-1] > 10 * width[0]
    assert Band.of(predicted[:10], target[:10]).above.tolist() == [0.0]


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    band = Band(np.array([1.0]), np.array([0.0, -1.0]), np.array([0.5, 1.0]), 0.25, 0.8)
    for name, scorer in {
        "spend": SpendScorer(Constant(1.0), AmountCurve(np.array([0.5]), np.array([0.75]), 1.5), band),
        "endless": SpendScorer(Constant(1.0)),
        "churn": LabelScorer(Constant(-1.0), Platt(2.0, 0.5)),
        "blend": LabelScorer(BlendModel({"a": Constant(1.0), "b": Constant(2.0)}, {"a": 0.5, "b": 0.25}, 1.0)),
    }.items():
        (tmp_path / name).mkdir()
        scorer.save(tmp_path / name)
        again = load_cutoff(tmp_path / name)
        assert again.score(None, ROWS).tolist() == scorer.score(None, ROWS).tolist()  # type: ignore[arg-type]
        if isinstance(scorer, SpendScorer):
            assert isinstance(again, SpendScorer)
            ends = [side.tolist() for side in scorer.interval(np.array([0.0, 2.0]))]
            assert [side.tolist() for side in again.interval(np.array([0.0, 2.0]))] == ends
    assert load_cutoff(tmp_path / "blend").model.predicted(None, ROWS).tolist() == [2.0, 2.0]  # type: ignore[arg-type]


def test_the_way_back_is_that_of_the_group_and_keeps_the_total() -> None:
    rng = np.random.default_rng(2)
    # One in ten of the low spends 100, all of the high spend between 50 and 150.
    predicted = np.repeat([0.5, 4.5], 2000) + rng.normal(0, 0.05, 4000)
    amount = np.where(predicted > 2, rng.uniform(50, 150, 4000), 100.0 * (rng.random(4000) < 0.1))
    curve = AmountCurve.fit(predicted, amount)
    found = curve.amount(predicted)
    assert found.sum() == pytest.approx(amount.sum())
    for high in (False, True):
        mine = (predicted > 2) == high
        assert found[mine].mean() == pytest.approx(amount[mine].mean(), rel=0.15)
    assert (np.diff(curve.amount(np.linspace(-1, 8, 200))) >= 0).all()
    alone = AmountCurve.fit(np.full(50, 1.0), np.arange(50.0))
    assert alone.amount(np.array([1.0])).tolist() == pytest.approx([24.5])
    assert AmountCurve.fit(np.zeros(0), np.zeros(0)).amount(np.log([1.0, 5.0])).tolist() == pytest.approx([0.0, 4.0])


def test_amounts_are_at_least_zero() -> None:
    scorer = SpendScorer(Constant(np.log(4.0)), AmountCurve(np.zeros(1), np.log([1.5])), Band(margin=10.0))
    assert scorer.score(None, ROWS).tolist() == pytest.approx([5.0, 5.0])  # type: ignore[arg-type]
    assert scorer.scale.amount(np.array([-9.0])).tolist() == [0.0]
    low, high = scorer.interval(np.array([0.0]))
    assert low.tolist() == [0.0]
    assert high.tolist() == pytest.approx([np.expm1(10.0)])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="holds no model"):
        load_cutoff(tmp_path)
    Constant(1.0).save(tmp_path)
    with pytest.raises(CartpathError, match="no calibration"):
        load_cutoff(tmp_path)
    (tmp_path / "scorer.json").write_text('{"kind": "oracle"}')
    with pytest.raises(CartpathError, match="unknown kind 'oracle'"):
        load_cutoff(tmp_path)
