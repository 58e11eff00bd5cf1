"""Fine-tuning for users at cut-offs: a network with its loss, and the batches it learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cartpath.features import EncodedLog, gather, length_batches, shared_windows
from cartpath.models.behaviour import BehaviourModel
from cartpath.models.cutoff.asked import AskedAbout
from cartpath.models.cutoff.head import CutoffHead, amount, asked_vectors
from cartpath.training.stream import Part

Floats = npt.NDArray[np.float32]
#: Padded events of a batch: at most, at least, and batches that an epoch of little data has all the same.
_MOST_TOKENS, _LEAST_TOKENS, _BATCHES = 4096, 256, 40


class CutoffNetwork(nn.Module):
    """A behaviour model, its head for users at cut-offs, and their loss.

    Parameters
    ----------
    model : BehaviourModel
    head : CutoffHead
    spread : float
        Standard deviation of amounts on ``LogScale`` in training, so that the two parts of their loss weigh alike.
    """

    def __init__(self, model: BehaviourModel, head: CutoffHead, spread: float = 1.0) -> None:
        super().__init__()
        self.model, self.head, self.spread = model, head, spread

    def forward(
        self,
        ids: Tensor,
        seconds: Tensor,
        session: Tensor,
        at: Tensor,
        standing: Tensor,
        target: Tensor,
        weight: Tensor,
        scale: Tensor,
        asked: Tensor | None = None,
        text: Tensor | None = None,
    ) -> dict[str, Any]:
        """Return the loss of a part of a batch: the weighted sum over its questions, over what a batch has on average.

        Batches are of paths of about one length, so those of long paths ask little: were each batch's loss its mean, a
        question to a user of a hundred events would weigh a hundred times that to a user of one.

        Parameters
        ----------
        ids, seconds, session : tensors
            As ``BehaviourModel.forward`` takes them.
        at : int64 tensor (q, 2)
            Of each question the path, and the place in it of the last event before the cut-off.
        standing : float tensor (q, columns)
        target, weight : float tensor (q,)
            Label, or amount on ``LogScale``; and how much the question weighs.
        scale : float tensor (2,)
            Sum of the weights of a batch of the epoch, on average; and the parts that the batch is cut into.
        asked, text : tensors (q, ...), optional
            ``AskedAbout``.
        """
        hidden = self.model(ids, seconds, session)[at[:, 0], at[:, 1]]
        vectors = None if asked is None else asked_vectors(self.model, asked, text)
        losses = self.losses(self.head(hidden, standing, vectors), target)
        return {"loss": (losses * weight).sum() / scale[0].clamp(min=1) * scale[1]}

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each question (q,).

        Of a label it is the binary cross-entropy. Of an amount it is the squared error of ``amount`` on ``LogScale``,
        over the variance, and the cross-entropy of whether anything is spent, so that the parts mean what they say.
        """
        if outputs.shape[1] == 1:
            return F.binary_cross_entropy_with_logits(outputs[:, 0], target, reduction="none")
        error = (amount(outputs) - target) / self.spread
        spends = F.binary_cross_entropy_with_logits(outputs[:, 0], (target > 0).to(target.dtype), reduction="none")
        return error**2 + spends


@dataclass(frozen=True)
class Questions:
    """What a network is asked and what the answers are: one row a question.

    Attributes
    ----------
    ends : int64 array (n,)
    standing : float32 array (n, columns)
    target, weight : float32 array (n,)
    asked : AskedAbout, optional
    """

    ends: npt.NDArray[np.int64]
    standing: Floats
    target: Floats
    weight: Floats
    asked: AskedAbout | None = None


class CutoffSource:
    """Batches of windows of paths, each with all the questions that it answers: cut-offs of a user share a pass.

    Parameters
    ----------
    encoded : EncodedLog
    questions : Questions
    window : int
        Events of a window: each question has the history that it has when it is scored (``shared_windows``).
    seed : int
    """

    def __init__(self, encoded: EncodedLog, questions: Questions, window: int, seed: int) -> None:
        self._encoded, self._questions, self._seed = encoded, questions, seed
        self._windows = shared_windows(encoded.log.view.offsets, questions.ends, window)
        self._lengths = self._windows.ends - self._windows.starts
        self._order = np.argsort(self._windows.window, kind="stable")
        windows = np.arange(len(self._lengths) + 1)
        self._bounds = np.searchsorted(self._windows.window[self._order], windows)
        self._tokens = int(np.clip(self.size // _BATCHES, _LEAST_TOKENS, _MOST_TOKENS))
        self._mixed: tuple[int, list[npt.NDArray[np.int64]]] = (-1, [])

    @property
    def size(self) -> int:
        """Events of all windows."""
        return int(self._lengths.sum())

    def batches(self, epoch: int) -> int:
        """Return how many batches an epoch has."""
        return len(self._rows(epoch))

    def part(self, epoch: int, batch: int, part: int, parts: int) -> Part:
        """Return one of some parts of a batch."""
        rows = self._rows(epoch)[batch]
        total = float(self._questions.weight.sum()) / self.batches(epoch)
        # A batch of fewer windows than parts: work on one, ask nothing.
        mine = rows[part::parts] if part < len(rows) else rows[:1]
        inputs = self._inputs(mine, asks=part < len(rows))
        inputs["scale"] = torch.tensor([total, parts], dtype=torch.float32)
        lengths = self._lengths[rows]
        return Part(inputs, int(lengths.sum()), len(rows) * int(lengths.max()))

    def _inputs(self, windows: npt.NDArray[np.int64], asks: bool) -> dict[str, Tensor]:
        said = self._questions
        batch = gather(self._encoded, self._windows.starts[windows], self._windows.ends[windows])
        asked, path = self._of(windows) if asks else (np.empty(0, np.int64), np.empty(0, np.int64))
        place = said.ends[asked] - 1 - self._windows.starts[windows][path]
        arrays: dict[str, npt.NDArray[Any]] = {
            "ids": batch.ids,
            "seconds": batch.seconds,
            "session": batch.session,
            "at": np.column_stack([path, place]),
            "standing": said.standing[asked],
            "target": said.target[asked],
            "weight": said.weight[asked],
        }
        if said.asked is not None:
            arrays |= {"asked": said.asked.ids[asked], "text": said.asked.text[asked]}
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    def _of(self, windows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the questions of some windows, and which of these each is of."""
        found = [self._order[self._bounds[window] : self._bounds[window + 1]] for window in windows]
        return np.concatenate(found), np.repeat(np.arange(len(windows)), [len(part) for part in found])

    def _rows(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        if self._mixed[0] != epoch:
            rng = np.random.default_rng([self._seed, epoch])
            self._mixed = (epoch, list(length_batches(self._lengths, self._tokens, rng)))
        return self._mixed[1]
