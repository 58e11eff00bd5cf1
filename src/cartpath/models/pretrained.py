"""A behaviour model with the encoder it was trained with: what is saved, loaded and scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath.features import (
    EncodedLog,
    ItemWords,
    Log,
    Lookups,
    PathEncoder,
    encode,
    gather,
    grown_lookups,
    length_batches,
    lookups,
    shared_windows,
    window_starts,
    words_of_items,
)
from cartpath.features.vocabulary import UNKNOWN
from cartpath.models.artefact import read_json, write_json
from cartpath.models.extra import need
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from torch import Tensor

    from cartpath.models.behaviour import BehaviourModel

_ENCODER, _WORDS = "encoder.json", "words.npz"
#: Items whose words are held at once: they take several times the room of their vectors.
_AT_ONCE = 20_000
#: Padded events a batch holds when scoring.
SCORE_TOKENS = 8192
Index = npt.NDArray[np.int64]


@dataclass
class Pretrained:
    """A network and the encoder of its input.

    Attributes
    ----------
    model : BehaviourModel
    encoder : PathEncoder
    words : ItemWords, optional
        Where the network knows titles and attributes; then an item never trained on has a vector by its words.
    """

    model: BehaviourModel
    encoder: PathEncoder
    words: ItemWords | None = None
    _latest: tuple[PathEncoder, EncodedLog] | None = field(default=None, init=False, repr=False, compare=False)
    _ids: tuple[object, Lookups] | None = field(default=None, init=False, repr=False, compare=False)
    _texts: tuple[object, object, npt.NDArray[np.float32]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

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
        held = self._ids
        if held is None or held[0] != log.codes:
            known = lookups(log, self.encoder)
        else:
            # Dictionaries of a shop only grow: what live paths add to them is looked up alone.
            known = grown_lookups(held[1], log, self.encoder)
        self._ids = (log.codes, known)
        return known

    def texts(self, log: Log) -> npt.NDArray[np.float32]:
        """Return the text vector of each item code of a log (n_codes + 1, n_text); the last, zeros, is no item.

        Items that were trained on have the vector of then, others that of their words in the log's catalogue.
        """
        item, held = self.lookups(log).text["item"], self._texts
        if held is None or held[0] != log.codes or held[1] is not log.items or len(held[2]) > len(item):
            found = self._texts_from(log, item, 0)
        elif len(held[2]) < len(item):
            first = len(held[2]) - 1
            found = np.concatenate([held[2][:first], self._texts_from(log, item, first)])
        else:
            return held[2]
        self._texts = (log.codes, log.items, found)
        return found

    def _texts_from(self, log: Log, item: npt.NDArray[np.int32], first: int) -> npt.NDArray[np.float32]:
        """Return the text vectors of the item codes from one on, and of no item."""
        found: npt.NDArray[np.float32] = self.model.text.numpy()[item[first:]]
        new = first + np.flatnonzero(item[first:-1] == UNKNOWN)
        if self.words is not None:
            for part in (new[start : start + _AT_ONCE] for start in range(0, len(new), _AT_ONCE)):
                found[part - first] = self.words.vectors(words_of_items(log, part))
        return found

    def text_of(self, log: Log, rows: Index) -> Tensor | None:
        """Return the text vectors of events (..., n_text); None where the network knows no words.

        Parameters
        ----------
        log : Log
        rows : int64 array (...)
            Places of events; -1 is none.
        """
        import torch

        if self.words is None:
            return None
        return torch.from_numpy(self.texts(log)[np.where(rows >= 0, log.view.item[rows], -1)])

    def save(self, folder: Path) -> None:
        """Write configuration, weights, encoder and words into a folder."""
        need("transformers").utils.logging.disable_progress_bar()
        self.model.save_pretrained(folder)
        write_json(folder / _ENCODER, self.encoder.to_dict())
        (folder / _WORDS).unlink(missing_ok=True)
        if self.words is not None:
            arrays: dict[str, Any] = self.words.to_arrays()
            np.savez(folder / _WORDS, **arrays)

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
        except Exception as error:
            # Transformers and safetensors have many ways to say that a file is not what was written.
            raise CartpathError(f"{folder} is damaged: {error}", "train the model again") from error
        for weight in model.parameters():
            # Out of the mapped file into aligned memory: sums come out the same, to the bit, as before saving.
            weight.data = weight.data.clone()
        try:
            return cls(model.train(False), PathEncoder.from_dict(raw), _words(folder, model.config.n_text > 0))
        except Exception as error:
            raise CartpathError(f"{folder} is damaged: {error!r}", "train the model again") from error

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

    def hidden_at(self, log: Log, ends: Index) -> Tensor:
        """Return what the network knows before each end (n, hidden), one pass for many places of a path.

        As ``last_hidden``, but of half a window to a whole one of history; see ``features.shared_windows``.
        """
        import torch

        encoded = self.encoded(log)
        out = torch.zeros(len(ends), self.model.config.hidden)
        windows = shared_windows(log.view.offsets, ends, self.model.config.window)
        order = np.argsort(windows.window, kind="stable")
        bounds = np.searchsorted(windows.window[order], np.arange(len(windows.starts) + 1))
        with torch.inference_mode():
            if self.model.training:
                self.model.train(False)
            for rows in length_batches(windows.ends - windows.starts, SCORE_TOKENS):
                batch = gather(encoded, windows.starts[rows], windows.ends[rows])
                inputs = (torch.from_numpy(array) for array in (batch.ids, batch.seconds, batch.session))
                hidden = self.model(*inputs, text=self.text_of(log, batch.rows))
                asked = np.concatenate([order[bounds[row] : bounds[row + 1]] for row in rows])
                at = np.repeat(np.arange(len(rows)), np.diff(bounds)[rows])
                place = ends[asked] - 1 - windows.starts[rows][at]
                out[torch.from_numpy(asked)] = hidden[torch.from_numpy(at), torch.from_numpy(place)]
        return out

    def _batches(self, encoded: EncodedLog, ends: Index) -> Iterator[tuple[Tensor, Tensor]]:
        import torch

        if self.model.training:
            self.model.train(False)
        offsets = encoded.log.view.offsets
        users = np.searchsorted(offsets, ends - 1, side="right") - 1
        starts = window_starts(offsets, users, ends, self.model.config.window)
        for rows in length_batches(ends - starts, SCORE_TOKENS):
            batch = gather(encoded, starts[rows], ends[rows])
            inputs = (torch.from_numpy(array) for array in (batch.ids, batch.seconds, batch.session))
            hidden = self.model(*inputs, text=self.text_of(encoded.log, batch.rows))
            picked = torch.from_numpy(rows)
            yield picked, hidden[torch.arange(len(rows)), torch.from_numpy(batch.last)]


def _words(folder: Path, needed: bool) -> ItemWords | None:
    if not needed:
        return None
    # Opened here: NumPy leaves a file open that is not what it should be.
    with open(folder / _WORDS, "rb") as file, np.load(file) as arrays:
        return ItemWords.from_arrays({name: arrays[name] for name in arrays.files})
