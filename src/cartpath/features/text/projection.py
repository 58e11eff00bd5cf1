"""Vectors of fewer numbers: the directions in which those of the past differ most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.text.kernels import project

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """Principal components (Pearson, 1901; Hotelling, 1933).

    Attributes
    ----------
    mean : float64 array (d,)
    directions : float64 array (d, dims)
    """

    mean: Floats
    directions: Floats

    def __call__(self, vectors: npt.NDArray[Any]) -> Floats:
        """Return coordinates (n, dims) of vectors (n, d); each row as if it were alone, to the bit."""
        found: Floats = project(np.ascontiguousarray(vectors, np.float64), self.mean, self.directions)
        return found

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as arrays, for saving."""
        return {"mean": self.mean, "projection": self.directions}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Projection:
        """Read what ``to_arrays`` returned."""
        return cls(arrays["mean"], np.ascontiguousarray(arrays["projection"]))


def fit_projection(vectors: npt.NDArray[Any], dims: int) -> Projection:
    """Find the directions of the largest variance.

    Parameters
    ----------
    vectors : float array (n, d)
        Of the past alone.
    dims : int
        Directions wanted; where there are fewer, the rest are 0.

    Returns
    -------
    Projection
        The largest number of each direction is positive, so that the same vectors give the same directions.

    Examples
    --------
    >>> found = fit_projection(np.array([[0.0, 1.0], [4.0, 1.0]]), 2)
    >>> found(np.array([[3.0, 1.0]])).tolist()
    [[1.0, 0.0]]
    """
    values = np.asarray(vectors, np.float64)
    mean = values.mean(axis=0)
    away = values - mean
    strength, found = np.linalg.eigh(away.T @ away)
    order = np.argsort(-strength)[:dims]
    order = order[strength[order] > max(float(strength.max(initial=0)), 0.0) * 1e-12]
    found = found[:, order]
    largest = found[np.abs(found).argmax(axis=0), np.arange(len(order))] if len(order) else np.zeros(0)
    directions = np.zeros((values.shape[1], dims))
    directions[:, : len(order)] = found * np.where(largest < 0, -1, 1)
    return Projection(mean, directions)
