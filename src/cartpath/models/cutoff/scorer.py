"""Models of users at cut-offs behind one interface."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.tasks import ChurnRows, CutoffRows, RepeatRows, SpendRows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: What a model writes about itself; ``kind`` in it says what reads it.
SCORER = "scorer.json"


class CutoffModel(Protocol):
    """From users at cut-offs to one number each."""

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return the log odds of churn or of buying again, not calibrated, or the spend on ``LogScale`` (n,).

        Of a row's path nothing from ``rows.ends`` on is read, and its answer is not; rows may be of any slice.
        ``rows`` is ``RepeatRows`` where buying again is asked about: ``rows.what`` says what.
        """

    def save(self, folder: Path) -> None:
        """Write it into a folder that is there, with ``SCORER`` in it."""


def target_of(rows: CutoffRows) -> Floats:
    """Return what a model is fitted to (n,): a label of 0 or 1, or an amount on ``LogScale``.

    Examples
    --------
    >>> place = np.array([0])
    >>> round(float(target_of(SpendRows(place, place, place, place, np.array([np.e - 1])))[0]), 6)
    1.0
    """
    if isinstance(rows, SpendRows):
        return rows.scaled
    if isinstance(rows, ChurnRows | RepeatRows):
        return rows.label.astype(np.float64)
    raise TypeError(f"rows without an answer: {type(rows).__name__}")
