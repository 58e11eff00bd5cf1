"""One invoice line as an object, and the events made of such lines as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.ingest.adapters.retail_lines import COUNTRY, CUSTOMER, DATE, INVOICE, PRICE, QUANTITY, STOCK, TEXT, Lines
from cartpath.ingest.adapters.retail_sales import Part
from cartpath.schema import Columns, Event

#: Columns that are made here; the others are those of the file.
USER, EVENT, ITEM, PIECES, ORDER, LINE, PROPS = "user", "event", "item", "pieces", "order", "line", "props"
_KEPT = (INVOICE, STOCK, TEXT, QUANTITY, DATE, PRICE, CUSTOMER, COUNTRY)


class Row(NamedTuple):
    """An invoice line.

    Attributes
    ----------
    at : int
        Its row in the chunk.
    line : str, optional
        Its invoice and its place there.
    quantity : float, optional
    price : float
        0 where there is none.
    ts : int
        Microseconds since 1970, UTC.
    cancelled, fee : bool
        Its invoice is a cancellation; it is no goods.
    clean : bool
        It has a time and a price that can be used.
    """

    at: int
    invoice: str | None
    stock: str | None
    text: str | None
    customer: str | None
    country: str | None
    line: str | None
    quantity: float | None
    price: float
    ts: int
    cancelled: bool
    fee: bool
    clean: bool

    @property
    def pieces(self) -> float:
        """The quantity without its sign; 0 where there is none."""
        return abs(self.quantity or 0.0)

    def content(self) -> int:
        """Return a hash of what the line says."""
        return hash(repr(self._replace(at=0, line=None)))  # of numbers, -1 and -2 have one hash


def rows_of(lines: Lines, table: pa.Table, which: npt.NDArray[np.int64], *, fees: bool) -> Iterator[Row]:
    """Yield some lines of a chunk as objects.

    Parameters
    ----------
    lines : Lines
    table : pyarrow.Table
        Its table, with ``LINE``.
    which : int64 array (m,)
    fees : bool
        Whether lines that are no goods are told apart.
    """
    part = table.select([INVOICE, STOCK, TEXT, CUSTOMER, COUNTRY, LINE]).take(pa.array(which))
    text = [column.to_pylist() for column in part.columns]
    quantity = pa.array(lines.quantity, mask=~lines.counted).take(pa.array(which)).to_pylist()
    clean = lines.timed & lines.priced & (lines.price >= 0)
    rest = (lines.price, lines.ts, lines.cancelled, lines.fee & fees, clean)
    numbers = [values[which].tolist() for values in rest]
    return map(Row._make, zip(which.tolist(), *text, quantity, *numbers, strict=True))


class Made:
    """Gathers events.

    Attributes
    ----------
    rows : list of int
        Each event's line in the chunk.
    sold : list of str
        Stock codes sold.
    """

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.sold: list[str] = []
        self._new: dict[str, list[str | float | None]] = {
            name: [] for name in (USER, EVENT, ITEM, PIECES, ORDER, LINE, PROPS, Columns.hit)
        }

    def add(
        self,
        row: Row,
        user: str | None,
        event: str,
        quantity: float | None,
        *,
        item: str | None = None,
        order: str | None = None,
        props: Mapping[str, object] | None = None,
    ) -> None:
        """Take an event; its order is the line's invoice if no other is given."""
        self.rows.append(row.at)
        text = json.dumps(props, ensure_ascii=False) if props else None
        values = (user, event, item, quantity, order or row.invoice, row.line, text, row.invoice)
        for column, value in zip(self._new.values(), values, strict=True):
            column.append(value)

    def refund(self, row: Row, user: str | None, part: Part, place: int) -> None:
        """Take a cancellation, or the ``place``-th part of one; it goes to the order that it cancels."""
        props: dict[str, object] = {"invoice": row.invoice, "matched": part.cancels is not None}
        if part.cancels is not None:
            props = {"cancels": part.cancels, **props}
        named = row if place == 1 or row.line is None else row._replace(line=f"{row.line}.{place}")
        self.add(named, user, Event.refund, part.quantity, item=row.stock, order=part.cancels, props=props)

    def table(self, source: pa.Table) -> pa.Table:
        """Return the events, with the columns of their lines."""
        out = source.select(list(_KEPT)).take(pa.array(self.rows, pa.int64()))
        for name, values in self._new.items():
            out = out.append_column(name, pa.array(values, pa.float64() if name == PIECES else pa.string()))
        return out
