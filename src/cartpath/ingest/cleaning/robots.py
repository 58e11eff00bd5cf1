"""Which users behave like machines: the rule of ``doctor``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.ingest.doctor.kernels import rhythm
from cartpath.ingest.doctor.scan import FAST, REGULAR
from cartpath.store.run import Run


def robots(run: Run) -> npt.NDArray[np.bool_]:
    """Mark the users (n_users,) of a run whose pauses keep a beat, or whose steps come faster than a hand can."""
    _, spread, peak = rhythm(run.offsets, run.array("ts"), run.array("step"), run.array("session"))
    marked: npt.NDArray[np.bool_] = (spread <= REGULAR) | (peak >= FAST)
    return marked
