"""Parts of a service that hold their things in memory, for tests of what is around them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath import config, store
from cartpath.access import Audit, Keyring, RateLimits, create_key
from cartpath.features import Log, log_of
from cartpath.features.log import join
from cartpath.schema import CartpathError
from cartpath.serving.metrics import Metrics
from cartpath.serving.models import Models
from cartpath.serving.parts import Parts
from cartpath.serving.ports import Index
from cartpath.serving.scorers.scored import Scored, known_rows
from cartpath.serving.state.joined import nothing
from cartpath.store import view_from_table
from cartpath.store.codes import Codes

SCOPES = ("events:write", "recommend:read", "admin")


@dataclass(frozen=True)
class FakeRejected:
    index: int
    reason: str
    what: str


@dataclass(frozen=True)
class FakeAccepted:
    accepted: int
    duplicates: int
    rejected: list[FakeRejected]


class FakeState:
    """Live paths in memory; a user's events in the order they came, a second apart."""

    def __init__(self) -> None:
        self.paths: dict[str, list[str]] = defaultdict(list)
        self.ids: set[str] = set()
        self.closed = self.broken = False
        self._lock = threading.Lock()

    def append(self, events: list[Any]) -> FakeAccepted:
        accepted, duplicates, rejected = 0, 0, []
        with self._lock:
            for index, event in enumerate(events):
                if not isinstance(event, dict) or not isinstance(event.get("user_id"), str):
                    rejected.append(FakeRejected(index, "missing_user", "the event has no user_id"))
                elif str(event.get("event_id")) in self.ids:
                    duplicates += 1
                else:
                    accepted += 1
                    self.paths[event["user_id"]].append(str(event.get("event", "view")))
                    self.ids |= {str(event["event_id"])} if "event_id" in event else set()
        return FakeAccepted(accepted, duplicates, rejected)

    def log(self, users: Sequence[str]) -> Log:
        codes, views = Codes(), []
        for user in users:
            path = self.paths.get(user, [])
            table = pa.table(
                {
                    "user_id": pa.array([user] * len(path), pa.string()),
                    "ts": pa.array(range(len(path)), pa.timestamp("s", tz="UTC")),
                    "event": pa.array(path, pa.string()),
                }
            )
            views.append(view_from_table(table, codes=codes)[0] if path else nothing(user))
        return log_of(join(views), codes)

    def latest(self) -> int:
        return 10**6 * max(map(len, self.paths.values()), default=0)

    def known(self, user: str) -> bool:
        return user in self.paths

    def forget(self, user: str) -> Any:
        return SimpleNamespace(events=len(self.paths.pop(user, ())))

    def health(self) -> Any:
        return SimpleNamespace(ok=not self.broken)

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class FakePlaced:
    item_id: str
    score: float
    why: str = "because"
    parts: Mapping[str, float] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    propensity: float = 1.0


@dataclass(frozen=True)
class FakeSlate:
    items: tuple[FakePlaced, ...]
    fallback: bool = False
    candidates: int = 5


class FakeRanker:
    """Items ``n0 n1 ...`` where n is how many events the path has; raises for a path with an event ``boom``."""

    policy, model = "blend-1", "v-1"

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def slates(self, log: Log, user: Index, ends: Index, k: int, *, time: Index | None = None) -> list[FakeSlate]:
        self.gate.wait()
        self.sizes.append(len(user))
        boom = log.event_codes.get("boom", -2)
        if (log.view.event == boom).any():
            raise RuntimeError("planted-user@example.org has a bad path")
        lengths = ends - log.view.offsets[user]
        return [
            FakeSlate(tuple(FakePlaced(f"{n}{i}", 1 / (1 + i)) for i in range(min(k, 5))), fallback=not n)
            for n in lengths
        ]

    def popular(self, k: int) -> FakeSlate:
        return FakeSlate((FakePlaced("p0", 1.0), FakePlaced("p1", 0.5))[:k], fallback=True)

    def similar(self, item_id: str, k: int) -> FakeSlate:
        if item_id == "nothing":
            raise CartpathError(f"no item {item_id!r}", "check the id")
        return FakeSlate((FakePlaced("like-" + item_id, 1.0),))


class FakeScorer:
    """The share ``n / 10`` for a path of n events; raises for a path of more than 5."""

    def __init__(self, model: str = "trees", version: str = "v-2") -> None:
        self.model, self.version, self.made = model, version, "2026-01-01T00:00:00+00:00"
        self.base = Scored(0.25, fallback=True)

    def score(self, log: Log, now: int, drivers: int) -> list[Scored]:
        lengths = np.diff(log.view.offsets)
        if (lengths > 5).any():
            raise RuntimeError("planted-user@example.org is too long")
        found = [self.base] * len(lengths)
        for row in known_rows(log):
            told = [{"kind": "feature", "name": "events", "contribution": 0.5, "value": float(lengths[row])}]
            found[row] = Scored(float(lengths[row]) / 10, drivers=told[:drivers])
        return found


class FakeNext(FakeScorer):
    def score(self, log: Log, now: int, drivers: int) -> list[Scored]:
        more = {"items": [{"item_id": "a", "probability": 0.5}], "events": [{"event": "view", "probability": 1.0}]}
        return [Scored(one.probability, one.fallback, (), more) for one in super().score(log, now, drivers)]


class FakeSlates:
    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.closed = False

    def record(self, request_id: str, user_id: str, ts: int, policy: str, model: str, slate: Any) -> None:
        self.rows.append((request_id, user_id, ts, policy, model, slate))

    def close(self) -> None:
        self.closed = True


class FakeFeedback:
    def __init__(self, slates: FakeSlates) -> None:
        self.slates = slates

    def close(self) -> None:
        pass

    def policy_of(self, request_id: str) -> str | None:
        return next((row[3] for row in self.slates.rows if row[0] == request_id), None)

    def record(self, request_id: str, item_id: str, kind: str, ts: int) -> str:
        shown = [row for row in self.slates.rows if row[0] == request_id]
        if not shown:
            return "unknown_request"
        return "joined" if item_id in [one.item_id for one in shown[0][5].items] else "unknown_item"


def fake_loaders() -> dict[str, Any]:
    ranker, scorers = FakeRanker(), {"intent": FakeScorer(), "churn": FakeScorer("rfm"), "next": FakeNext("behaviour")}
    return {"recommend": lambda shop: ranker, **{n: lambda shop, one=one: one for n, one in scorers.items()}}


def make_shop(folder: Path) -> Path:
    store.init(folder, config.Settings(store=config.StoreSettings(4)))
    return folder


def fake_parts(shop: Path, load: Mapping[str, Any] | None = None, rate: float = 100_000, every: float = 3600) -> Parts:
    slates = FakeSlates()
    return Parts(
        state=FakeState(),
        keys=Keyring.load(shop),
        rates=RateLimits(rate),
        audit=Audit.open(shop),
        metrics=Metrics(),
        slates=slates,
        feedback=FakeFeedback(slates),
        models=Models(shop, (), every, fake_loaders() if load is None else load),
    )


def make_keys(shop: Path) -> dict[str, str]:
    """A key for each scope, and one for all of them."""
    return {"all": create_key(shop, SCOPES), **{scope: create_key(shop, [scope]) for scope in SCOPES}}
