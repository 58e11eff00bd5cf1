r"""How wide a user's interest is: different items, categories and brands, and the entropy of categories.

The entropy of a user with a share :math:`p_c` of events in category :math:`c` is
:math:`H = -\sum_c p_c \ln p_c` nats (Shannon, 1948): 0 where all are in one, :math:`\ln n` where they are spread evenly
over :math:`n`.
"""

from __future__ import annotations

import numpy as np

from cartpath.features.profile.column import Column, counted
from cartpath.features.profile.kernels import entropy
from cartpath.features.profile.past import Array, Bools, Floats, Past, tally
from cartpath.features.profile.reference import Reference
from cartpath.schema import Event

COLUMNS: tuple[Column, ...] = (
    counted("items", "items", "Different items of all events but impressions."),
    counted("categories", "categories", "Different categories of these items, each the whole path."),
    counted("brands", "brands", "Different brands of these items."),
    Column("viewed_category_entropy", "nats", "Entropy of the categories of `view` events, −Σ p ln p."),
    Column("bought_category_entropy", "nats", "Entropy of the categories of `purchase` events."),
)


def variety(past: Past, reference: Reference) -> dict[str, Floats]:
    """Measure ``COLUMNS``, arrays (n_users,)."""
    item = past.view.item
    category, brand = reference.of(item, reference.category), reference.of(item, reference.brand)
    done = ~past.is_(Event.impression)
    return {
        "items": _different(past, item, done),
        "categories": _different(past, category, done),
        "brands": _different(past, brand, done),
        "viewed_category_entropy": _entropy(past, category, past.is_(Event.view)),
        "bought_category_entropy": _entropy(past, category, past.is_(Event.purchase)),
    }


def _different(past: Past, code: Array, rows: Bools) -> Floats:
    user, _, _ = tally(past.user[rows], code[rows])
    return np.bincount(user, minlength=past.n_users).astype(np.float64)


def _entropy(past: Past, code: Array, rows: Bools) -> Floats:
    user, _, count = tally(past.user[rows], code[rows])
    return entropy(user, count, past.n_users)
