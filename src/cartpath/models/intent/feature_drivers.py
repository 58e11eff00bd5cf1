"""Contributions of features to the log odds of trees and of a linear model, each with what the feature was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from cartpath.features import FeatureTable, Log, PathEncoder, Texts
from cartpath.features.moment import Column, columns
from cartpath.models.intent.logistic import LogisticIntent
from cartpath.models.intent.scorer import Floats, Index
from cartpath.models.intent.trees import TreeIntent, tree_features

#: Of a score: its log odds, the baseline, and for each feature what a ``Driver`` is made of.
Parts = tuple[float, float, list[dict[str, Any]]]
#: Columns that are coordinates of a network's view of the path say nothing one by one.
_OF_PATH = re.compile(r"hidden_\d+|next_type_\d+")
_PATH = "the pretrained model's view of the path"


def tree_parts(model: TreeIntent, log: Log, ends: Index) -> Iterator[Parts]:
    """Yield the exact Shapley values of each score (TreeSHAP, by the trees' own covers)."""
    table = tree_features(log, model.encoder, ends, model.frozen, model.zone, model.texts)
    # Row by row the same, so that a path alone gives what it gives among others.
    found = np.asarray(model.trees.predict(table.values, pred_contrib=True, num_threads=2), np.float64)
    raw = np.asarray(model.trees.predict(table.values, raw_score=True, num_threads=2), np.float64)
    yield from _parts(model.encoder, table, found[:, :-1], raw, found[:, -1], model.texts)


def line_parts(model: LogisticIntent, log: Log, ends: Index) -> Iterator[Parts]:
    """Yield weight times value of each feature: what says that it is unknown, and a category's columns, are its own."""
    table = tree_features(log, model.encoder, ends, zone=model.zone)
    each = model.design.columns(table) * model.weights
    amounts = [place for place, name in enumerate(table.names) if name not in table.categorical]
    n, found = len(amounts), np.zeros((len(ends), len(table.names)))
    found[:, amounts] = each[:, :n] + each[:, n : 2 * n]
    at = 2 * n
    for name, values in zip(table.categorical, model.design.categories, strict=True):
        found[:, table.names.index(name)] = each[:, at : at + len(values)].sum(axis=1)
        at += len(values)
    yield from _parts(model.encoder, table, found, model.logits(log, ends), np.full(len(ends), model.bias))


def _parts(
    encoder: PathEncoder, table: FeatureTable, found: Floats, odds: Floats, base: Floats, texts: Texts | None = None
) -> Iterator[Parts]:
    described = {column.name: column for column in columns(encoder, texts)}
    of_path = np.array([name not in described and bool(_OF_PATH.fullmatch(name)) for name in table.names])
    named = np.flatnonzero(~of_path)
    for row in range(len(found)):
        drivers = [
            _driver(encoder, described.get(table.names[place]), table, row, int(place), float(found[row, place]))
            for place in named
            if found[row, place]
        ]
        if of_path.any():
            drivers.append({"kind": "path", "name": _PATH, "contribution": float(found[row, of_path].sum())})
        yield float(odds[row]), float(base[row]), drivers


def _driver(
    encoder: PathEncoder, column: Column | None, table: FeatureTable, row: int, place: int, by: float
) -> dict[str, Any]:
    name, value = table.names[place], float(table.values[row, place])
    about = {} if column is None else {"unit": column.unit, "about": column.about}
    shown: str | float | None = None if np.isnan(value) else value
    if name in table.categorical and shown is not None:
        shown = text_of(encoder, name, int(value))
    return {"kind": "feature", "name": name, "contribution": by, "value": shown, "about": about}


def text_of(encoder: PathEncoder, name: str, id: int) -> str | None:
    """Return the text of a categorical feature's id; None where there is nothing.

    Parameters
    ----------
    encoder : PathEncoder
    name : str
        Of the feature: its field may have ``first_``, ``last_`` or ``previous_`` before it, and a number behind it.
    id : int

    Examples
    --------
    >>> from cartpath.features import Vocabulary
    >>> encoder = PathEncoder({"event": Vocabulary(("view", "purchase"))}, np.zeros(0), 0)
    >>> text_of(encoder, "event_3", 3), text_of(encoder, "first_event", 1), text_of(encoder, "event_0", 0)
    ('purchase', '(unknown)', None)
    """
    field = re.sub(r"^(previous_)?(first_|last_)?", "", name)
    fields = (name, field, re.sub(r"_\d+$", "", field))
    known = next((encoder.vocabularies[one] for one in fields if one in encoder.vocabularies), None)
    if id <= 0:
        return None
    if known is None:
        return str(id)
    return known.values[id - 2] if 2 <= id < 2 + len(known.values) else "(unknown)"
