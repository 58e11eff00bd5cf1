"""The last 1, 7 and 28 days, and what changed from day to day and from week to week.

A day before a moment begins when the shop's clock showed the same a day earlier, so that a window of a shop that counts
to midnight holds whole local days, those of 23 and 25 hours too.
"""

from __future__ import annotations

import numpy as np

from cartpath.features.profile.column import Column, counted
from cartpath.features.profile.kernels import log_ratio
from cartpath.features.profile.past import DAY, Bools, Floats, Ints, Past
from cartpath.schema import Event

WINDOWS = (1, 7, 28)
#: What is measured, its unit, and what it is in words.
_MEASURES = {
    "events": ("events", "Events"),
    "visits": ("visits", "Sessions with an event"),
    "views": ("events", "Events `view`"),
    "carts": ("events", "Events `add_to_cart`"),
    "orders": ("orders", "Orders begun"),
    "spend": ("money", "Spend on orders begun"),
}
#: What is compared: the last so many days and as many before them.
_CHANGES = {"day": (1, "the last day", "the day before"), "week": (7, "the last 7 days", "the 7 before")}


def _window(name: str, days: int) -> Column:
    unit, words = _MEASURES[name]
    about = f"{words} in the last {'day' if days == 1 else f'{days} days'}."
    return Column(f"{name}_{days}d", unit, about) if unit == "money" else counted(f"{name}_{days}d", unit, about)


def _change(name: str, period: str) -> tuple[Column, Column]:
    (unit, words), (_, now, before) = _MEASURES[name], _CHANGES[period]
    difference = Column(f"{name}_{period}_change", unit, f"{words} in {now}, less those in {before}.")
    about = f"ln((1 + a) / (1 + b)) of {name} a in {now} and b in {before}; below 0 counts as 0."
    return difference, Column(f"{name}_{period}_log_ratio", "log ratio", about)


COLUMNS: tuple[Column, ...] = (
    *(_window(name, days) for days in WINDOWS for name in _MEASURES),
    *(column for period in _CHANGES for name in _MEASURES for column in _change(name, period)),
)


def windows(past: Past) -> dict[str, Floats]:
    """Measure ``COLUMNS``, arrays (n_users,)."""
    found: dict[str, Floats] = {}
    age = past.local_at - past.local
    for days in WINDOWS:
        found |= {f"{name}_{days}d": values for name, values in _measured(past, age, 0, days).items()}
    for period, (days, _, _) in _CHANGES.items():
        before = _measured(past, age, days, 2 * days)
        for name in _MEASURES:
            now = found[f"{name}_{days}d"]
            found[f"{name}_{period}_change"] = now - before[name]
            found[f"{name}_{period}_log_ratio"] = log_ratio(now, before[name])
    return found


def _measured(past: Past, age: Ints, newest: int, oldest: int) -> dict[str, Floats]:
    """Measure the last ``oldest`` days less the last ``newest`` days."""
    inside: Bools = age <= oldest * DAY
    if newest:
        inside &= age > newest * DAY
    bought = past.bought
    begun = inside[bought.at]
    return {
        "events": past.count(inside),
        "visits": past.count_sessions(past.sessions_with(inside)),
        "views": past.count(inside & past.is_(Event.view)),
        "carts": past.count(inside & past.is_(Event.add_to_cart)),
        "orders": np.bincount(bought.user[begun], minlength=past.n_users).astype(np.float64),
        "spend": past.sum(bought.user[begun], np.nan_to_num(bought.amount[begun])),
    }
