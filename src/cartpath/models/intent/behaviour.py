"""The behaviour model's intent head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cartpath.features import Log
from cartpath.models.artefact import POINTER, SCORER, read_json, write_json
from cartpath.models.intent.scorer import Floats, Index
from cartpath.models.pretrained import Pretrained
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.adaptation import Adapted

#: The pretrained model's folder, beside those of the models that are made of it.
BASE = "behaviour"
#: Methods whose new parts alone are saved: the rest is the base's, which the workspace has.
_SMALL = ("lora", "adapter", "prefix")


@dataclass
class BehaviourIntent:
    """A fine-tuned network; also a recurrent one, which differs in its backbone.

    Attributes
    ----------
    pretrained : Pretrained
        With what fine-tuning changed or inserted.
    adapted : Adapted, optional
        What fine-tuning did. Where it inserted small parts, these alone are saved, with the hash of the base.
    """

    pretrained: Pretrained
    adapted: Adapted | None = None

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return the log odds (n,); see ``Intent``."""
        import torch

        with torch.inference_mode():
            out = self.pretrained.model.intent(self.pretrained.hidden_at(log, ends))
        logits: Floats = out[:, 0].double().numpy()
        return logits

    def save(self, folder: Path) -> None:
        """Write the network and its encoder into a folder, or what was inserted into the base alone."""
        if self.adapted is not None and self.adapted.method in _SMALL:
            self.adapted.save(folder)
            write_json(folder / SCORER, {"kind": "adapted", "method": self.adapted.method})
            return
        self.pretrained.save(folder)
        write_json(folder / SCORER, {"kind": "behaviour"})

    @classmethod
    def load(cls, folder: Path) -> BehaviourIntent:
        """Read what ``save`` wrote of a whole network."""
        return cls(Pretrained.load(folder))

    @classmethod
    def load_adapted(cls, folder: Path) -> BehaviourIntent:
        """Read what ``save`` wrote of small parts, and put them onto the base in the workspace.

        Raises
        ------
        CartpathError
            If the base is not there any more, or is another one.
        """
        from cartpath.models.adaptation import base_hash, load_adaptation, read_adaptation

        about = read_adaptation(folder)
        home = next((parent / BASE for parent in folder.parents if (parent / BASE / POINTER).exists()), None)
        again = f"fine-tune again: cartpath finetune SHOP --task intent --method {about['method']}"
        name, wanted = about["base_name"], str(about["base"])
        if home is None:
            raise CartpathError(f"{folder} needs the pretrained model {name}, and the workspace has none", again)
        current = str((read_json(home / POINTER) or {}).get("version", ""))
        kept = bool(name) and (home / name).is_dir()
        pretrained = Pretrained.load(home / (name if kept else current))
        if not kept and base_hash(pretrained.model) != wanted:
            raise CartpathError(
                f"{folder} was made for the base {name} ({wanted[:12]}), which is not in the workspace: the"
                f" current one is {current}",
                again,
            )
        adapted = load_adaptation(pretrained.model, folder)
        pretrained.model.train(False)
        return cls(pretrained, adapted)
