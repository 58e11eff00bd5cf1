"""A fine-tuned behaviour model, or a recurrent network, asked about users at cut-offs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cartpath.features import Log
from cartpath.models.artefact import SCORER, read_scorer, write_json
from cartpath.models.cutoff.asked import asked_about
from cartpath.models.cutoff.scorer import Floats
from cartpath.models.cutoff.standing import standing
from cartpath.models.extra import need
from cartpath.models.pretrained import Pretrained
from cartpath.schema import CartpathError
from cartpath.tasks import CutoffRows, RepeatRows

if TYPE_CHECKING:
    from torch import Tensor

    from cartpath.models.cutoff.head import CutoffHead

_HEAD = "head.safetensors"
#: Rows answered at once.
_ROWS = 16_384


@dataclass
class BehaviourCutoff:
    """A network and its head for users at cut-offs.

    It answers from what it knows after the last event before the cut-off, from where the user stands at the cut-off
    (``standing``: above all how long ago that event is) and, where buying again is asked about, from what.

    Attributes
    ----------
    pretrained : Pretrained
        With what fine-tuning changed or inserted.
    head : CutoffHead
    of : str, optional
        What is bought again, one of ``REPEATED``; None where that is not asked.
    """

    pretrained: Pretrained
    head: CutoffHead
    of: str | None = None

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return log odds, or the amount on ``LogScale`` (n,); see ``CutoffModel``."""
        import torch

        from cartpath.models.cutoff.head import amount

        self.head.train(False)
        with torch.inference_mode():
            hidden = self.pretrained.hidden_at(log, rows.ends)
            stands = torch.from_numpy(standing(log, rows, self.of).astype(np.float32))
            asked = self._asked(log, rows)
            parts = [self.head(hidden[at], stands[at], asked(at)) for at in torch.split(torch.arange(len(rows)), _ROWS)]
            out = torch.cat(parts) if parts else torch.zeros(0, self.head.shape["outputs"])
        found: Floats = (amount(out) if out.shape[1] == 2 else out[:, 0]).double().numpy()
        return found

    def _asked(self, log: Log, rows: CutoffRows) -> Callable[[Tensor], Tensor | None]:
        """Return what gives the vectors of what some of the rows ask about."""
        import torch

        from cartpath.models.cutoff.head import asked_vectors

        if self.of is None:
            return lambda at: None
        assert isinstance(rows, RepeatRows)
        found = asked_about(self.pretrained, log, rows, self.of)
        ids, text = torch.from_numpy(found.ids), torch.from_numpy(found.text)
        return lambda at: asked_vectors(self.pretrained.model, ids[at], text[at])

    def save(self, folder: Path) -> None:
        """Write network, encoder and head into a folder."""
        self.pretrained.save(folder)
        need("safetensors.torch").save_file(self.head.state_dict(), folder / _HEAD)
        write_json(folder / SCORER, {"kind": "behaviour", "of": self.of, "head": self.head.shape})

    @classmethod
    def load(cls, folder: Path) -> BehaviourCutoff:
        """Read what ``save`` wrote.

        Raises
        ------
        CartpathError
            If it is missing or damaged.
        """
        raw = read_scorer(folder)
        pretrained = Pretrained.load(folder)
        return cls(pretrained, _head(folder, raw["head"]), raw["of"])


def _head(folder: Path, shape: dict[str, Any]) -> CutoffHead:
    from cartpath.models.cutoff.head import CutoffHead

    head = CutoffHead(**shape)
    try:
        # A copy: sums over memory that is not aligned come out different in the last digits.
        weights = need("safetensors.torch").load_file(folder / _HEAD)
        head.load_state_dict({name: value.clone() for name, value in weights.items()})
    except (OSError, RuntimeError, need("safetensors").SafetensorError) as error:
        raise CartpathError(f"{folder / _HEAD} is missing or damaged: {error}", "fit the model again") from error
    return head.train(False)
