"""Cancellations matched once more, slowly: every piece sold is an object, and a cancellation takes pieces."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any


@dataclass(frozen=True)
class Piece:
    line: int
    invoice: str
    customer: str
    stock: str
    price: float
    ts: int


def refunds(lines: list[dict[str, Any]]) -> list[tuple[str, int, str | None]]:
    """Return (invoice of the cancellation, pieces, invoice of the sale) for each part, in order."""
    pieces: list[Piece] = []
    found: list[tuple[str, int, str | None]] = []
    for number, line in enumerate(lines):
        if not line["invoice"].startswith("C"):
            made = Piece(number, *(line[name] for name in ("invoice", "customer", "stock", "price", "ts")))
            pieces += [made] * line["quantity"]
            continue
        taken = _take(pieces, line)
        for piece in taken:
            pieces.remove(piece)
        # Parts of one invoice are one part, at the place of the first.
        order = list(dict.fromkeys(piece.invoice for piece in taken))
        counted = {key: len(list(group)) for key, group in groupby(sorted(piece.invoice for piece in taken))}
        found += [(line["invoice"], counted[invoice], invoice) for invoice in order]
        if len(taken) < line["quantity"]:
            found.append((line["invoice"], line["quantity"] - len(taken), None))
    return found


def _take(pieces: list[Piece], line: dict[str, Any]) -> list[Piece]:
    mine = [p for p in pieces if (p.customer, p.stock) == (line["customer"], line["stock"]) and p.ts <= line["ts"]]
    covering = [p for p in mine if p.price == line["price"] and mine.count(p) >= line["quantity"]]
    if covering:
        latest = max(covering, key=lambda p: (p.ts, p.line))
        return [latest] * line["quantity"]
    mine.sort(key=lambda p: (p.price != line["price"], -p.ts, -p.line))
    return mine[: line["quantity"]]
