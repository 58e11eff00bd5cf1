"""A model that knows more items says of the others what it said before."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.models.behaviour_next_item import BehaviourNextItem
from cartpath.models.more_items import with_more_items
from cartpath.models.next_item import ItemIndex
from cartpath.tasks import leave_one_out
from cartpath.training.next_item import FitOptions, fit_model
from tests.features.logs import make_log, shop_table

TINY = {"max_epochs": 1, "hidden": 16, "layers": 1, "heads": 2}


@pytest.fixture(scope="module")
def model() -> BehaviourNextItem:
    split = leave_one_out(make_log(shop_table(80, seed=5)))
    fitted = fit_model("behaviour", split, FitOptions(settings=TINY)).model
    assert isinstance(fitted, BehaviourNextItem)
    return fitted


def test_what_was_learned_stays_and_new_items_are_scored(model: BehaviourNextItem) -> None:
    log = make_log(shop_table(80, seed=5))
    trained = model.pretrained
    start = np.random.default_rng(0).normal(size=(2, trained.model.config.hidden))
    wider = with_more_items(trained, log, ["new 1", "new 2"], start)
    items = ItemIndex(wider.encoder.items.values)
    assert items.texts == (*model.items.texts, "new 1", "new 2")
    more = BehaviourNextItem(wider, items, np.zeros(len(items), np.float32))
    users = np.arange(20)
    before, after = (one.score(log, users, log.view.offsets[1:][users]) for one in (model, more))
    np.testing.assert_allclose(after[:, :-2], before, rtol=1e-5, atol=1e-5)
    assert np.isfinite(after[:, -2:]).all()
    offset = wider.model.config.item_offset
    found = wider.model.table.weight[offset + wider.encoder.items.size - 2 : offset + wider.encoder.items.size]
    np.testing.assert_allclose(found.detach().numpy(), start, rtol=1e-6)


def test_it_is_a_copy(model: BehaviourNextItem) -> None:
    log, trained = make_log(shop_table(80, seed=5)), model.pretrained
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    copied = with_more_items(trained, log, [], np.zeros((0, 16)))
    assert copied.encoder.items.values == trained.encoder.items.values
    for weight in copied.model.parameters():
        weight.data.add_(1.0)
    assert all((value == before[name]).all() for name, value in trained.model.state_dict().items())


def test_an_item_known_already_is_refused(model: BehaviourNextItem) -> None:
    known = model.items.texts[0]
    with pytest.raises(ValueError, match="known already"):
        with_more_items(model.pretrained, make_log(shop_table(80, seed=5)), [known], np.zeros((1, 16)))
