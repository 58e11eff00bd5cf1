"""The behaviour model's intent head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cartpath.features import Log
from cartpath.models.artefact import write_json
from cartpath.models.intent.scorer import SCORER, Floats, Index
from cartpath.models.pretrained import Pretrained


@dataclass
class BehaviourIntent:
    """A fine-tuned network; also a recurrent one, which differs in its backbone.

    Attributes
    ----------
    pretrained : Pretrained
        With what fine-tuning changed or inserted.
    """

    pretrained: Pretrained

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return the log odds (n,); see ``Intent``."""
        import torch

        with torch.inference_mode():
            out = self.pretrained.model.intent(self.pretrained.hidden_at(log, ends))
        logits: Floats = out[:, 0].double().numpy()
        return logits

    def save(self, folder: Path) -> None:
        """Write the network and its encoder into a folder."""
        self.pretrained.save(folder)
        write_json(folder / SCORER, {"kind": "behaviour"})

    @classmethod
    def load(cls, folder: Path) -> BehaviourIntent:
        """Read what ``save`` wrote."""
        return cls(Pretrained.load(folder))
