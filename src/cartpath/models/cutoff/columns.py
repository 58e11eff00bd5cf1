"""Users at cut-offs as rows of columns: their profile before the cut-off, and of repeat purchase the pair's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cartpath.features import FeatureTable, Log, feature_columns, user_features
from cartpath.features.profile.column import CATEGORY, Column
from cartpath.features.repurchase import PAIR_COLUMNS, pair_features
from cartpath.features.surroundings import Surroundings, surroundings_of
from cartpath.models.cutoff.scorer import Floats
from cartpath.schema import Event
from cartpath.store import NEVER_SHAPED
from cartpath.tasks import CutoffRows, RepeatRows, repeated
from cartpath.tasks.cutoff_rows import ends_at

#: Cells of tables that are kept for the next model that asks for the same rows.
_KEPT_CELLS = 60_000_000


@dataclass(frozen=True)
class Described:
    """Rows and what their columns mean.

    Attributes
    ----------
    columns : tuple of Column
    values : float32 array (n, n_columns)
        Unknown is NaN; of a column of texts the place among its categories.
    """

    columns: tuple[Column, ...]
    values: npt.NDArray[np.float32]


@dataclass(frozen=True)
class ColumnSet:
    """The columns that a model was fitted on, by name: it finds them again in whatever table, whatever was added to it.

    Attributes
    ----------
    names : tuple of str
    categories : dict of str to tuple of str
        Of each column of texts the texts that training had, in order.
    """

    names: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, table: Described, names: Iterable[str] | None = None) -> Self:
        """Take the columns of a table, all of them or those named; of texts, those that its rows have."""
        wanted = tuple(column.name for column in table.columns) if names is None else tuple(names)
        categories = {}
        for place, column in enumerate(table.columns):
            if column.unit == CATEGORY and column.name in wanted:
                seen = np.unique(table.values[:, place])
                categories[column.name] = tuple(column.categories[int(code)] for code in seen[~np.isnan(seen)])
        return cls(wanted, categories)

    def read(self, table: Described) -> FeatureTable:
        """Return the columns of a table (n, n_names); NaN for one it lacks, and for a text that training lacked.

        Examples
        --------
        >>> rows = np.array([[0, 3], [1, 4]], np.float32)
        >>> table = Described((Column("city", "category", "", categories=("Bonn", "Ulm")), Column("n", "", "")), rows)
        >>> ColumnSet(("n", "city", "gone"), {"city": ("Ulm",)}).read(table).values.tolist()
        [[3.0, nan, nan], [4.0, 0.0, nan]]
        """
        place = {column.name: place for place, column in enumerate(table.columns)}
        values = np.full((len(table.values), len(self.names)), np.nan, np.float32)
        for at, name in enumerate(self.names):
            if name not in place:
                continue
            column = table.values[:, place[name]]
            known = self.categories.get(name)
            values[:, at] = column if known is None else _coded(column, table.columns[place[name]].categories, known)
        return FeatureTable(list(self.names), values, [name for name in self.names if name in self.categories])

    def to_dict(self) -> dict[str, Any]:
        """Return them as JSON can hold them."""
        return {"names": list(self.names), "categories": {name: list(of) for name, of in self.categories.items()}}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` gave."""
        return cls(tuple(raw["names"]), {name: tuple(of) for name, of in raw["categories"].items()})


def _coded(column: npt.NDArray[np.float32], texts: tuple[str, ...], known: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """Return a column of places among texts as places among those that a model knows."""
    place = {text: float(code) for code, text in enumerate(known)}
    moved = np.array([*(place.get(text, np.nan) for text in texts), np.nan], np.float32)
    return moved[np.nan_to_num(column, nan=-1).astype(np.int64)]


def describe(log: Log, rows: CutoffRows) -> Described:
    """Return the columns of rows: of each the profile of the user before the cut-off, then the pair's if there is one.

    Parameters
    ----------
    log : Log
        Of some users if it is a ``ShopLog`` that carries what all of them did, else of all.
    rows : CutoffRows (n)
        In any order.

    Returns
    -------
    Described
        That of the same log and rows is kept for a while.
    """
    beside = surroundings_of(log)
    key = (id(log.view), id(rows))
    if key not in beside.tables:
        found = _described(replace(log, shaped_until=NEVER_SHAPED), rows, beside)
        # What the key's numbers stand for is held too, or they could come to stand for something else.
        beside.tables[key] = (log.view, rows, found)
        while sum(table.values.size for *_, table in beside.tables.values()) > _KEPT_CELLS and len(beside.tables) > 1:
            del beside.tables[next(iter(beside.tables))]
    described: Described = beside.tables[key][2]
    return described


def _described(log: Log, rows: CutoffRows, beside: Surroundings) -> Described:
    # Whether later events shaped the paths has been asked of the slices, once, by whoever found the rows.
    pairs = isinstance(rows, RepeatRows)
    columns: tuple[Column, ...] = (*feature_columns(), *(PAIR_COLUMNS if pairs else ()))
    parts = []
    for at in np.unique(rows.cutoff).tolist():
        mine = np.flatnonzero(rows.cutoff == at)
        known, profile = _profiles(log, rows.user[mine], at, beside)
        if isinstance(rows, RepeatRows):
            profile = np.column_stack([profile, _pairs(log, rows.take(mine), at, beside)])
        columns = (*known, *(PAIR_COLUMNS if pairs else ()))
        parts.append((mine, profile))
    values = np.empty((len(rows), len(columns)), np.float32)
    for mine, part in parts:
        values[mine] = part
    return Described(columns, values)


def _profiles(log: Log, user: npt.NDArray[np.int64], at: int, beside: Surroundings) -> tuple[list[Column], Floats]:
    found = user_features(log, at, beside.zone, beside.reference_at(at))
    active = np.flatnonzero(ends_at(log.view, at) > log.view.offsets[:-1])
    return found.columns, found.values[np.searchsorted(active, user)]


def _pairs(log: Log, rows: RepeatRows, at: int, beside: Surroundings) -> Floats:
    texts, place = repeated(log, rows.kind)
    known = beside.repurchase_at(at, rows.kind, (place, len(texts)))
    purchase = log.event_codes.get(Event.purchase, -1)
    return pair_features(log.view, at, purchase, place, known, rows.user, rows.what)
