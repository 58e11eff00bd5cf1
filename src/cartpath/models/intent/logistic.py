"""Logistic regression on what is known of a session so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import FeatureTable, Log, PathEncoder
from cartpath.models.artefact import SCORER, read_scorer, write_json
from cartpath.models.intent.scorer import Floats, Index
from cartpath.models.intent.trees import tree_features

_WEIGHTS = "weights.npz"
#: Values of a category with a weight of their own occur in so many rows at least.
_LEAST = 20


@dataclass(frozen=True)
class Design:
    """How features become the columns of a linear model.

    Amounts are taken on the scale ``sign(x) log(1 + |x|)``, less their mean and over their standard deviation; where
    one is unknown it is the mean, and a column says so. A category is a column a value.

    Attributes
    ----------
    mean, deviation : float64 array (n_amounts,)
    categories : tuple of int64 arrays
        Values of each categorical feature that have a column.
    """

    mean: Floats
    deviation: Floats
    categories: tuple[Index, ...]

    @classmethod
    def of(cls, table: FeatureTable) -> Design:
        """Fit it on training rows."""
        amounts = _amounts(table)
        known = np.isfinite(amounts)
        n = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, amounts, 0).sum(axis=0) / n
        spread = np.sqrt((np.where(known, amounts - mean, 0) ** 2).sum(axis=0) / n)
        categories = []
        for column in _categories(table).T:
            values, counts = np.unique(column, return_counts=True)
            categories.append(values[counts >= _LEAST])
        return cls(mean, np.where(spread > 0, spread, 1.0), tuple(categories))

    def columns(self, table: FeatureTable) -> Floats:
        """Return the columns of rows (n, n_columns)."""
        amounts = _amounts(table)
        known = np.isfinite(amounts)
        scaled = np.where(known, (amounts - self.mean) / self.deviation, 0.0)
        ones = [
            column[:, None] == values
            for column, values in zip(_categories(table).T, self.categories, strict=True)
            if len(values)
        ]
        # Beyond five deviations lies what training hardly saw: a line through it would say anything.
        return np.column_stack([np.clip(scaled, -5, 5), ~known, *ones]).astype(np.float64)


def _amounts(table: FeatureTable) -> Floats:
    places = [place for place, name in enumerate(table.names) if name not in table.categorical]
    values = table.values[:, places].astype(np.float64)
    found: Floats = np.sign(values) * np.log1p(np.abs(values))
    return found


def _categories(table: FeatureTable) -> Index:
    places = [table.names.index(name) for name in table.categorical]
    return np.nan_to_num(table.values[:, places], nan=-1).astype(np.int64)


@dataclass
class LogisticIntent:
    """A linear model of the log odds.

    Attributes
    ----------
    design : Design
    weights : float64 array (n_columns,)
    bias : float
    encoder : PathEncoder
    zone : str
        IANA name of the time zone of hours and weekdays.
    """

    design: Design
    weights: Floats
    bias: float
    encoder: PathEncoder
    zone: str = "UTC"

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return the log odds (n,); see ``Intent``."""
        columns = self.design.columns(tree_features(log, self.encoder, ends, zone=self.zone))
        # Row by row, so that a path alone gives the same digits as among others.
        found: Floats = np.einsum("ij,j->i", columns, self.weights) + self.bias
        return found

    def save(self, folder: Path) -> None:
        """Write weights, design and encoder into a folder."""
        arrays: dict[str, npt.NDArray[Any]] = {"mean": self.design.mean, "deviation": self.design.deviation}
        arrays |= {f"category_{n}": values for n, values in enumerate(self.design.categories)}
        np.savez(folder / _WEIGHTS, weights=self.weights, **arrays)  # type: ignore[arg-type]
        content = {"kind": "logistic", "encoder": self.encoder.to_dict(), "bias": self.bias, "zone": self.zone}
        write_json(folder / SCORER, {**content, "categories": len(self.design.categories)})

    @classmethod
    def load(cls, folder: Path) -> LogisticIntent:
        """Read what ``save`` wrote."""
        raw = read_scorer(folder)
        with np.load(folder / _WEIGHTS) as arrays:
            categories = tuple(arrays[f"category_{n}"] for n in range(raw["categories"]))
            design = Design(arrays["mean"], arrays["deviation"], categories)
            return cls(
                design, arrays["weights"], float(raw["bias"]), PathEncoder.from_dict(raw["encoder"]), raw["zone"]
            )
