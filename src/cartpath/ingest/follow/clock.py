"""The clock of the follower."""

from __future__ import annotations

import time


def now() -> float:
    """Return seconds on a clock that never goes back."""
    return time.monotonic()
