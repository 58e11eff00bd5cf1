"""The sets of users that an expression can name, as it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from cartpath.paths.counting import BEGINNING, FOREVER


@dataclass(frozen=True)
class Period:
    """When something happened: ``since <= ts < until``, microseconds since 1970 UTC; None is open."""

    since: int | None = None
    until: int | None = None

    @property
    def ends(self) -> tuple[int, int]:
        """Both ends as numbers."""
        return BEGINNING if self.since is None else self.since, FOREVER if self.until is None else self.until


class Node:
    """A set of users."""


@dataclass(frozen=True)
class Everyone(Node):
    """Every user of the store."""


@dataclass(frozen=True)
class Named(Node):
    """A segment of ``cartpath.toml``."""

    name: str


@dataclass(frozen=True)
class Did(Node):
    """Users with a number of steps that hold an event of a pattern."""

    pattern: str
    op: str = ">="
    times: int = 1
    period: Period = Period()


@dataclass(frozen=True)
class Has(Node):
    """Users with an event, a session or a record of which a condition holds."""

    condition: str
    period: Period = Period()


@dataclass(frozen=True)
class Reached(Node):
    """Users who came through a funnel, or part of it.

    Attributes
    ----------
    steps : str
    stopped_at : int or None
        Who reached this many steps and not one more; None: who reached all.
    options : tuple of (str, str)
        Of the funnel: ``within``, ``order``, ``hold``, ``exclude``, ``count``.
    period : Period
    """

    steps: str
    stopped_at: int | None = None
    options: tuple[tuple[str, str], ...] = ()
    period: Period = field(default_factory=Period)


@dataclass(frozen=True)
class Cohort(Node):
    """Users whose first event is in a period."""

    period: Period


@dataclass(frozen=True)
class UserFile(Node):
    """Users whose id is in a file."""

    path: str


@dataclass(frozen=True)
class Sample(Node):
    """A share of the users, drawn by a hash of their ids."""

    share: float
    seed: int = 0


@dataclass(frozen=True)
class SetOperation(Node):
    """``!`` of one part, ``-`` of two, ``&`` and ``|`` of several."""

    op: str
    parts: tuple[Node, ...]
