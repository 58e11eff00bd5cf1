"""Fine-tuning for intent as a network with its loss, and the batches it learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cartpath.features import EncodedLog, gather, length_batches, shared_windows
from cartpath.models.behaviour import BehaviourModel
from cartpath.tasks import IntentRows
from cartpath.training.stream import Part

#: Padded events of a batch.
_TOKENS = 4096


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
        """Return the loss of a part of a batch: binary cross-entropy, weighted.

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
    """Batches of windows of paths in which every step of the training sessions is asked about.

    Parameters
    ----------
    encoded : EncodedLog
    rows : IntentRows
        To learn from.
    weight : float32 array (n,)
    window : int
        Events of a window: each question has the history that it has when it is scored (``shared_windows``).
    seed : int
    """

    def __init__(
        self, encoded: EncodedLog, rows: IntentRows, weight: npt.NDArray[np.float32], window: int, seed: int
    ) -> None:
        self._encoded, self._seed = encoded, seed
        self._windows = shared_windows(encoded.log.view.offsets, rows.ends, window)
        n = encoded.log.view.n_events
        # Windows overlap: each question is asked in the one that answers it.
        self._asked_in = np.full(n, -1, np.int32)
        self._weight, self._label = np.zeros(n, np.float32), np.zeros(n, np.float32)
        places = rows.ends - 1
        self._asked_in[places], self._weight[places], self._label[places] = self._windows.window, weight, rows.label
        self._mixed: tuple[int, list[npt.NDArray[np.int64]]] = (-1, [])

    @property
    def size(self) -> int:
        """Events of all windows."""
        return int((self._windows.ends - self._windows.starts).sum())

    def batches(self, epoch: int) -> int:
        """Return how many batches an epoch has."""
        return len(self._rows(epoch))

    def part(self, epoch: int, batch: int, part: int, parts: int) -> Part:
        """Return one of some parts of a batch."""
        rows = self._rows(epoch)[batch]
        whole = gather(self._encoded, self._windows.starts[rows], self._windows.ends[rows])
        asked = (whole.rows >= 0) & (self._asked_in[whole.rows] == rows[:, None])
        label, weight = np.where(asked, self._label[whole.rows], 0), np.where(asked, self._weight[whole.rows], 0)
        mine, total = slice(part, None, parts), float(weight.sum())
        if part >= len(rows):
            # A batch of fewer windows than parts: work on one, ask nothing.
            mine, weight = slice(0, 1), np.zeros_like(weight)
        arrays: dict[str, npt.NDArray[Any]] = {
            "ids": whole.ids,
            "seconds": whole.seconds,
            "session": whole.session,
            "label": label.astype(np.float32),
            "weight": weight.astype(np.float32),
        }
        inputs = {name: torch.from_numpy(np.ascontiguousarray(array[mine])) for name, array in arrays.items()}
        inputs["scale"] = torch.tensor([total, parts], dtype=torch.float32)
        return Part(inputs, int((whole.rows >= 0).sum()), whole.rows.size)

    def _rows(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        if self._mixed[0] != epoch:
            lengths = self._windows.ends - self._windows.starts
            rng = np.random.default_rng([self._seed, epoch])
            self._mixed = (epoch, list(length_batches(lengths, _TOKENS, rng)))
        return self._mixed[1]
