"""Sentence vectors: pooled as the encoder's card says, the same in any batch, each text encoded once."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from cartpath.features import Texts, fit_texts, session_features  # noqa: E402
from cartpath.features.encoder import encode  # noqa: E402
from cartpath.features.fit import fit_encoder  # noqa: E402
from cartpath.features.text import SentenceEncoder, encoder, fit_projection  # noqa: E402
from cartpath.schema import CartpathError  # noqa: E402
from tests.features.moment.logs import rich_log  # noqa: E402
from tests.features.moment.test_moment import asked  # noqa: E402
from tests.features.text.encoders import tiny_bert  # noqa: E402

TEXTS = ["red shoes", "hat", "men find a red hat, item 1", "red shoes", "blue"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert") / "tiny")


def silent(message: str, share: float) -> None:
    pass


def alone(folder: Path, text: str, first: bool = False) -> np.ndarray:
    """One text by the model's own classes: no batch, no padding."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
    pooled = hidden[0] if first else hidden.sum(axis=0) / len(hidden)
    return pooled / np.sqrt((pooled**2).sum())


@pytest.mark.parametrize("tokens", [1, 20, 4096])
def test_a_vector_is_the_mean_over_tokens_of_length_one_in_any_batch(
    bert: Path, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "_TOKENS", tokens)
    found = SentenceEncoder(str(bert)).encode(TEXTS, silent)
    assert found.shape == (5, 16)
    assert (found[0] == found[3]).all()
    for text, vector in zip(TEXTS, found, strict=True):
        np.testing.assert_allclose(vector, alone(bert, text), atol=1e-5)


def test_a_folder_may_ask_for_the_first_token_or_for_fewer_tokens(bert: Path, tmp_path: Path) -> None:
    other = shutil.copytree(bert, tmp_path / "other")
    (other / "1_Pooling").mkdir()
    pooling = other / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps({"word_embedding_dimension": 16, "pooling_mode_cls_token": True}))
    found = SentenceEncoder(str(other)).encode(["red hat"], silent)
    np.testing.assert_allclose(found[0], alone(bert, "red hat", first=True), atol=1e-5)
    (other / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 3}))
    short = SentenceEncoder(str(other)).encode(["red hat", "red shoe"], silent)
    assert (short[0] == short[1]).all()
    pooling.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(CartpathError, match="pools tokens by max_tokens"):
        SentenceEncoder(str(other)).encode(["red hat"], silent)


def test_each_text_is_encoded_once_and_nothing_later_is_fitted(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[str] = []
    before = SentenceEncoder.encode

    def spy(self: SentenceEncoder, texts: list[str], told: object) -> np.ndarray:
        asked_for.extend(texts)
        return before(self, texts, told)  # type: ignore[arg-type]

    monkeypatch.setattr(SentenceEncoder, "encode", spy)
    log = rich_log(3, users=25)
    until = int(np.quantile(log.view.ts, 0.2))
    told: list[float] = []
    found = fit_texts(log, until, ["sentences"], str(bert), dims=4, told=lambda message, share: told.append(share))
    assert told[-1] == 1
    fitted = list(asked_for)
    vectors = found.of_events(log)["sentences"]
    found.of_events(log)
    assert len(asked_for) == len(set(asked_for)) > len(fitted)
    # Directions are of the texts before the moment alone.
    raw = before(SentenceEncoder(str(bert)), fitted, silent)
    np.testing.assert_array_equal(found.vectorisers["sentences"].to_arrays()["mean"], fit_projection(raw, 4).mean)
    assert (vectors.document >= 0).mean() > 0.5
    again = Texts.from_arrays(found.to_arrays()).of_events(log)["sentences"]
    np.testing.assert_array_equal(again.document, vectors.document)
    np.testing.assert_allclose(again.vectors, vectors.vectors, atol=1e-5)


def test_as_columns_of_a_moment(bert: Path) -> None:
    log = rich_log(3, users=25)
    paths = fit_encoder(log, 2**62)
    texts = fit_texts(log, 2**62, ["sentences"], str(bert), dims=4)
    table = session_features(encode(log, paths), paths, *asked(log, 0), texts=texts)
    assert "sentences_recent_4" in table.names
    row = table.values[:, table.names.index("sentences_1")]
    assert np.isfinite(row).any()


def test_bad_encoders_say_what_to_do(bert: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CartpathError, match="no encoder that can be loaded") as told:
        SentenceEncoder(str(tmp_path / "empty")).encode(["a"], silent)
    assert "Hugging Face hub" in told.value.hint
    damaged = shutil.copytree(bert, tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CartpathError, match="no encoder that can be loaded"):
        SentenceEncoder(str(damaged)).encode(["a"], silent)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, encoder.PACKAGE, None)
    with pytest.raises(CartpathError, match=r"without --encoder needs an extra(.|\n)*cartpath\[text\]"):
        SentenceEncoder().encode(["a"], silent)


def test_the_package_knows_what_sentences_mean() -> None:
    pytest.importorskip(encoder.PACKAGE)
    texts = ["Men's quilted jacket", "Warm winter coat for men", "Wireless earbud headset"]
    found = SentenceEncoder().encode(texts, silent)
    assert found.shape == (3, 384)
    alike = found @ found.T
    assert alike[0, 1] > 0.5 > 0.25 > alike[0, 2]
    # The model card's own lines.
    np.testing.assert_allclose(found[0], alone(Path(SentenceEncoder().place), texts[0]), atol=1e-5)
