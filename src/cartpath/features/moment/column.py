"""What a column of the features of a moment is, in which unit, and what it tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

#: Units that only mean something where events have times.
TIMES: tuple[str, ...] = ("seconds", "days", "hours", "steps a minute", "turns")


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    name : str
    unit : str
        Of its values: ``events``, ``seconds``, ``money`` (of the log), ``share`` (0 to 1), ``ratio``, ``id`` …
    about : str
        What it tells, and when it is unknown (NaN).
    timed : bool
        Says something about time; left out where the log's order is known and its times are not.
    """

    name: str
    unit: str
    about: str
    timed: bool = False

    @property
    def categorical(self) -> bool:
        """Whether values are ids of a vocabulary of the encoder rather than amounts; 0 is absent."""
        return self.unit == "id"

    @property
    def of_time(self) -> bool:
        """Whether it needs times."""
        return self.timed or self.unit in TIMES


#: A group of columns, each with its values (n,).
Described = Iterator[tuple[Column, npt.NDArray[Any]]]
