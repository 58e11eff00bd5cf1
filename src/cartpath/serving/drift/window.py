"""Counts of the last hours in bounded memory: slots in a ring, and their sum."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from cartpath.serving.drift.reference import Counts


class Window:
    """A sliding window of counts, which moves on a slot at a time.

    Adding costs one addition a bin, leaving a slot another; memory is ``slots * bins`` numbers, however much is added.

    Parameters
    ----------
    bins : int
    seconds : float
        Length of the window. The newest slot is only begun, so between ``seconds - seconds / slots`` and ``seconds``
        are looked at.
    slots : int
    clock : callable
        Seconds that never go back.

    Examples
    --------
    >>> now = 0.0
    >>> window = Window(2, seconds=20, slots=2, clock=lambda: now)
    >>> window.add([1, 5])
    >>> now = 10.0
    >>> window.add([2, 0])
    >>> window.counts().tolist(), window.is_whole
    ([3, 5], False)
    >>> now = 20.0
    >>> window.counts().tolist(), window.is_whole
    ([2, 0], True)
    """

    def __init__(
        self, bins: int, seconds: float = 86_400, slots: int = 24, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._length = clock, seconds / slots
        self._ring = np.zeros((slots, bins), np.int64)
        self._sum = np.zeros(bins, np.int64)
        self._begun = self._at = self._slot()

    def add(self, counts: Counts | list[int]) -> None:
        """Add counts (n_bins,) to now."""
        self._move()
        given = np.asarray(counts, np.int64)
        self._ring[self._at % len(self._ring)] += given
        self._sum += given

    def counts(self) -> Counts:
        """Return the counts of the window (n_bins,)."""
        self._move()
        return self._sum.copy()

    @property
    def is_whole(self) -> bool:
        """Whether it was filled for its whole length."""
        return self._slot() - self._begun >= len(self._ring)

    def _slot(self) -> int:
        return int(self._clock() // self._length)

    def _move(self) -> None:
        now, slots = self._slot(), len(self._ring)
        for slot in range(max(self._at + 1, now - slots + 1), now + 1):
            self._sum -= self._ring[slot % slots]
            self._ring[slot % slots] = 0
        self._at = max(self._at, now)
