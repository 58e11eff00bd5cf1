"""All batches of a training, one after another, each cut into the parts that processes and accumulation need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from cartpath.training.plan import State


@dataclass(frozen=True)
class Part:
    """What one process works on at once.

    Attributes
    ----------
    inputs : dict of str to Tensor
        Arguments of the network.
    events, places : int
        Of the whole batch: events, and places with the padding.
    """

    inputs: dict[str, Tensor]
    events: int
    places: int


class Source(Protocol):
    """Where batches come from: any batch of any epoch, the same each time."""

    def batches(self, epoch: int) -> int:
        """Return how many batches an epoch has."""

    def part(self, epoch: int, batch: int, part: int, parts: int) -> Part:
        """Return one of some parts of a batch; the mean of the parts' losses is the loss of the batch."""


class Stream:
    """The batches from where a training is; iterating moves its state on, to the next epoch whoever uses it does.

    Parameters
    ----------
    source : Source
    state : State
    epochs : int
    accumulate, rank, processes : int
        A batch is cut into ``accumulate * processes`` parts, of which this process takes ``accumulate``.
    """

    def __init__(
        self, source: Source, state: State, epochs: int, accumulate: int = 1, rank: int = 0, processes: int = 1
    ) -> None:
        self.source, self.state, self.epochs = source, state, epochs
        self._accumulate, self._rank, self._processes = accumulate, rank, processes

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        state, parts = self.state, self._accumulate * self._processes
        while not self.is_over:
            for part in range(self._rank, parts, self._processes):
                found = self.source.part(state.epoch, state.batch, part, parts)
                if part + self._processes >= parts:
                    state.batch += 1
                    state.events, state.places = state.events + found.events, state.places + found.places
                yield found.inputs

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to train on."""
        return self.state.over or self.state.epoch >= self.epochs or not self.source.batches(self.state.epoch)

    @property
    def ends_epoch(self) -> bool:
        """Whether the batch taken last was the last of its epoch."""
        return self.state.batch >= self.source.batches(self.state.epoch)

    @property
    def done(self) -> float:
        """Share of the epochs that is done."""
        if self.is_over:
            return 1.0
        return (self.state.epoch + self.state.batch / self.source.batches(self.state.epoch)) / self.epochs
