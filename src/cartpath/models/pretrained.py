"""A behaviour model with the encoder it was trained with: what is saved, loaded and scored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cartpath.features import (
    EncodedLog,
    Log,
    Lookups,
    PathEncoder,
    encode,
    gather,
    length_batches,
    lookups,
    window_starts,
)
from cartpath.features.catalogue import CONTENT
from cartpath.models.artefact import read_json, write_json
from cartpath.models.extra import need
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from torch import Tensor

    from cartpath.models.behaviour import BehaviourModel

_ENCODER = "encoder.json"
#: Padded events a batch holds when scoring.
SCORE_TOKENS = 8192
#: Vocabularies whose values are no codes of a log.
NOT_CODED = frozenset({"section", *CONTENT})
Index = npt.NDArray[np.int64]


@dataclass
class Pretrained:
    """A network and the encoder of its input.

    Attributes
    ----------
    model : BehaviourModel
    encoder : PathEncoder
    """

    model: BehaviourModel
    encoder: PathEncoder
    _latest: tuple[PathEncoder, EncodedLog] | None = field(default=None, init=False, repr=False, compare=False)
    _ids: tuple[object, int, Lookups] | None = field(default=None, init=False, repr=False, compare=False)

    def encoded(self, log: Log) -> EncodedLog:
        """Return a log's ids; those of the latest log are kept, since it is asked about a batch of users at a time.

        Parameters
        ----------
        log : Log
            Compared by identity: its arrays must not change.
        """
        latest = self._latest
        if latest is None or latest[0] is not self.encoder or latest[1].log is not log:
            # Dropped before the next is made, so that two large logs are never held.
            self._latest = None
            latest = self._latest = (self.encoder, encode(log, self.encoder, self.lookups(log)))
        return latest[1]

    def lookups(self, log: Log) -> Lookups:
        """Return the ids of a log's codes; those of the latest codes are kept: many paths of one shop share them."""
        known = self._ids
        # Dictionaries of a shop only grow, so the same ones with as many texts are the same.
        size = sum(len(log.codes(name)) for name in self.encoder.vocabularies if name not in NOT_CODED)
        if known is None or known[0] is not log.codes or known[1] != size:
            known = self._ids = (log.codes, size, lookups(log, self.encoder))
        return known[2]

    def save(self, folder: Path) -> None:
        """Write configuration, weights and encoder into a folder."""
        need("transformers").utils.logging.disable_progress_bar()
        self.model.save_pretrained(folder)
        write_json(folder / _ENCODER, self.encoder.to_dict())

    @classmethod
    def load(cls, folder: Path) -> Pretrained:
        """Read what ``save`` wrote."""
        need("torch")
        need("transformers").utils.logging.disable_progress_bar()
        from cartpath.models.behaviour import BehaviourModel

        raw = read_json(folder / _ENCODER)
        if raw is None:
            raise CartpathError(f"{folder} holds no behaviour model (no {_ENCODER})", "train it again")
        try:
            model = BehaviourModel.from_pretrained(folder)
        except (OSError, json.JSONDecodeError, RuntimeError) as error:
            raise CartpathError(f"{folder} is damaged: {error}", "train the model again") from error
        for weight in model.parameters():
            # Out of the mapped file into aligned memory: sums come out the same, to the bit, as before saving.
            weight.data = weight.data.clone()
        return cls(model.train(False), PathEncoder.from_dict(raw))

    def last_hidden(self, log: Log, ends: Index) -> Tensor:
        """Return what the network knows before each end (n, hidden).

        Parameters
        ----------
        log : Log
        ends : int64 array (n,)
            Places in the path, each after at least one event of its user. Only the last ``window`` events
            before an end are read, and nothing from it on.
        """
        import torch

        encoded = self.encoded(log)
        out = torch.zeros(len(ends), self.model.config.hidden)
        with torch.inference_mode():
            for rows, hidden in self._batches(encoded, ends):
                out[rows] = hidden
        return out

    def _batches(self, encoded: EncodedLog, ends: Index) -> Iterator[tuple[Tensor, Tensor]]:
        import torch

        self.model.train(False)
        offsets = encoded.log.view.offsets
        users = np.searchsorted(offsets, ends - 1, side="right") - 1
        starts = window_starts(offsets, users, ends, self.model.config.window)
        for rows in length_batches(ends - starts, SCORE_TOKENS):
            batch = gather(encoded, starts[rows], ends[rows])
            inputs = (torch.from_numpy(array) for array in (batch.ids, batch.seconds, batch.session))
            hidden = self.model(*inputs)
            picked = torch.from_numpy(rows)
            yield picked, hidden[torch.arange(len(rows)), torch.from_numpy(batch.last)]
