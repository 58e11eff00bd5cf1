"""Trees that see text: saved and read again, equal on a live path, blind to what comes later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

lightgbm = pytest.importorskip("lightgbm")
pytest.importorskip("gensim")

from cartpath.features import fit_encoder, fit_texts  # noqa: E402
from cartpath.models.intent import IntentScorer, TreeIntent, explain, load_intent, tree_features  # noqa: E402
from cartpath.schema import CartpathError  # noqa: E402
from cartpath.training.leak import changed_after  # noqa: E402
from tests.features.moment.logs import rich_log  # noqa: E402
from tests.models.cut import cut_path  # noqa: E402


@pytest.fixture(scope="module")
def fitted():  # type: ignore[no-untyped-def]
    log = rich_log(0, users=25, events=30)
    encoder, texts = fit_encoder(log, 2**62), fit_texts(log, 2**62, ("tfidf", "item2vec"), dims=3)
    ends = np.arange(1, log.view.n_events + 1)
    table = tree_features(log, encoder, ends, texts=texts)
    # An answer that text knows best.
    said = [np.nan_to_num(table.values[:, table.names.index(name)]) for name in ("item2vec_1", "tfidf_recent_2")]
    target = said[0] / said[0].std() + said[1] / said[1].std() + np.random.default_rng(0).standard_normal(len(ends)) > 0
    text = [place for place, name in enumerate(table.names) if name.startswith(("tfidf", "item2vec"))]
    settings = {"objective": "binary", "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    trees = lightgbm.train(settings, lightgbm.Dataset(table.values, target), 10)
    assert trees.feature_importance()[text].sum() > 10
    return log, ends, TreeIntent(trees, encoder, texts=texts)


def test_saved_and_read_again(fitted, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    log, ends, model = fitted
    IntentScorer(model).save(tmp_path)
    again = load_intent(tmp_path)
    assert again.model.texts.until == model.texts.until  # type: ignore[attr-defined]
    np.testing.assert_array_equal(again.score(log, ends), IntentScorer(model).score(log, ends))
    (tmp_path / "texts.npz").write_bytes(b"nothing")
    with pytest.raises(CartpathError, match=r"texts.npz cannot be read(.|\n)*fit the model again"):
        load_intent(tmp_path)


def test_a_live_path_alone_and_what_comes_later_give_the_same_odds(fitted) -> None:  # type: ignore[no-untyped-def]
    log, _, model = fitted
    view = log.view
    ends = view.offsets[:-1] + np.random.default_rng(0).integers(1, np.diff(view.offsets) + 1)
    whole = model.logits(log, ends)
    assert len(set(whole)) > 5
    np.testing.assert_array_equal(model.logits(changed_after(log, ends), ends), whole)
    for user, end in enumerate(ends):
        alone = cut_path(log, view.user(user), int(end - view.offsets[user]))
        assert model.logits(alone, np.array([alone.view.n_events]))[0] == whole[user]


def test_drivers_add_up_and_say_what_text_columns_are(fitted) -> None:  # type: ignore[no-untyped-def]
    log, ends, model = fitted
    for found, odds in zip(explain(model, log, ends[:20]), model.logits(log, ends[:20]), strict=True):
        assert found.baseline + sum(driver.contribution for driver in found.drivers) == pytest.approx(odds)
        text = [driver for driver in found.drivers if driver.name.startswith(("tfidf", "item2vec"))]
        assert text
        assert all(driver.about["about"] for driver in text)
