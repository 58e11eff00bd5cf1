"""Price sensitivity: what a user paid, against the list price, the usual price, and the category."""

from __future__ import annotations

import numpy as np

from cartpath.features.profile.column import Column
from cartpath.features.profile.past import Array, Floats, Past, ratio
from cartpath.features.profile.reference import Reference
from cartpath.schema import Event

COLUMNS: tuple[Column, ...] = (
    Column("price_paid", "money", "Mean price of the lines bought whose price is known; a line counts once."),
    Column("share_below_list", "share of lines", "Lines bought below the catalogue's price, of those that have both."),
    Column(
        "share_below_usual",
        "share of lines",
        "Lines bought below the median of the item's prices before the moment, of those with a price.",
    ),
    Column(
        "price_to_category",
        "ratio",
        "Mean over lines of the price over the median price of the items of its category; an item's is the "
        "catalogue's, else its median before the moment.",
    ),
)
#: A price is below another if it is so by more than rounding.
_ROUNDING = 1 - 1e-9


def prices(past: Past, reference: Reference) -> dict[str, Floats]:
    """Measure ``COLUMNS``, arrays (n_users,)."""
    rows = np.flatnonzero(past.is_(Event.purchase) & np.isfinite(past.view.price))
    user, item, paid = past.user[rows], past.view.item[rows], past.view.price[rows]
    level = reference.of(item, reference.level)
    relative = np.divide(paid, level, out=np.full(len(paid), np.nan), where=level > 0)
    return {
        "price_paid": _mean(past, user, paid),
        "share_below_list": _mean(past, user, _below(paid, reference.of(item, reference.listed))),
        "share_below_usual": _mean(past, user, _below(paid, reference.of(item, reference.usual))),
        "price_to_category": _mean(past, user, relative),
    }


def _below(paid: Floats, other: Floats) -> Floats:
    """Return 1 where a price is below another, 0 where it is not, NaN where that is not known."""
    return np.where(np.isnan(other), np.nan, paid < other * _ROUNDING)


def _mean(past: Past, user: Array, values: Floats) -> Floats:
    known = ~np.isnan(values)
    n = np.bincount(user[known], minlength=past.n_users).astype(np.float64)
    return ratio(past.sum(user[known], values[known]), n)
