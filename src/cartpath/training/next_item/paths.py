"""Paths as batches for learning the next item: windows of like length, and what is asked at each place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cartpath.features import EncodedLog, Log, chunks, gather, length_batches, only, user_of_event
from cartpath.features.vocabulary import UNKNOWN
from cartpath.schema import MICROSECONDS
from cartpath.tasks import NextItemSplit, asked
from cartpath.training.stream import Part

Index = npt.NDArray[np.int64]


def known_log(split: NextItemSplit) -> Log:
    """Return the log with the events that may be learned from alone."""
    return replace(split.log, view=only(split.log.view, split.train_places()))


@dataclass(frozen=True)
class NextItems:
    """What is asked at each event (n_events,): the item of the next step, if that is one that is asked for.

    Attributes
    ----------
    item : int64
        Its id; 0 where nothing is asked.
    place : int64
        The event it is of; the event itself where nothing is asked.
    """

    item: Index
    place: Index


def next_items(encoded: EncodedLog, events: tuple[str, ...] | None = None) -> NextItems:
    """Find what is asked at each event of a log.

    The question is that of the protocols: after the last event of a step, which item is the next step about? A step of
    several items asks for its first.

    Parameters
    ----------
    encoded : EncodedLog
    events : tuple of str, optional
        Events whose items are asked for; as for ``tasks.asked``.
    """
    view = encoded.log.view
    item, place = np.zeros(view.n_events, np.int64), np.arange(view.n_events)
    targets = np.flatnonzero(asked(encoded.log, events) & (encoded.item_id > UNKNOWN))
    starts = np.where(view.step == 1, np.arange(view.n_events), 0)
    firsts = view.offsets[:-1][np.diff(view.offsets) > 0]
    starts[firsts] = firsts
    starts = np.maximum.accumulate(starts)[targets]
    users = user_of_event(view)[targets]
    # Backwards, so that the first of a step is what stays.
    there = np.flatnonzero(starts > view.offsets[users])[::-1]
    item[starts[there] - 1] = encoded.item_id[targets[there]]
    place[starts[there] - 1] = targets[there]
    return NextItems(item, place)


class PathBatches:
    """Batches of a log in memory, as ``training.fit`` takes them.

    Parameters
    ----------
    encoded : EncodedLog
        Of ``known_log``.
    targets : NextItems
    window, tokens : int
        Events of a window; padded events of a batch.
    seed : int
    negatives : int
        The number of item ids to draw one from beside each true item, that is not on the user's path; 0 for none.
    """

    def __init__(
        self, encoded: EncodedLog, targets: NextItems, window: int, tokens: int, seed: int, negatives: int = 0
    ) -> None:
        self.encoded, self.targets, self.tokens, self.seed = encoded, targets, tokens, seed
        view = encoded.log.view
        starts, ends = chunks(view.offsets, _last_asked(view.offsets, targets), window)
        questions = np.concatenate([[0], np.cumsum(targets.item > 0)])
        useful = questions[ends] > questions[starts]
        self.starts, self.ends, self.questions = starts[useful], ends[useful], questions
        self.negatives = negatives
        self._seen = np.unique(user_of_event(view).astype(np.int64) * max(negatives, 1) + encoded.item_id)
        self._epoch: tuple[int, list[Index]] | None = None

    def batches(self, epoch: int) -> int:
        """Return how many batches an epoch has."""
        return len(self._batches(epoch))

    def part(self, epoch: int, batch: int, part: int, parts: int) -> Part:
        """Return one of some parts of a batch."""
        rows = self._batches(epoch)[batch]
        lengths = self.ends[rows] - self.starts[rows]
        count = float((self.questions[self.ends[rows]] - self.questions[self.starts[rows]]).sum()) / parts
        # A batch of fewer windows than parts: work on one, ask nothing.
        mine = rows[part::parts] if part < len(rows) else rows[:1]
        inputs = self._inputs(mine, np.random.default_rng([self.seed, epoch, batch, part]))
        if part >= len(rows):
            inputs["truth"] = torch.zeros_like(inputs["truth"])
        return Part(inputs | {"count": torch.tensor(count)}, int(lengths.sum()), len(rows) * int(lengths.max()))

    def _batches(self, epoch: int) -> list[Index]:
        if self._epoch is None or self._epoch[0] != epoch:
            rng = np.random.default_rng([self.seed, epoch])
            self._epoch = (epoch, list(length_batches(self.ends - self.starts, self.tokens, rng)))
        return self._epoch[1]

    def _inputs(self, rows: Index, rng: np.random.Generator) -> dict[str, Tensor]:
        log = self.encoded.log
        batch = gather(self.encoded, self.starts[rows], self.ends[rows])
        there = batch.rows >= 0
        truth = np.where(there, self.targets.item[batch.rows], 0)
        found = {"ids": batch.ids, "seconds": batch.seconds, "session": batch.session, "truth": truth}
        if log.timed:
            when = log.view.ts[self.targets.place[batch.rows]]
            found["gap"] = np.where(there, (when - log.view.ts[batch.rows]) / MICROSECONDS, 0.0)
            found["when"] = when // MICROSECONDS
        if self.negatives:
            found["negatives"] = self._beside(batch.rows, there, rng)
        return {name: torch.from_numpy(values) for name, values in found.items()}

    def _beside(self, rows: Index, there: npt.NDArray[np.bool_], rng: np.random.Generator) -> Index:
        """Draw an item for each place that is not on its user's path; after a few tries any item will do."""
        view = self.encoded.log.view
        user = np.searchsorted(view.offsets, np.where(there, rows, 0), side="right") - 1
        drawn = rng.integers(2, self.negatives, rows.shape)
        for _ in range(8):
            again = np.isin(user * self.negatives + drawn, self._seen)
            if not again.any():
                break
            drawn[again] = rng.integers(2, self.negatives, int(again.sum()))
        return drawn


def _last_asked(offsets: Index, targets: NextItems) -> Index:
    """Return the place after the last question of each user (n_users,): what follows it teaches nothing."""
    ends = offsets[:-1].copy()
    places = np.flatnonzero(targets.item)
    users = np.searchsorted(offsets, places, side="right") - 1
    np.maximum.at(ends, users, places + 1)
    return ends
