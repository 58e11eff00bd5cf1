"""The shoppers: who they are, what they like, how they are reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import Columns
from cartpath.simulate import settings, vocabulary
from cartpath.simulate.draws import normals, uniforms
from cartpath.simulate.record import N_KINDS

USER = np.dtype(
    [
        ("arrival", "f4"),  # days after the start
        ("rate", "f4"),  # visits a day
        ("zeal", "f4"),
        ("sensitivity", "f4"),
        ("persona", "u1"),
        ("device", "u1"),
        ("other_device", "u1"),
        ("place", "u1"),
        ("brand", "u1"),
        ("robot", "u1"),
    ],
    align=True,
)
N_TASTES = 3
GENDERS = ("female", "male", None)
_DEPARTMENTS = tuple(vocabulary.DEPARTMENTS)
_PER_DEPARTMENT = N_KINDS // len(_DEPARTMENTS)
_STREAM = 200


@dataclass(frozen=True)
class People:
    """Shoppers ``first .. first + n - 1``: what drives them, and what the shop knows of them."""

    users: npt.NDArray[np.void]
    taste: npt.NDArray[np.uint8]
    reach: npt.NDArray[np.uint8]  # per campaign: 0 not aimed at, 1 reached, 2 held out by lot
    age: npt.NDArray[np.int32]
    gender: npt.NDArray[np.int8]
    income: npt.NDArray[np.int32]


def robots(seed: int, n: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the robots among ``n`` users, at least one where there are ten users."""
    wanted = max(round(n * settings.ROBOT_SHARE), 1 if n >= 10 else 0)
    spots = (np.arange(wanted) + uniforms(seed, _STREAM + 50, 0, wanted)) * n / max(wanted, 1)
    return spots.astype(np.int64)


def draw(seed: int, first: int, n: int, days: int) -> People:
    """Draw ``n`` shoppers; each depends on the seed and its own number alone (robots are marked elsewhere)."""

    def u(stream: int) -> npt.NDArray[np.float64]:
        return uniforms(seed, _STREAM + stream, first, n)

    users = np.zeros(n, USER)
    cumulative = np.cumsum([p.share for p in settings.PERSONAS])
    users["persona"] = np.minimum(np.searchsorted(cumulative, u(0), side="right"), len(cumulative) - 1)
    z_income = normals(seed, _STREAM + 1, first, n)
    scatter = normals(seed, _STREAM + 3, first, n)
    users["zeal"] = _of(users, "zeal") + 0.7 * scatter
    users["sensitivity"] = _of(users, "price_sensitivity") * np.exp(-0.3 * z_income)
    users["rate"] = _of(users, "visits_per_day") * np.exp(0.7 * normals(seed, _STREAM + 5, first, n))
    known = u(7) < settings.EXISTING_SHARE
    users["arrival"] = days * np.where(known, np.minimum(-np.log1p(-u(8)) / (days * users["rate"]), u(9)), u(9))
    _devices(users, u(10), u(11))
    share = np.cumsum([place[-1] for place in vocabulary.PLACES])
    users["place"] = np.minimum(np.searchsorted(share / share[-1], u(12), side="right"), len(share) - 1)
    users["brand"] = u(13) ** 1.5 * len(vocabulary.BRANDS)
    gender = np.searchsorted([0.48, 0.95], u(14), side="right").astype(np.int8)
    age = np.clip(18 + 45 * u(15) ** 1.4 + 8 * np.abs(normals(seed, _STREAM + 16, first, n)), 18, 90).astype(np.int32)
    income = (np.round(42_000 * np.exp(0.45 * z_income) / 1000) * 1000).astype(np.int32)
    return People(users, _taste(u, age, gender), _reach(u, users), age, gender, income)


def _of(users: npt.NDArray[np.void], name: str) -> npt.NDArray[np.float64]:
    values = np.array([getattr(p, name) for p in settings.PERSONAS], np.float64)
    picked: npt.NDArray[np.float64] = values[users["persona"]]
    return picked


def _devices(users: npt.NDArray[np.void], u1: npt.NDArray[np.float64], u2: npt.NDArray[np.float64]) -> None:
    share = np.cumsum([device[-1] for device in vocabulary.DEVICES])
    for name, u in (("device", u1), ("other_device", u2)):
        users[name] = np.minimum(np.searchsorted(share / share[-1], u, side="right"), len(share) - 1)


def _taste(
    u: Callable[[int], npt.NDArray[np.float64]], age: npt.NDArray[np.int32], gender: npt.NDArray[np.int8]
) -> npt.NDArray[np.uint8]:
    """Draw favourite kinds: departments by gender and age (Gumbel's maximum), kinds within them at random."""
    sign = np.array([0.5, -0.5, 0.0])[gender]
    out = np.zeros((len(age), N_TASTES), np.uint8)
    for slot in range(N_TASTES):
        best = np.full(len(age), -np.inf)
        chosen = np.zeros(len(age), np.int64)
        for d, (_, tilt, middle_age, _, _) in enumerate(vocabulary.DEPARTMENTS.values()):
            gumbel = -np.log(-np.log(np.maximum(u(60 + slot * 10 + d), 1e-12)))
            score = 1.5 * tilt * sign - ((age - middle_age) / 22.0) ** 2 + gumbel
            chosen = np.where(score > best, d, chosen)
            best = np.maximum(score, best)
        out[:, slot] = chosen * _PER_DEPARTMENT + (u(100 + slot) * _PER_DEPARTMENT).astype(np.int64)
    return out


def _reach(u: Callable[[int], npt.NDArray[np.float64]], users: npt.NDArray[np.void]) -> npt.NDArray[np.uint8]:
    out = np.zeros((len(users), len(settings.CAMPAIGNS)), np.uint8)
    for c, campaign in enumerate(settings.CAMPAIGNS):
        tilt = 2 / (1 + np.exp(-2.0 * (users["zeal"] + 0.4))) if campaign.targeted else 1.0
        aimed = u(120 + 2 * c) < np.minimum(campaign.reach * tilt, 1.0)
        out[:, c] = np.where(aimed, np.where(u(121 + 2 * c) < campaign.holdout, 2, 1), 0)
    return out


def user_ids(first: int, n: int) -> list[str]:
    """Return the ids of the users, by number."""
    return [f"u{i:08d}" for i in range(first, first + n)]


def table(seed: int, first: int, n: int, days: int) -> pa.Table:
    """Return shoppers as ``users.parquet`` has them; one in six is known by id, country and region alone."""
    people = draw(seed, first, n, days)
    hidden = uniforms(seed, _STREAM + 130, first, n) < 1 / 6
    places = [vocabulary.PLACES[p] for p in range(len(vocabulary.PLACES))]
    place = people.users["place"]
    honest = uniforms(seed, _STREAM + 131, first, n) < 0.8
    other = (uniforms(seed, _STREAM + 132, first, n) * len(_DEPARTMENTS)).astype(np.int64)
    shown = np.where(honest, people.taste[:, 0] // _PER_DEPARTMENT, other)
    interests = _pairs(shown, people.taste[:, 1] // _PER_DEPARTMENT)
    return pa.table(
        {
            Columns.user_id: pa.array(user_ids(first, n)),
            "age": pa.array(people.age, pa.int32(), mask=hidden),
            "gender": _decode(GENDERS, people.gender, hidden),
            Columns.country: _decode([p[0] for p in places], place, None),
            Columns.region: _decode([p[1] for p in places], place, None),
            "income": pa.array(people.income, pa.int32(), mask=hidden),
            "interests": _decode(interests[0], interests[1], hidden),
        }
    )


def _pairs(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> tuple[list[str], npt.NDArray[np.int64]]:
    names = [f"{x}; {y}" if x != y else x for x in _DEPARTMENTS for y in _DEPARTMENTS]
    return names, a * len(_DEPARTMENTS) + b


def _decode(
    names: list[str] | tuple[str | None, ...], codes: npt.NDArray[np.generic], hidden: npt.NDArray[np.bool_] | None
) -> pa.Array:
    taken = pa.array(names, pa.string()).take(pa.array(codes.astype(np.int64), mask=hidden))
    return taken
