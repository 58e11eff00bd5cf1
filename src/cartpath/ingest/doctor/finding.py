"""One thing that ``doctor`` looked at, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Worst first.
LEVELS = ("error", "warning", "note", "ok")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    check : str
        Its stable name.
    level : {"ok", "note", "warning", "error"}
    title : str
        What was found, in a line.
    n, of : int
        How many, out of how many ``unit``.
    unit : str
    meaning : str
        What it means for later steps.
    detail : dict
        Further counts, as JSON has them.
    """

    check: str
    level: str
    title: str
    n: int
    of: int
    unit: str
    meaning: str
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """``n / of``; None where there is nothing to be part of."""
        return self.n / self.of if self.of else None

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON has it."""
        return {**vars(self), "share": self.share}


def level_of(n: int, of: int, warn_from: float) -> str:
    """Return ``ok`` where there is none, ``warning`` from a share on, else ``note``.

    Examples
    --------
    >>> level_of(0, 10, 0.2), level_of(1, 10, 0.2), level_of(2, 10, 0.2)
    ('ok', 'note', 'warning')
    """
    if not n:
        return "ok"
    return "warning" if n >= warn_from * of else "note"
