"""Rows on disk between the two passes: written user by user, read back slice of time by slice of time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cartpath.simulate.record import RECORD


class TimeSlices:
    """Appends rows to one file a slice of time, and gives each slice back in order of arrival.

    Within a slice the sort is stable and rows come in order of users, so the whole order is the same
    whatever the number of slices and however the users were cut into blocks.

    Parameters
    ----------
    folder : Path
        Where the files go; it must exist.
    start, end : int
        The simulated time, microseconds since 1970 UTC; what arrives later goes to the last slice.
    n : int
        How many slices; memory is bounded by the largest.
    """

    def __init__(self, folder: Path, start: int, end: int, n: int) -> None:
        self._paths = [folder / f"slice-{i:05d}.rows" for i in range(n)]
        self._start = start
        self._width = -(-(end - start) // n)

    def add(self, rows: npt.NDArray[np.void]) -> None:
        """Append rows, which must come in order of their users."""
        last = len(self._paths) - 1
        slices = np.clip((rows["arrival"] - self._start) // self._width, 0, last).astype(np.int16)
        order = np.argsort(slices, kind="stable")
        bounds = np.searchsorted(slices[order], np.arange(last + 2))
        for i, path in enumerate(self._paths):
            if bounds[i] < bounds[i + 1]:
                with path.open("ab") as file:
                    rows[order[bounds[i] : bounds[i + 1]]].tofile(file)

    def read(self) -> Iterator[npt.NDArray[np.void]]:
        """Yield each slice, sorted by arrival, and delete its file."""
        for path in self._paths:
            if path.exists():
                rows = np.fromfile(path, RECORD)
                path.unlink()
                yield rows[np.argsort(rows["arrival"], kind="stable")]


def blocks(parts: Iterator[npt.NDArray[np.void]], size: int) -> Iterator[npt.NDArray[np.void]]:
    """Cut a stream of arrays into blocks of exactly ``size`` rows (the last may be smaller).

    Examples
    --------
    >>> [len(b) for b in blocks(iter([np.zeros(3, RECORD), np.zeros(4, RECORD)]), 5)]
    [5, 2]
    """
    held: list[npt.NDArray[np.void]] = []
    n = 0
    for part in parts:
        at = 0
        while n + len(part) - at >= size:
            taken = part[at : at + size - n]
            at += len(taken)
            yield np.concatenate([*held, taken]) if held else taken
            held, n = [], 0
        if at < len(part):
            held.append(part[at:])
            n += len(part) - at
    if held:
        yield np.concatenate(held)
