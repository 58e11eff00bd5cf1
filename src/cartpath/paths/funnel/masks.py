"""What each event can be: a bit a step, and two bits for exclusions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Counted
from cartpath.paths.matching import Matcher
from cartpath.store import PathView
from cartpath.store.jit import kernel

#: An excluded event: what was begun before it ends with it.
EXCLUDED = 1 << 30

#: Between this event and the one before it in its lane there was an excluded event that concerns every lane.
BROKEN = 1 << 29

#: Steps that a funnel can have.
MOST_STEPS = 28

Masks = npt.NDArray[np.int32]


def masks_of(view: PathView, matcher: Matcher, n_steps: int) -> Masks:
    """Return the mask of each event of a bucket, int32 (n_events,).

    Parameters
    ----------
    view : PathView
    matcher : Matcher
        Of the steps and, as one step more, of what is excluded.
    n_steps : int
    """
    if not matcher.tested:
        return _looked_up(masks_by_event(matcher, n_steps), view.event)
    return _moved(matcher.bits(Counted(view)), n_steps)


@kernel
def _looked_up(lookup: Masks, event: npt.NDArray[np.int32]) -> Masks:
    found = np.empty(len(event), np.int32)
    for i in range(len(event)):
        found[i] = lookup[event[i]]
    return found


def masks_by_event(matcher: Matcher, n_steps: int) -> Masks:
    """Return the mask of each event code, which its name alone decides; the last entry is that of no code."""
    return _moved(matcher.by_event, n_steps)


def _moved(bits: npt.NDArray[Any], n_steps: int) -> Masks:
    """Move the bit of what is excluded, which comes after the steps, to its place."""
    steps = (bits & np.uint64((1 << n_steps) - 1)).astype(np.int32)
    excluded = (bits >> np.uint64(n_steps)).astype(np.bool_)
    return np.where(excluded, steps | np.int32(EXCLUDED), steps)
