"""Invoice lines as they stand in the file: their columns, and what kind of line each is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.numbers import as_numbers
from cartpath.ingest.text import as_text, single
from cartpath.ingest.times import Clock, as_times

Mask = npt.NDArray[np.bool_]

INVOICE, STOCK, TEXT, QUANTITY = "InvoiceNo", "StockCode", "Description", "Quantity"
DATE, PRICE, CUSTOMER, COUNTRY = "InvoiceDate", "UnitPrice", "CustomerID", "Country"
#: Column -> the names it has: in Online Retail, in Online Retail II.
NAMES: Mapping[str, tuple[str, ...]] = {
    INVOICE: (INVOICE, "Invoice"),
    STOCK: (STOCK,),
    TEXT: (TEXT,),
    QUANTITY: (QUANTITY,),
    DATE: (DATE,),
    PRICE: (PRICE, "Price"),
    CUSTOMER: (CUSTOMER, "Customer ID"),
    COUNTRY: (COUNTRY,),
}
ZONE = "Europe/London"
_US = r"^\s*([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) ([0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)\s*$"
_ONE_DIGIT = r"(^|[- ])([0-9])([-: ])"


def renamed(table: pa.Table) -> pa.Table:
    """Return the columns under the names of Online Retail; those that are absent are empty.

    Examples
    --------
    >>> renamed(pa.table({"Invoice": ["1"], "Price": ["2.5"]})).column_names[:2]
    ['InvoiceNo', 'StockCode']
    """
    columns = {}
    for name, names in NAMES.items():
        found = next((each for each in names if each in table.column_names), None)
        columns[name] = pa.nulls(len(table), pa.string()) if found is None else single(table[found])
    for name in (INVOICE, STOCK, TEXT, CUSTOMER, COUNTRY):
        columns[name] = as_text(columns[name], is_id=name != TEXT).cast(pa.string())
        if name != CUSTOMER:
            columns[name] = pc.utf8_trim_whitespace(columns[name])
    return pa.table(columns)


def iso_dates(values: pa.Array) -> pa.Array:
    """Write the dates of the UCI's CSV, month first, as ISO 8601; others are left as they are.

    Examples
    --------
    >>> iso_dates(pa.array(["12/1/2010 8:26", "2010-12-01 08:26:00"])).to_pylist()
    ['2010-12-01 08:26', '2010-12-01 08:26:00']
    """
    if not pa.types.is_string(values.type):
        return values
    turned = pc.replace_substring_regex(values, _US, r"\3-\1-\2 \4")
    changed = pc.not_equal(turned, values)
    for _ in range(2):  # neighbours share the sign between them
        turned = pc.replace_substring_regex(turned, _ONE_DIGIT, r"\10\2\3")  # RE2 takes one digit for a group
    return pc.if_else(pc.fill_null(changed, False), turned, values)


class Lines:
    """A chunk of invoice lines.

    Parameters
    ----------
    raw : pyarrow.Table (n,)
        As read.
    options : mapping
        Of the adapter.

    Attributes
    ----------
    table : pyarrow.Table (n,)
        Under the names of Online Retail.
    customers : pyarrow.StringArray (n,)
    quantity, price : float64 array (n,)
        0 where there is none.
    ts : int64 array (n,)
        Microseconds since 1970, UTC; 0 where it cannot be read.
    timed, counted, priced, wrong, cancelled, fee, adjustment : bool array (n,)
        The time can be read; there is a quantity; there is a price; a number is none; the invoice is a cancellation;
        the line is no goods; it is the shop's own correction of its stock.
    """

    def __init__(self, raw: pa.Table, options: Mapping[str, Any]) -> None:
        table = renamed(raw)
        dates = single(table[DATE]) if options["time_format"] else iso_dates(single(table[DATE]))
        self.table = table.set_column(table.column_names.index(DATE), DATE, dates)
        clock = Clock(options["time_zone"] or ZONE, options["epoch"] or None, options["time_format"] or None)
        self.ts, self.timed = as_times(single(self.table[DATE]), clock)
        self.quantity, self.counted, wrong = as_numbers(single(table[QUANTITY]), options["decimal"])
        self.price, self.priced, no_price = as_numbers(single(table[PRICE]), options["decimal"])
        self.wrong = wrong | no_price
        self.cancelled = self._begins("C")
        self.customers = single(table[CUSTOMER])
        codes = pa.array([code.strip().upper() for code in options["fee_codes"].split(",")], pa.string())
        self.fee = _mask(pc.is_in(pc.utf8_upper(table[STOCK]), codes)) | self._begins("A")
        lost = ~self.cancelled & self.counted & ~wrong & (self.quantity < 0)
        free = _mask(table[CUSTOMER].is_null()) & self.priced & ~no_price & (self.price == 0)
        self.adjustment = lost | free

    def _begins(self, letter: str) -> Mask:
        return _mask(pc.starts_with(pc.utf8_upper(self.table[INVOICE]), letter))


def _mask(values: pa.ChunkedArray) -> Mask:
    found: Mask = pc.fill_null(values, False).to_numpy()
    return found
