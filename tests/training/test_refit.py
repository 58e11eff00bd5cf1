"""A network that goes on with the validation events: new items start amid what they were seen beside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.models.behaviour_next_item import BehaviourNextItem
from cartpath.training.next_item import FitOptions, fit_model
from cartpath.training.next_item.paths import known_log
from cartpath.training.next_item.refit import with_learned_items
from tests.training.test_leak_guard import sessions_of_three_parts

TINY = FitOptions(settings={"max_epochs": 2, "hidden": 16, "layers": 1, "heads": 2})


@pytest.fixture(scope="module")
def chosen() -> BehaviourNextItem:
    found = fit_model("behaviour", sessions_of_three_parts(), TINY).model
    assert isinstance(found, BehaviourNextItem)
    return found


def test_new_items_start_amid_those_they_were_seen_beside(chosen: BehaviourNextItem) -> None:
    split = sessions_of_three_parts()
    wider = with_learned_items(chosen.pretrained, known_log(split.whole()))
    old, new = chosen.items.texts, wider.encoder.items.values[len(chosen.items) :]
    assert set(new) == {"v0", "v1", "v2"}
    offset = wider.model.config.item_offset + 2
    vectors = wider.model.table.weight[offset : offset + len(old) + len(new)].detach().numpy()
    for place in range(len(old), len(old) + len(new)):
        # Between the others: a mean of theirs, of weights that are not negative.
        assert (vectors[place] <= vectors[: len(old)].max(0) + 1e-6).all()
        assert (vectors[place] >= vectors[: len(old)].min(0) - 1e-6).all()
        assert np.abs(vectors[place]).sum() > 0


def test_new_items_are_learned(chosen: BehaviourNextItem) -> None:
    split = sessions_of_three_parts()
    model = fit_model("behaviour", split, replace(TINY, refit=True)).model
    assert set(model.items.texts) - set(chosen.items.texts) == {"v0", "v1", "v2"}
    view, texts = split.log.view, split.log.codes("item")
    user = next(u for u in range(view.n_users) if texts[view.item[view.offsets[u] + 2]].startswith("v"))
    before = model.items.texts.index(texts[view.item[view.offsets[user] + 2]])
    score = model.score(split.log, np.array([user]), np.array([view.offsets[user] + 2]))[0]
    assert np.isfinite(score).all()
    assert (score > score[before]).sum() < len(score) - 1


@pytest.mark.parametrize("budget", [None, 600.0])
def test_what_is_over_is_not_trained_again(budget: float | None, tmp_path: Path) -> None:
    split, options = sessions_of_three_parts(), replace(TINY, refit=True, budget_seconds=budget, folder=tmp_path)
    first = fit_model("behaviour", split, options)
    assert list((tmp_path / "refit").iterdir())
    said: list[str] = []
    again = fit_model("behaviour", split, options, lambda message, share: said.append(message))
    assert not any("loss" in message for message in said)
    asked = split.test
    expected = first.model.score(split.log, asked.user, asked.ends)
    assert again.model.score(split.log, asked.user, asked.ends).tolist() == expected.tolist()
    if budget is None:  # else the rate falls by the clock
        fresh = fit_model("behaviour", split, replace(options, folder=None))
        assert fresh.model.score(split.log, asked.user, asked.ends).tolist() == expected.tolist()
