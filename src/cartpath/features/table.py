"""Rows for a classic model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class FeatureTable:
    """Rows for a classic model.

    Attributes
    ----------
    names : list of str
    values : float32 array (n_rows, n_names)
        Unknown is NaN.
    categorical : list of str
        Names whose values are ids rather than amounts; 0 is absent.
    """

    names: list[str]
    values: npt.NDArray[np.float32]
    categorical: list[str]
