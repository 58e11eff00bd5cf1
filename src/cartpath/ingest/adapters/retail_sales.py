"""Cancelled invoice lines are matched to the sale lines that they cancel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Sale:
    """A sale line of which something can still be cancelled.

    Attributes
    ----------
    invoice : str
    price : float
        Of one piece.
    left : float
        Pieces not yet cancelled.
    ts : int
        Microseconds since 1970, UTC.
    """

    invoice: str
    price: float
    left: float
    ts: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a cancellation, or all of it.

    Attributes
    ----------
    quantity : float
    cancels : str, optional
        The invoice of the sale; None where no sale was found.
    """

    quantity: float
    cancels: str | None = None


class OpenSales:
    """Every customer's sale lines of which something is left; memory follows these, not the log.

    Examples
    --------
    >>> sales = OpenSales()
    >>> sales.sold("c", "mug", Sale("1", 2.5, 6, 0))
    >>> sales.cancel("c", "mug", 4, 2.5, 10), sales.cancel("c", "mug", 4, 2.5, 11)
    ([Part(quantity=4, cancels='1')], [Part(quantity=2, cancels='1'), Part(quantity=2, cancels=None)])
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], list[Sale]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def sold(self, customer: str, stock: str, sale: Sale) -> None:
        """Take a sale line, in the order of the log."""
        if sale.left > 0:
            self._open.setdefault((customer, stock), []).append(sale)

    def cancel(self, customer: str, stock: str, quantity: float, price: float, ts: int) -> list[Part]:
        """Take a cancellation from earlier sale lines of its customer and stock code; no piece is cancelled twice.

        The latest sale line at the same price that covers all of it; if there is none, as many as it takes: those
        at the same price before others, of each the latest first. What is left over is matched to nothing.

        Parameters
        ----------
        customer, stock : str
        quantity : float
            Pieces cancelled, above zero.
        price : float
        ts : int

        Returns
        -------
        list of Part
            Quantities add up to ``quantity``; parts of one invoice are joined.
        """
        lines = self._open.get((customer, stock), [])
        earlier = [line for line in reversed(lines) if line.ts <= ts]
        earlier.sort(key=lambda line: (line.price != price, -line.ts))
        whole = [line for line in earlier if line.price == price and line.left >= quantity][:1]
        taken: dict[str | None, float] = {}
        for line in whole or earlier:
            if quantity <= 0:
                break
            pieces = min(line.left, quantity)
            line.left -= pieces
            quantity -= pieces
            taken[line.invoice] = taken.get(line.invoice, 0) + pieces
        if quantity > 0 or not taken:
            taken[None] = quantity
        self._forget(customer, stock, lines)
        return [Part(pieces, invoice) for invoice, pieces in taken.items()]

    def _forget(self, customer: str, stock: str, lines: list[Sale]) -> None:
        """Drop the lines of which nothing is left."""
        left = [line for line in lines if line.left > 0]
        if left:
            self._open[customer, stock] = left
        else:
            self._open.pop((customer, stock), None)
