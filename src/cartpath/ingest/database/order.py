"""A column by which a reading can go on where it ended."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartpath.schema import CartpathError


class Unique:
    """Sees to it that every row has a value of the order column, and no other row has it: such rows could be lost.

    Parameters
    ----------
    column : str

    Examples
    --------
    >>> check = Unique("id")
    >>> check(pa.table({"id": [1, 2]}))
    >>> check(pa.table({"id": [2, 3]}))
    Traceback (most recent call last):
    cartpath.schema.errors.CartpathError: --option order=id is not unique: 2 occurs twice
      choose a column that is unique and increasing, or make one in the query from several
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._before: Any = None

    def __call__(self, table: pa.Table) -> None:
        """Look at the next rows.

        Raises
        ------
        CartpathError
            If a value is missing, or is that of the row before.
        """
        # The row before is compared with as well; a null, which equals nothing, before the first.
        before = pa.array([self._before], table.schema.field(self._column).type)
        values = pa.chunked_array([before, *table[self._column].chunks]).combine_chunks()
        again = pc.equal(values[1:], values[:-1])
        wrong = "has rows without a value" if table[self._column].null_count else ""
        if pc.any(again).as_py():
            wrong = f"is not unique: {values[pc.index(again, True).as_py()].as_py()!r} occurs twice"
        if wrong:
            raise CartpathError(
                f"--option order={self._column} {wrong}",
                "choose a column that is unique and increasing, or make one in the query from several",
            )
        self._before = values[-1].as_py()
