"""Invoice lines become events, in the order of the log, with what is remembered of the lines before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.ingest.adapters.retail_lines import INVOICE, Lines
from cartpath.ingest.adapters.retail_rows import LINE, Made, Row, rows_of
from cartpath.ingest.adapters.retail_sales import OpenSales, Part, Sale
from cartpath.ingest.adapters.retail_titles import Titles
from cartpath.ingest.chunk import Bad, Chunk, Reason
from cartpath.ingest.quarantine import raw_rows
from cartpath.schema import Event

#: Events that are no canonical ones: what a customer is charged or credited beside goods.
FEE, CREDIT = "fee", "credit"
Rows = npt.NDArray[np.int64]


Mask = npt.NDArray[np.bool_]


class Ledger:
    """Makes events of chunks of invoice lines.

    Parameters
    ----------
    options : mapping
        Of the adapter.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._sales, self._titles = OpenSales(), Titles()
        self._lines_of: dict[str, int] = {}
        self._first: dict[int, str] = {}

    def take(self, chunk: Chunk) -> Chunk:
        """Return a chunk of events, and the lines that are none."""
        lines = Lines(chunk.table, self._options)
        table = lines.table.append_column(LINE, pa.array(list(self._numbered(lines)), pa.string()))
        refused = self._refused(lines)
        good = np.flatnonzero(~np.any([*refused.values()], axis=0))
        made = Made()
        for row in rows_of(lines, table, good, fees=self._options["fees"] == "event"):
            self._add(row, made)
        return replace(
            chunk,
            table=made.table(table),
            rows=chunk.rows[made.rows],
            bad=chunk.bad + list(_bad(lines, chunk.rows, refused)),
            source_rows=len(chunk.table) + len(chunk.bad),
            items=self._titles.table(made.sold),
        )

    def _numbered(self, lines: Lines) -> Iterator[str | None]:
        """Name each line by its invoice and its place there: the same in a file that has grown."""
        count = self._lines_of
        for invoice in lines.table[INVOICE].to_pylist():
            if invoice is None:
                yield None
                continue
            place = count[invoice] = count.get(invoice, 0) + 1
            yield f"{invoice}-{place}"

    def _refused(self, lines: Lines) -> dict[str, Mask]:
        """Mark the lines that become no event, by reason; each line once, the first reason that applies."""
        refuse = self._options["fees"] == "quarantine"
        no_goods = lines.fee & ~lines.adjustment & refuse
        return {
            Reason.stock_adjustment: lines.adjustment,
            Reason.not_goods: no_goods,
            Reason.wrong_type: lines.wrong & ~lines.adjustment & ~no_goods,
        }

    def _add(self, row: Row, made: Made) -> None:
        user = row.customer
        if user is None and self._options["missing_customer"] == "anonymous" and row.invoice is not None:
            user = f"invoice:{row.invoice}"
        if self._options["repeats"] == "drop" and (first := self._repeated(row)) is not None:
            made.add(row._replace(line=first), user, Event.purchase, row.quantity, item=row.stock)
        elif row.fee:
            event = CREDIT if row.cancelled else FEE
            made.add(row, user, event, row.pieces, props={"code": row.stock, "text": row.text})
        elif row.cancelled:
            for place, part in enumerate(self._cancelled(row), 1):
                made.refund(row, user, part, place)
        else:
            self._sell(row, user, made)

    def _repeated(self, row: Row) -> str | None:
        """Return the name of the first line that is equal to this one; None if this is it."""
        first = self._first.setdefault(row.content(), row.line or "")
        return None if first == row.line else first

    def _cancelled(self, row: Row) -> list[Part]:
        if row.customer is None or row.stock is None or not row.clean or not row.pieces:
            return [Part(row.pieces)]
        return self._sales.cancel(row.customer, row.stock, row.pieces, row.price, row.ts)

    def _sell(self, row: Row, user: str | None, made: Made) -> None:
        made.add(row, user, Event.purchase, row.quantity, item=row.stock)
        if user is None or row.stock is None or not row.clean:
            return
        if row.price > 0:
            self._titles.note(row.stock, row.text, row.price)
            made.sold.append(row.stock)
        if row.customer is not None and row.invoice is not None:
            self._sales.sold(row.customer, row.stock, Sale(row.invoice, row.price, row.pieces, row.ts))


def _bad(lines: Lines, numbers: npt.NDArray[np.int64], refused: Mapping[str, Mask]) -> Iterator[Bad]:
    for reason, mask in refused.items():
        at = np.flatnonzero(mask)
        if not len(at):
            continue
        users = lines.customers.take(pa.array(at)).to_pylist()
        for row, raw, user in zip(numbers[at].tolist(), raw_rows(lines.table, at), users, strict=True):
            yield Bad(row, reason, raw, user)
