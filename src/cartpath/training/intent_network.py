"""Fine-tuning for intent as a network with its loss, and the batches it learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cartpath.features import EncodedLog, gather, length_batches
from cartpath.models.behaviour import BehaviourModel
from cartpath.training.intent import Windows
from cartpath.training.stream import Part

#: Padded events of a batch.
_TOKENS = 4096
#: Weight of the question at other steps than the k-th.
_OTHER_STEPS = 0.3


class IntentNetwork(nn.Module):
    """A behaviour model and the loss of its intent head.

    Parameters
    ----------
    model : BehaviourModel
    """

    def __init__(self, model: BehaviourModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, ids: Tensor, seconds: Tensor, session: Tensor, label: Tensor, weight: Tensor, scale: Tensor
    ) -> dict[str, Any]:
        """Return the loss of a part of a batch.

        Parameters
        ----------
        ids, seconds, session : tensors
            As ``BehaviourModel.forward`` takes them.
        label, weight : float tensor (b, length)
            The answer at each event, and how much the question there weighs; 0 where it is not asked.
        scale : float tensor (2,)
            Of the whole batch: sum of the weights; and the parts it is cut into.
        """
        hidden = self.model(ids, seconds, session)
        asked = weight > 0
        logits = self.model.intent(hidden[asked])[:, 0]
        losses = F.binary_cross_entropy_with_logits(logits, label[asked], reduction="none")
        return {"loss": (losses * weight[asked]).sum() / scale[0].clamp(min=1) * scale[1]}


class IntentSource:
    """Batches of windows of training sessions.

    Parameters
    ----------
    encoded : EncodedLog
    windows : Windows
    k : int
        The step that is asked about.
    seed : int
    """

    def __init__(self, encoded: EncodedLog, windows: Windows, k: int, seed: int) -> None:
        self._encoded, self._windows, self._k, self._seed = encoded, windows, k, seed
        self._mixed: tuple[int, list[npt.NDArray[np.int64]]] = (-1, [])

    def batches(self, epoch: int) -> int:
        """Return how many batches an epoch has."""
        return len(self._rows(epoch))

    def part(self, epoch: int, batch: int, part: int, parts: int) -> Part:
        """Return one of some parts of a batch."""
        windows, rows = self._windows, self._rows(epoch)[batch]
        whole = gather(self._encoded, windows.starts[rows], windows.ends[rows])
        label, weight = self._questions(rows, whole.rows, whole.session)
        mine = slice(part, None, parts)
        if part >= len(rows):
            # A batch of fewer windows than parts: work on one, ask nothing.
            mine, weight = slice(0, 1), np.zeros_like(weight)
        arrays: dict[str, npt.NDArray[Any]] = {
            "ids": whole.ids,
            "seconds": whole.seconds,
            "session": whole.session,
            "label": label,
        }
        inputs = {name: torch.from_numpy(array[mine]) for name, array in arrays.items()}
        inputs["weight"] = torch.from_numpy(weight[mine])
        inputs["scale"] = torch.tensor([float(weight.sum()), parts], dtype=torch.float32)
        return Part(inputs, int((whole.rows >= 0).sum()), whole.rows.size)

    def _rows(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        if self._mixed[0] != epoch:
            lengths = self._windows.ends - self._windows.starts
            rng = np.random.default_rng([self._seed, epoch])
            self._mixed = (epoch, list(length_batches(lengths, _TOKENS, rng)))
        return self._mixed[1]

    def _questions(
        self, windows: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], session: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        found = self._windows
        at_k = self._encoded.moments.place[rows] == self._k
        asked = found.steps.asked[rows] & (rows >= 0) & (session == found.session[windows][:, None])
        asked &= found.asked(windows, at_k)
        weight = np.where(asked, np.where(at_k, 1.0, _OTHER_STEPS), 0.0)
        return np.where(asked, found.steps.label[rows], 0).astype(np.float32), weight.astype(np.float32)
