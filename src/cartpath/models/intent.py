"""Intent scorers behind one interface: ``score / save / load``; a probability at each asked place of a path."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from cartpath.features import FeatureTable, Log, PathEncoder, encode, session_features
from cartpath.models.artefact import read_json, write_json
from cartpath.models.calibration import Platt, logit
from cartpath.models.extra import need
from cartpath.models.pretrained import Pretrained
from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
_SCORER = "scorer.json"
_TREES = "trees.txt"


class IntentScorer(Protocol):
    """From paths to probabilities; training's validation, evaluation and the service call the same ``score``."""

    def score(self, log: Log, ends: Index) -> Floats:
        """Return the probability of a purchase later in the session of event ``ends - 1`` (n,)."""

    def save(self, folder: Path) -> None:
        """Write it into a folder."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""


@dataclass
class BehaviourIntent:
    """The behaviour model's intent head, calibrated.

    Attributes
    ----------
    pretrained : Pretrained
    platt : Platt
    """

    pretrained: Pretrained
    platt: Platt = field(default_factory=Platt)

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return what the head says before calibration (n,)."""
        import torch

        with torch.inference_mode():
            out = self.pretrained.model.intent(self.pretrained.last_hidden(log, ends))
        logits: Floats = out[:, 0].double().numpy()
        return logits

    def score(self, log: Log, ends: Index) -> Floats:
        """Return probabilities (n,); see ``IntentScorer``."""
        return self.platt.apply(self.logits(log, ends)) if len(ends) else np.zeros(0)

    def save(self, folder: Path) -> None:
        """Write the network, its encoder and the calibration into a folder."""
        self.pretrained.save(folder)
        write_json(folder / _SCORER, {"kind": "behaviour", "platt": asdict(self.platt)})

    @classmethod
    def load(cls, folder: Path) -> BehaviourIntent:
        """Read what ``save`` wrote."""
        return cls(Pretrained.load(folder), Platt(**_read(folder)["platt"]))


@dataclass
class TreeIntent:
    """LightGBM on counts of the session so far and of the history, calibrated.

    Attributes
    ----------
    trees : lightgbm.Booster
    encoder : PathEncoder
    platt : Platt
    """

    trees: Any
    encoder: PathEncoder
    platt: Platt = field(default_factory=Platt)

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return what the trees say before calibration (n,)."""
        values = tree_features(log, self.encoder, ends).values
        return logit(np.asarray(self.trees.predict(values, num_threads=2), np.float64))

    def score(self, log: Log, ends: Index) -> Floats:
        """Return probabilities (n,); see ``IntentScorer``."""
        return self.platt.apply(self.logits(log, ends)) if len(ends) else np.zeros(0)

    def save(self, folder: Path) -> None:
        """Write the trees, their encoder and the calibration into a folder."""
        (folder / _TREES).write_text(self.trees.model_to_string(), encoding="utf-8")
        content = {"kind": "trees", "platt": asdict(self.platt), "encoder": self.encoder.to_dict()}
        write_json(folder / _SCORER, content)

    @classmethod
    def load(cls, folder: Path) -> TreeIntent:
        """Read what ``save`` wrote."""
        raw = _read(folder)
        text = (folder / _TREES).read_text(encoding="utf-8")
        trees = need("lightgbm", "the LightGBM model").Booster(model_str=text)
        return cls(trees, PathEncoder.from_dict(raw["encoder"]), Platt(**raw["platt"]))


@dataclass
class BaseRate:
    """The share of positives in training, whatever the path.

    Examples
    --------
    >>> BaseRate.of(np.array([0, 0, 0, 1], np.int8)).rate
    0.25
    """

    rate: float

    @classmethod
    def of(cls, labels: npt.NDArray[np.int8]) -> BaseRate:
        """Take the rate of labels."""
        return cls(float(labels.mean()) if len(labels) else 0.0)

    def score(self, log: Log, ends: Index) -> Floats:
        """Return the rate (n,)."""
        return np.full(len(ends), self.rate)

    def save(self, folder: Path) -> None:
        """Write the rate into a folder."""
        write_json(folder / _SCORER, {"kind": "base_rate", "rate": self.rate})

    @classmethod
    def load(cls, folder: Path) -> BaseRate:
        """Read what ``save`` wrote."""
        return cls(float(_read(folder)["rate"]))


def tree_features(log: Log, encoder: PathEncoder, ends: Index) -> FeatureTable:
    """Describe the sessions of the events before ``ends``."""
    return session_features(encode(log, encoder), encoder, log.view.session[ends - 1].astype(np.int64), ends)


def _read(folder: Path) -> dict[str, Any]:
    raw: dict[str, Any] | None = read_json(folder / _SCORER)
    if raw is None:
        raise CartpathError(f"{folder} holds no intent model (no {_SCORER})", "make it: cartpath finetune SHOP")
    return raw
