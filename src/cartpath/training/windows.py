"""Windows of paths as the inputs of pretraining: for training from the sampler's pools, for validation once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cartpath.features import EncodedLog, PathEncoder, encode, gather, length_batches, lookups, window_starts
from cartpath.schema import MICROSECONDS
from cartpath.training.corpus import Block, Corpus
from cartpath.training.objective import Pretraining
from cartpath.training.processes import processes, rank
from cartpath.training.sampler import Pool, Sampler
from cartpath.training.stream import Part
from cartpath.training.targets import NONE, Targets, targets_before

Index = npt.NDArray[np.int64]
_SUMS = ("types", "items", "items_timed", "gaps", "n_types", "n_items", "n_gaps", "right")
#: Padded places of the windows that are judged at most, and their scores of all items.
MOST_JUDGED, MOST_SCORES = 65_536, 2**32
#: Arguments of the network to the targets they are of.
_ASKED = {"next_type": "next_type", "next_item": "next_item", "different": "next_different"}
_TIMES = {"next": "next_at", "different": "different_at"}


@dataclass(frozen=True)
class _Held:
    """Blocks in memory, encoded."""

    blocks: tuple[Block, ...]
    encoded: EncodedLog
    targets: Targets
    starts: Index
    ends: Index
    #: Types asked for before each event (n_events + 1,).
    asked: Index


class PathSource:
    """Batches of pretraining, straight from the path table.

    Parameters
    ----------
    sampler : Sampler
    encoder : PathEncoder
    """

    def __init__(self, sampler: Sampler, encoder: PathEncoder) -> None:
        self.sampler, self.encoder = sampler, encoder
        self._ids = lookups(sampler.corpus.log([]), encoder)
        self._held: _Held | None = None
        self._pool: tuple[int, int, Pool] | None = None

    def batches(self, epoch: int) -> int:
        """Return how many batches an epoch has."""
        return sum(self.sampler.batches_of(epoch))

    def part(self, epoch: int, batch: int, part: int, parts: int) -> Part:
        """Return one of some parts of a batch."""
        ends = np.cumsum(self.sampler.batches_of(epoch))
        number = int(np.searchsorted(ends, batch, side="right"))
        pool = self._mixed(epoch, number)
        rows = pool.batches[batch - int(ends[number]) + len(pool.batches)]
        held = self._read(pool.blocks)
        starts, stops = held.starts[rows], held.ends[rows]
        lengths = stops - starts
        counts = [int((held.asked[stops] - held.asked[starts]).sum()), int(lengths.sum()), parts]
        mine = slice(part, None, parts)
        inputs = _inputs(held.encoded, held.targets, starts[mine], stops[mine], counts)
        if part >= len(rows):
            # A batch of fewer windows than parts: work on one, ask nothing.
            inputs = _inputs(held.encoded, held.targets, starts[:1], stops[:1], counts)
            inputs |= {name: torch.full_like(inputs[name], NONE) for name in _ASKED}
            inputs["next_gap"] = torch.full_like(inputs["next_gap"], -1)
        return Part(inputs, counts[1], len(rows) * int(lengths.max()))

    def _mixed(self, epoch: int, number: int) -> Pool:
        if self._pool is None or self._pool[:2] != (epoch, number):
            self._pool = (epoch, number, self.sampler.pool(epoch, number))
        return self._pool[2]

    def _read(self, blocks: tuple[Block, ...]) -> _Held:
        if self._held is None or self._held.blocks != blocks:
            # Dropped before the next is made, so that two are never held.
            self._held = None
            corpus = self.sampler.corpus
            encoded = encode(corpus.log(blocks), self.encoder, self._ids)
            targets = targets_before(encoded, corpus.until)
            asked = np.concatenate([[0], np.cumsum(targets.next_type != NONE)])
            self._held = _Held(blocks, encoded, targets, *self.sampler.windows(blocks), asked)
        return self._held


def _inputs(encoded: EncodedLog, targets: Targets, starts: Index, ends: Index, counts: list[int]) -> dict[str, Tensor]:
    if not len(starts):
        return {}
    batch, ts = gather(encoded, starts, ends), encoded.log.view.ts
    found = {
        "ids": batch.ids,
        "seconds": batch.seconds,
        "session": batch.session,
        "counts": np.array(counts, np.float32),
    }
    there = batch.rows >= 0
    for name, field in _ASKED.items():
        found[name] = np.where(there, getattr(targets, field)[batch.rows], NONE)
    for name, field in _TIMES.items():
        at = np.where(there, getattr(targets, field)[batch.rows], -1)
        found[f"{name}_when"] = np.where(at >= 0, ts[at] // MICROSECONDS, 0)
        found[f"{name}_gap"] = np.where(at >= 0, (ts[at] - ts[batch.rows]) / MICROSECONDS, -1).astype(np.float32)
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in found.items()}


def held_out(corpus: Corpus, since: int, encoder: PathEncoder, window: int, tokens: int) -> list[dict[str, Tensor]]:
    """Return the questions of a validation slice, with the paths that lead up to them.

    Asked is what training until ``since`` was not: what comes next is in the slice. Of each user the latest window is
    judged, of a large store or many items some users.

    Parameters
    ----------
    corpus : Corpus
        Until the end of the slice.
    since : int
        Where it begins, microseconds since 1970 UTC.
    encoder : PathEncoder
    window, tokens : int
        Events of a window, padded events of a batch.
    """
    found: list[dict[str, Tensor]] = []
    places, ids, rng = 0, lookups(corpus.log([]), encoder), np.random.default_rng(0)
    most = max(min(MOST_JUDGED, MOST_SCORES // encoder.items.size), window)
    for number in rng.permutation(len(corpus.blocks)):
        encoded = encode(corpus.log([corpus.blocks[number]]), encoder, ids)
        targets = _later(targets_before(encoded, corpus.until), targets_before(encoded, since))
        offsets = encoded.log.view.offsets
        asked = np.concatenate([[0], np.cumsum(targets.next_type != NONE)])
        users = np.flatnonzero(np.diff(asked[offsets]))
        ends = offsets[users + 1]
        starts = window_starts(offsets, users, ends, window)
        drawn = rng.permutation(len(users))
        drawn = np.sort(drawn[np.cumsum((ends - starts)[drawn]) <= most - places])
        starts, ends = starts[drawn], ends[drawn]
        for rows in length_batches(ends - starts, tokens):
            found.append(_inputs(encoded, targets, starts[rows], ends[rows], [1, 1, 1]))
            places += found[-1]["seconds"].numel()
        if places >= most or len(drawn) < len(users):
            break
    return found


def answer_shares(corpus: Corpus, encoder: PathEncoder) -> Tensor:
    """Return the share of a period's questions about items that each id is the answer of (n_items,)."""
    counts, ids = np.zeros(encoder.items.size, np.int64), lookups(corpus.log([]), encoder)
    for block in corpus.blocks:
        targets = targets_before(encode(corpus.log([block]), encoder, ids), corpus.until)
        for answers in (targets.next_item, targets.next_different):
            counts += np.bincount(answers[answers != NONE], minlength=len(counts))
    return torch.from_numpy(counts / max(counts.sum(), 1)).float()


def _later(whole: Targets, known: Targets) -> Targets:
    """Return the targets that were none at the earlier moment."""
    kept: dict[str, Index] = {}
    for fields in (_ASKED, _TIMES):
        for name in fields.values():
            none = NONE if fields is _ASKED else -1
            kept[name] = np.where(getattr(known, name) == none, getattr(whole, name), none).astype(np.int64)
    return Targets(**kept)


def judge_of(network: Pretraining, questions: list[dict[str, Tensor]]) -> Callable[[], dict[str, float]]:
    """Return a function that says how well a network does on held-out questions.

    It returns ``loss`` (the sum of the next two), ``type_loss``, ``item_loss`` (mean of each question), the latter
    where the time of the answer is told too (``item_loss_timed``), ``gap_loss`` of the time itself, ``type_accuracy``
    and ``questions``. With several processes each works on its share.
    """

    def judge() -> dict[str, float]:
        network.eval()
        device = next(network.parameters()).device
        sums = torch.zeros(len(_SUMS), dtype=torch.float64, device=device)
        with torch.inference_mode():
            for inputs in questions[rank() :: processes()]:
                out = network(**{name: value.to(device) for name, value in inputs.items()})
                sums += torch.stack([out[name].double() for name in _SUMS])
        return _figures(_over_processes(sums).tolist())

    return judge


def _over_processes(sums: Tensor) -> Tensor:
    if processes() > 1:
        torch.distributed.all_reduce(sums)
    return sums


def _figures(sums: list[float]) -> dict[str, float]:
    types, items, timed, gaps, n_types, n_items, n_gaps, right = sums
    by_type, by_item = types / max(n_types, 1), items / max(n_items, 1)
    return {
        "loss": by_type + by_item,
        "type_loss": by_type,
        "item_loss": by_item,
        "item_loss_timed": timed / max(n_items, 1),
        "gap_loss": gaps / max(n_gaps, 1),
        "type_accuracy": right / max(n_types, 1),
        "questions": n_types + n_items,
    }
