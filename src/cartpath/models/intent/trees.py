"""LightGBM on what is known of a session so far, alone, with its text, or with what a network makes of the path."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import FeatureTable, Log, PathEncoder, Texts, encode, session_features
from cartpath.models.artefact import SCORER, read_scorer, write_json
from cartpath.models.calibration import logit
from cartpath.models.extra import need
from cartpath.models.intent.scorer import Floats, Index
from cartpath.models.pretrained import Pretrained
from cartpath.schema import CartpathError

_TREES, _FROZEN, _TEXTS = "trees.txt", "frozen", "texts.npz"


@dataclass
class TreeIntent:
    """Boosted trees.

    Attributes
    ----------
    trees : lightgbm.Booster
    encoder : PathEncoder
    frozen : Pretrained, optional
        A network that saw no answers; its view of the path is input as well.
    zone : str
        IANA name of the time zone of hours and weekdays.
    texts : Texts, optional
        Vectorisers of text whose columns are input as well.
    """

    trees: Any
    encoder: PathEncoder
    frozen: Pretrained | None = None
    zone: str = "UTC"
    texts: Texts | None = None

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return the log odds (n,); see ``Intent``."""
        values = tree_features(log, self.encoder, ends, self.frozen, self.zone, self.texts).values
        return logit(np.asarray(self.trees.predict(values, num_threads=2), np.float64))

    def save(self, folder: Path) -> None:
        """Write the trees, their encoder and the network into a folder."""
        digest = write_trees(self.trees, folder)
        if self.frozen is not None:
            self.frozen.save(folder / _FROZEN)
        if self.texts is not None:
            np.savez(folder / _TEXTS, **self.texts.to_arrays())  # type: ignore[arg-type]
        content = {"kind": "trees", "encoder": self.encoder.to_dict(), "frozen": self.frozen is not None}
        content |= {"zone": self.zone, "texts": self.texts is not None}
        write_json(folder / SCORER, {**content, "digest": digest})

    @classmethod
    def load(cls, folder: Path) -> TreeIntent:
        """Read what ``save`` wrote."""
        raw = read_scorer(folder)
        trees = read_trees(folder, raw["digest"])
        frozen = Pretrained.load(folder / _FROZEN) if raw["frozen"] else None
        texts = _load_texts(folder / _TEXTS) if raw.get("texts") else None
        return cls(trees, PathEncoder.from_dict(raw["encoder"]), frozen, raw["zone"], texts)


def _load_texts(path: Path) -> Texts:
    try:
        with np.load(path) as arrays:
            return Texts.from_arrays({name: arrays[name] for name in arrays.files})
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise CartpathError(f"{path} cannot be read: {error}", "fit the model again") from None


def write_trees(trees: Any, folder: Path) -> str:
    """Write trees into a folder, and return the digest by which ``read_trees`` knows them."""
    text = trees.model_to_string()
    (folder / _TREES).write_text(text, encoding="utf-8")
    return _digest(text)


def read_trees(folder: Path, digest: str) -> Any:
    """Read what ``write_trees`` wrote.

    Raises
    ------
    CartpathError
        If it is not what was written.
    """
    text = (folder / _TREES).read_text(encoding="utf-8")
    if _digest(text) != digest:
        # LightGBM ends the whole process over some texts that are no trees.
        raise CartpathError(f"{folder / _TREES} is damaged: it is not what was written", "fit the model again")
    return need("lightgbm", "the LightGBM model").Booster(model_str=text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def tree_features(
    log: Log,
    encoder: PathEncoder,
    ends: Index,
    frozen: Pretrained | None = None,
    zone: str = "UTC",
    texts: Texts | None = None,
) -> FeatureTable:
    """Describe the sessions of the events before ``ends``.

    Parameters
    ----------
    log : Log
    encoder : PathEncoder
    ends : int64 array (n,)
    frozen : Pretrained, optional
        Its vector of the path, and the probability it gives each type of the next event, are columns too.
    zone : str
    texts : Texts, optional
        Vectorisers of text; what they make of the session so far are columns too.
    """
    session = log.view.session[ends - 1].astype(np.int64)
    found = session_features(encode(log, encoder), encoder, session, ends, zone, texts)
    if frozen is None:
        return found
    more = frozen_features(frozen, log, ends)
    names = [f"hidden_{n}" for n in range(frozen.model.config.hidden)]
    names += [f"next_type_{n}" for n in range(frozen.model.config.n_events)]
    return FeatureTable(found.names + names, np.column_stack([found.values, more]), found.categorical)


def frozen_features(frozen: Pretrained, log: Log, ends: Index) -> npt.NDArray[np.float32]:
    """Return a network's vector of each path, and its log probabilities of the next type (n, hidden + n_events)."""
    import torch

    with torch.inference_mode():
        hidden = frozen.hidden_at(log, ends)
        types = frozen.model.next_type(hidden).log_softmax(1)
    return np.asarray(torch.cat([hidden, types], 1).numpy(), np.float32)
