"""What a table of user features is: columns that say what they are, and one row a user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.features.table import FeatureTable
from cartpath.schema import Columns

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
#: Unit of a column whose values are texts.
CATEGORY = "category"


@dataclass(frozen=True)
class Column:
    """One feature: what it is called, measured in, and means.

    Attributes
    ----------
    name, unit, about : str
    whole : bool
        Its values are whole numbers and always known.
    categories : tuple of str
        The texts of a column of texts; its values are places among them.

    Examples
    --------
    >>> Column("orders", "orders", "Orders before the moment.", whole=True).field.type
    DataType(int64)
    """

    name: str
    unit: str
    about: str
    whole: bool = False
    categories: tuple[str, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, str]:
        """Return name, unit and documentation, as JSON has them."""
        return {"name": self.name, "unit": self.unit, "about": self.about}

    @property
    def field(self) -> pa.Field:
        """The column of an Arrow table, with its unit and documentation as metadata."""
        kind = pa.string() if self.unit == CATEGORY else pa.int64() if self.whole else pa.float64()
        return pa.field(self.name, kind, metadata={"unit": self.unit, "about": self.about})

    def array(self, values: Floats) -> pa.Array:
        """Return values (n,) as Arrow has them; unknown is null."""
        if self.unit == CATEGORY:
            texts = pa.array(self.categories, pa.string())
            return texts.take(pa.array(values, pa.float64(), mask=np.isnan(values)).cast(pa.int64()))
        return pa.array(values, pa.float64(), mask=np.isnan(values)).cast(self.field.type)


@dataclass(frozen=True)
class UserFeatures:
    """Features of users as of a moment.

    Attributes
    ----------
    columns : list of Column
    user_id : pyarrow.StringArray (n_users,)
    values : float64 array (n_users, n_columns)
        Unknown is NaN; of a column of texts the place among its categories.
    """

    columns: list[Column]
    user_id: pa.StringArray
    values: Floats

    def __len__(self) -> int:
        return len(self.user_id)

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    @property
    def categorical(self) -> list[str]:
        """Names of the columns whose values are places among categories."""
        return [column.name for column in self.columns if column.unit == CATEGORY]

    @property
    def table(self) -> FeatureTable:
        """The rows of a classic model, float32."""
        return FeatureTable(self.names, self.values.astype(np.float32), self.categorical)

    def arrow(self) -> pa.Table:
        """Return an Arrow table: ``user_id`` and a column a feature, counts as whole numbers, unknown as null."""
        arrays = [column.array(self.values[:, place]) for place, column in enumerate(self.columns)]
        return pa.Table.from_arrays([self.user_id, *arrays], schema=schema_of(self.columns))

    @property
    def frame(self) -> pd.DataFrame:
        """The same as a pandas frame."""
        return self.arrow().to_pandas()


def counted(name: str, unit: str, about: str) -> Column:
    """Return a column of counts."""
    return Column(name, unit, about, whole=True)


def schema_of(columns: Sequence[Column], about: Mapping[str, str] | None = None) -> pa.Schema:
    """Return the Arrow schema of a table of features, with any metadata of the whole."""
    fields = [pa.field(Columns.user_id, pa.string(), nullable=False), *(column.field for column in columns)]
    return pa.schema(fields, metadata=dict(about or {}))


def join_features(parts: Sequence[UserFeatures], columns: list[Column]) -> UserFeatures:
    """Put the rows of several tables of the same columns under each other.

    Examples
    --------
    >>> len(join_features([], [Column("visits", "visits", "Visits.")]))
    0
    """
    ids: list[Any] = [part.user_id for part in parts]
    values = [np.zeros((0, len(columns))), *(part.values for part in parts)]
    return UserFeatures(columns, pa.concat_arrays(ids) if ids else pa.array([], pa.string()), np.concatenate(values))
