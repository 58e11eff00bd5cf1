"""The catalogue of an invoice log: what a stock code is called on most of its sale lines."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from cartpath.schema import Columns


class Titles:
    """Counts the descriptions of each stock code; of two as frequent, the one seen last counts.

    The description of a stock code is typed: it has misspellings, renamings and, on stock adjustments, remarks
    ("damaged", "?"). The most frequent one on lines sold to customers is none of these.

    Examples
    --------
    >>> titles = Titles()
    >>> for text in ("RED MUG", "RED MUGG", "RED MUG"):
    ...     titles.note("22", text, 2.5)
    >>> titles.table(["22"]).to_pylist()
    [{'item_id': '22', 'title': 'RED MUG', 'price': 2.5}]
    """

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, tuple[int, int]]] = {}
        self._prices: dict[str, float] = {}
        self._at = 0

    def note(self, stock: str, text: str | None, price: float) -> None:
        """Take a sale line at a price above zero."""
        self._at += 1
        self._prices[stock] = price
        counts = self._seen.setdefault(stock, {})
        if text:
            counts[text] = (counts.get(text, (0, 0))[0] + 1, self._at)

    def table(self, stocks: Collection[str]) -> pa.Table:
        """Return the catalogue rows of some stock codes, as far as is known by now."""
        known = [stock for stock in dict.fromkeys(stocks) if stock in self._seen]
        titles = [max(self._seen[stock], key=self._seen[stock].__getitem__, default=None) for stock in known]
        return pa.table(
            {
                Columns.item_id: pa.array(known, pa.string()),
                Columns.title: pa.array(titles, pa.string()),
                Columns.price: pa.array([self._prices[stock] for stock in known], pa.float64()),
            }
        )
