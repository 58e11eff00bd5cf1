"""Pretraining on a catalogue with titles: the network knows items by their words, those it never saw as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

import torch

from cartpath import store, training
from cartpath.features import ItemWords, read_log
from cartpath.models import Pretrained, current_version
from cartpath.recommend.axis import axis_of
from cartpath.recommend.parts import Sources
from cartpath.recommend.parts.behaviour import fit_behaviour
from tests.features.logs import shop_table

NEW = "never-touched"


def catalogue() -> pa.Table:
    """Items 5n to 5n + 4 are of kind n, as in ``shop_table``; the new one is of kind 2, and only its title says so."""
    ids = [f"i{n}" for n in range(20)]
    titles = [f"thing of kind{n // 5} sort{n // 5} number{n}" for n in range(20)]
    return pa.table({"item_id": [*ids, NEW], "title": [*titles, "thing of kind2 sort2"]})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words") / "s"
    store.init(folder)
    with store.writer(folder) as writer:
        writer.add(shop_table(80))
        # Touched at the very end alone: nothing before the cut knows of it.
        when = pa.array([1_900_000_000_000_000], pa.timestamp("us", tz="UTC"))
        writer.add(pa.table({"user_id": ["late"], "ts": when, "event": ["view"], "item_id": [NEW]}))
        writer.put_items(catalogue())
        writer.commit(sources=[], quarantine={})
    training.pretrain(folder, epochs=1)
    return folder


@pytest.fixture(scope="module")
def pretrained(shop: Path) -> Pretrained:
    return Pretrained.load(current_version(shop, "behaviour", ""))


def test_the_words_are_beside_the_weights(pretrained: Pretrained) -> None:
    assert isinstance(pretrained.words, ItemWords)
    assert "kind2" in pretrained.words.words
    assert pretrained.model.config.n_text == pretrained.words.length


def test_an_item_never_seen_is_like_those_with_its_words(shop: Path, pretrained: Pretrained) -> None:
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
        assert NEW not in pretrained.encoder.items.values
        texts = pretrained.texts(log)
    place = {item: code for code, item in enumerate(log.codes("item"))}
    own = texts[place[NEW]]
    assert own.any()
    assert not texts[-1].any()
    likeness = {item: float(own @ texts[code]) for item, code in place.items() if item != NEW}
    best = sorted(likeness, key=lambda item: -likeness[item])[:5]
    assert set(best) == {f"i{n}" for n in range(10, 15)}


def test_known_items_have_the_words_they_were_trained_with(shop: Path, pretrained: Pretrained) -> None:
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
    texts, items = pretrained.texts(log), pretrained.encoder.items.values
    place = {item: code for code, item in enumerate(log.codes("item"))}
    for row, item in enumerate(items, start=2):
        assert texts[place[item]].tolist() == pretrained.model.text[row].tolist()


def test_recommendations_know_the_words_of_new_items(shop: Path, pretrained: Pretrained) -> None:
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
    vectors = torch.from_numpy(fit_behaviour(Sources(axis_of(log), 2**62, pretrained, {})).vectors)
    place = {item: code for code, item in enumerate(log.codes("item"))}
    without = pretrained.model.item_vectors(torch.tensor([1]), torch.zeros(1, pretrained.model.config.n_content).long())
    new, blank = vectors[place[NEW]], without[0]
    told = pretrained.model.text_in(torch.from_numpy(pretrained.texts(log)[[place[NEW]]]))[0]
    assert not torch.allclose(told, torch.zeros_like(told))
    assert torch.allclose(new, blank + told, atol=1e-5)


def test_the_path_is_read_with_the_words_of_new_items(shop: Path, pretrained: Pretrained) -> None:
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
    late = int(np.flatnonzero(log.view.item == list(log.codes("item")).index(NEW))[0])
    ends = np.array([late + 1])
    with_words = pretrained.last_hidden(log, ends)
    plain = Pretrained(pretrained.model, pretrained.encoder).last_hidden(log, ends)
    assert not torch.allclose(with_words, plain)
