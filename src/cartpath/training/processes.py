"""Processes that train together, as ``torchrun`` starts them; no library is read for it."""

from __future__ import annotations

import os


def rank() -> int:
    """Return the number of this process among those that train together; 0 where it is alone."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Tell whether this process is the one that writes and speaks.

    Examples
    --------
    >>> is_first()
    True
    """
    return rank() == 0
