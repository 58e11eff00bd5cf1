"""What is true about a simulated log: counts that must reconcile with the file, and the parameters behind it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import Columns, iso
from cartpath.simulate import population, settings, vocabulary
from cartpath.simulate import record as r
from cartpath.simulate.catalogue import Catalogue, item_ids
from cartpath.simulate.world import World

_N_CODES = 1 + len(settings.DIRT_KINDS)


class Counter:
    """Counts rows by event and kind of dirt, and the time they span, block by block."""

    def __init__(self) -> None:
        self.by_event = np.zeros((len(vocabulary.EVENTS), _N_CODES), np.int64)
        self.refund_cents = 0
        self.first, self.last = 2**62, -(2**62)

    def add(self, rows: npt.NDArray[np.void]) -> None:
        """Count a block."""
        cells = rows["event"].astype(np.int64) * _N_CODES + rows["dirt"]
        self.by_event += np.bincount(cells, minlength=self.by_event.size).reshape(self.by_event.shape)
        usable = rows["ts"][~np.isin(rows["dirt"], _codes(settings.UNUSABLE))]
        if len(usable):
            self.first, self.last = min(self.first, int(usable.min())), max(self.last, int(usable.max()))
        refund = (rows["event"] == r.REFUND) & (rows["dirt"] != r.EXACT_DUPLICATE)
        self.refund_cents += int(rows["order_cents"][refund].sum())

    def kind(self, name: str) -> int:
        """Return how many rows have this kind of dirt."""
        return int(self.by_event[:, 1 + settings.DIRT_KINDS.index(name)].sum())


def _codes(kinds: tuple[str, ...]) -> list[int]:
    return [1 + settings.DIRT_KINDS.index(kind) for kind in kinds]


def totals(counter: Counter, outcome: npt.NDArray[np.void]) -> dict[str, Any]:
    """Return the totals of the file, of what shoppers did, and of what an ingest should store."""
    rows = int(counter.by_event.sum())
    duplicates = counter.kind("exact_duplicate")
    quarantined = sum(counter.kind(kind) for kind in settings.UNUSABLE)
    stored = np.delete(counter.by_event, _codes((*settings.UNUSABLE, "exact_duplicate")), axis=1).sum(axis=1)
    clean = np.delete(counter.by_event, _codes(settings.EXTRA_ROWS), axis=1).sum(axis=1)
    money = {
        "orders": int(outcome["orders"].sum()),
        "revenue": round(float(outcome["spent_cents"].sum()) / 100, 2),
        "refunds": int(outcome["refunds"].sum()),
        "refunded": round(counter.refund_cents / 100, 2),
    }
    return {
        "rows": rows,
        "clean": {
            "events": int(clean.sum()),
            "users": int((outcome["sessions"] > 0).sum()),
            "sessions": int(outcome["sessions"].sum()),
            "events_by_type": _by_type(clean),
            **money,
        },
        "usable": {
            "read": rows,
            "stored": rows - duplicates - quarantined,
            "duplicates": duplicates,
            "quarantined": quarantined,
            "users": int((outcome["usable_sessions"] > 0).sum()),
            "sessions": int(outcome["usable_sessions"].sum()),
            "events_by_type": _by_type(stored),
            "first": iso(counter.first) if rows else None,
            "last": iso(counter.last) if rows else None,
            **money,
        },
    }


def _by_type(counts: npt.NDArray[np.int64]) -> dict[str, int]:
    return {name: int(n) for name, n in zip(vocabulary.EVENTS, counts, strict=True) if n}


def campaigns(world: World, tally: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    """Return each campaign's settings and realised effect.

    ``uplift`` is the share of its sessions that bought minus the share that would have bought: each of these
    sessions was run twice from the same state with the same random numbers, with the effect and without.
    """
    out = []
    for c, campaign in enumerate(settings.CAMPAIGNS):
        sessions, bought, without = (int(value) for value in tally[c])
        reach = np.bincount(world.reach[:, c], minlength=3)
        out.append(
            {
                **asdict(campaign),
                "effect_log_odds_per_step": campaign.effect,
                "first_day": campaign.first * len(world.days),
                "last_day": campaign.last * len(world.days),
                "users_reached": int(reach[1]),
                "users_held_out": int(reach[2]),
                "sessions": sessions,
                "sessions_that_bought": bought,
                "sessions_that_would_have_bought_without": without,
                "uplift": (bought - without) / sessions if sessions else None,
                "log_odds_ratio": _log_odds_ratio(sessions, bought, without),
            }
        )
    return out


def _log_odds_ratio(n: int, a: int, b: int) -> float | None:
    if not (0 < a < n and 0 < b < n):
        return None
    return math.log(a / (n - a)) - math.log(b / (n - b))


def document(
    asked: dict[str, Any],
    world: World,
    goods: Catalogue,
    counter: Counter,
    outcome: npt.NDArray[np.void],
    tally: npt.NDArray[np.int64],
) -> dict[str, Any]:
    """Return the content of ``truth.json``."""
    robots = np.flatnonzero(world.users["robot"])
    people = world.users["robot"] == 0
    persona = np.bincount(world.users["persona"][people], minlength=len(settings.PERSONAS))
    churned = (outcome["churned"] > 0) & people
    cold = np.flatnonzero(goods.items["cold"])
    ids = item_ids(len(goods))
    return {
        "asked": asked,
        "totals": totals(counter, outcome),
        "dirt": {kind: counter.kind(kind) for kind in settings.DIRT_KINDS},
        "campaigns": campaigns(world, tally),
        "personas": [
            {**asdict(p), "users": int(n)} for p, n in zip(settings.PERSONAS, persona, strict=True)
        ],
        "intent": {
            "states": [asdict(intent) for intent in settings.INTENTS],
            "meaning": "up and down move the state after each event; up gains the shopper's zeal, channel, need and "
            "campaign effect and loses price_sensitivity x log(price / usual price) of the item in focus",
        },
        "traffic": [
            dict(zip(("channel", "source", "medium", "campaign", "added_bounce", "added_log_odds"),
                     (*row[:4], *row[-2:]), strict=True))
            for row in vocabulary.TRAFFIC
        ],
        "replenished": {name: d[4] for name, d in vocabulary.DEPARTMENTS.items() if d[4]},
        "churn": {"users": int(churned.sum()), "rate": float(churned.sum() / max(people.sum(), 1))},
        "robots": [f"u{i:08d}" for i in robots],
        "robot_events": int(outcome["usable_events"][robots].sum()),
        "cold_items": {ids[i]: iso(int(goods.items["launch"][i])) for i in cold},
        "users_file": "truth_users.parquet",
    }  # fmt: skip


def users_table(world: World, outcome: npt.NDArray[np.void], first: int, n: int) -> pa.Table:
    """Return the truth about users ``first .. first + n - 1``: persona, drives, favourites, churn, campaign groups."""
    here = slice(first, first + n)
    users, out = world.users[here], outcome[here]
    names = [f"{d} > {s} > {k}" for d, s, k in vocabulary.kinds()]
    personas = pa.array([p.name for p in settings.PERSONAS])
    groups = pa.array(["not aimed at", "reached", "held out"])
    columns = {
        Columns.user_id: pa.array(population.user_ids(first, n)),
        "robot": pa.array(users["robot"] == 1),
        "persona": personas.take(pa.array(users["persona"])),
        "zeal": pa.array(users["zeal"]),
        "price_sensitivity": pa.array(users["sensitivity"]),
        "visits_per_day": pa.array(users["rate"]),
        "churned_at": pa.array(out["churned"], pa.int64(), mask=out["churned"] == 0).cast(pa.timestamp("us", tz="UTC")),
        "sessions": pa.array(out["sessions"]),
        "orders": pa.array(out["orders"]),
        "spent": pa.array(out["spent_cents"] / 100),
    }
    for slot in range(population.N_TASTES):
        columns[f"favourite_{slot + 1}"] = pa.array(names).take(pa.array(world.taste[here, slot]))
    for c, campaign in enumerate(settings.CAMPAIGNS):
        columns[f"campaign_{campaign.name}"] = groups.take(pa.array(world.reach[here, c]))
    return pa.table(columns)
