"""Everything the kernels read, as arrays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cartpath.schema import MICROSECONDS
from cartpath.simulate import catalogue, population, settings, vocabulary

DAY = 86400 * MICROSECONDS
_CHUNK = 100_000


class World(NamedTuple):
    """The shop: scalars and arrays that kernels take as one argument."""

    seed: int
    start: int
    end: int
    users: Any
    taste: Any
    reach: Any
    items: Any
    item_popularity: Any
    kinds: Any
    popular: Any
    related: Any
    personas: Any
    channels: Any
    traffic: Any
    campaigns: Any
    intents: Any
    acts: Any
    days: Any
    hours: Any
    dirt: Any


def build(seed: int, users: int, days: int, start: int, goods: catalogue.Catalogue, dirt: settings.Dirt) -> World:
    """Draw the population and lay all settings out as arrays; memory is about 30 bytes a user."""
    people, taste, reach = _population(seed, users, days)
    end = start + days * DAY
    weights = np.cumsum([p.traffic for p in settings.PERSONAS], axis=1)
    acts = np.array([[intent.acts.get(name, 0.0) for name in settings.ACTS] for intent in settings.INTENTS])
    rates = [getattr(dirt, kind) for kind in settings.DIRT_KINDS]
    return World(
        seed=seed,
        start=start,
        end=end,
        users=people,
        taste=taste,
        reach=reach,
        items=goods.items,
        item_popularity=np.ascontiguousarray(goods.items["cumulative"]),
        kinds=goods.kinds,
        popular=goods.popular,
        related=goods.related,
        personas=np.array([(p.churn, p.need, p.bounce) for p in settings.PERSONAS]),
        channels=weights / weights[:, -1:],
        traffic=np.array([t[-2:] for t in vocabulary.TRAFFIC] + [(0.0, 0.0)] * len(settings.CAMPAIGNS)),
        campaigns=_campaigns(start, end),
        intents=np.array([(i.leave, i.up, i.down, np.log(i.gap), i.gap_spread) for i in settings.INTENTS]),
        acts=np.cumsum(acts, axis=1) / acts.sum(axis=1, keepdims=True),
        days=day_weights(start, days),
        hours=hour_distribution(),
        dirt=np.cumsum(rates),
    )


def _population(seed: int, n: int, days: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    users = np.zeros(n, population.USER)
    taste = np.zeros((n, population.N_TASTES), np.uint8)
    reach = np.zeros((n, len(settings.CAMPAIGNS)), np.uint8)
    for first in range(0, n, _CHUNK):
        part = population.draw(seed, first, min(_CHUNK, n - first), days)
        here = slice(first, first + len(part.users))
        users[here], taste[here], reach[here] = part.users, part.taste, part.reach
    users["robot"][population.robots(seed, n)] = 1
    return users, taste, reach


def _campaigns(start: int, end: int) -> npt.NDArray[np.float64]:
    """First and last moment (days after the start), click probability, effect."""
    length = (end - start) / DAY
    return np.array([(c.first * length, c.last * length, c.click, c.effect) for c in settings.CAMPAIGNS])


def day_weights(start: int, days: int) -> npt.NDArray[np.float64]:
    """Return the chance that a visit planned for a day takes place: weekday, slow growth, the weeks before Christmas.

    Examples
    --------
    >>> weights = day_weights(1704067200_000000, 7)  # 2024-01-01, a Monday
    >>> bool(weights.max() == 1.0 and weights[5] < weights[1])
    True
    """
    first = datetime.fromtimestamp(start // MICROSECONDS, UTC)
    weekday = (1.0, 1.02, 1.03, 1.0, 0.94, 0.80, 0.88)
    out = np.empty(days, np.float64)
    for day in range(days):
        date = first + timedelta(days=day)
        until_christmas = (datetime(date.year, 12, 18, tzinfo=UTC) - date).days
        holiday = 0.5 * np.exp(-((until_christmas / 14.0) ** 2))
        out[day] = weekday[date.weekday()] * (1 + 0.15 * day / 365) * (1 + holiday)
    out /= out.max()
    return out


def hour_distribution() -> npt.NDArray[np.float64]:
    """Return the cumulative distribution of a visit's hour, on weekdays and at weekends: shape (2, 24)."""
    hours = np.arange(24)

    def hump(middle: float, width: float) -> npt.NDArray[np.float64]:
        away = np.minimum(np.abs(hours - middle), 24 - np.abs(hours - middle))
        hump: npt.NDArray[np.float64] = np.exp(-((away / width) ** 2))
        return hump

    weekday = 0.08 + 0.9 * hump(12.5, 3.0) + 1.1 * hump(20.0, 2.5)
    weekend = 0.10 + 1.0 * hump(15.0, 4.5) + 0.5 * hump(21.0, 2.5)
    both = np.cumsum(np.stack([weekday, weekend]), axis=1)
    cumulative: npt.NDArray[np.float64] = both / both[:, -1:]
    return cumulative
