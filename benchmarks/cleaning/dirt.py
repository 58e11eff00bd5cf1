"""Each rule of cleaning against planted dirt: a simulated shop is ingested and cleaned, and compared with its truth."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cartpath import store
from cartpath.config import CleaningSettings, Settings, StoreSettings
from cartpath.ingest import ingest
from cartpath.ingest.cleaning import Cleaned, apply, fit
from cartpath.simulate import Dirt, simulate
from cartpath.store.codes import Codes
from cartpath.store.prepare import ROW_HASH, prepare
from cartpath.store.run import Run

#: Every rule at once, none of which takes away what another is judged by.
RULES: dict[str, Any] = {
    "missing": {"price": "median"},
    "outliers": {"price": {}, "quantity": {}, "dwell": {}},
    "near_duplicates": "drop",
    "robots": "flag",
    "clock_skew": "1h",
}


def rates(level: float) -> Dirt:
    """Dirt with slips: at level 1 about one row in a hundred is wrong in some way that cleaning is about."""
    slips = {"missing_price": 0.02, "price_slip": 0.002, "quantity_slip": 0.01, "stalled_tab": 0.005,
             "skewed_clock": 0.01}  # fmt: skip
    return Dirt(**{**vars(Dirt()), **slips}).scaled(level)


@dataclass(frozen=True)
class Score:
    """How many were planted, how many were found, and how many of these were planted."""

    rule: str
    planted: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        return self.right / self.planted if self.planted else float("nan")


@dataclass
class Shop:
    """A simulated shop: its truth by event, its raw runs, and what became of them."""

    truth: dict[str, set[str]]
    value: dict[str, float]
    robots: set[str]
    skewed_users: set[str]
    ids: dict[int, str]
    user: dict[str, str]
    runs: list[Run]
    events: list[str]
    gap: int


def shop(folder: Path, users: int, days: int, seed: int, dirt: Dirt) -> Shop:
    """Simulate and ingest a shop, and read its truth."""
    simulate(folder / "log", users, days, seed, dirt=dirt)
    store.init(folder / "shop", Settings(StoreSettings(8)))
    with_time = {"received": "received_at"} if dirt.skewed_clock else {}
    ingest(folder / "shop", [str(folder / "log" / "events.parquet")], options=with_time)
    log = pq.read_table(folder / "log" / "events.parquet", columns=["user_id", "ts", "event", "event_id"])
    log = log.filter(pc.and_(pc.is_valid(log["user_id"]), pc.is_valid(log["ts"])))
    truth = pq.read_table(folder / "log" / "truth_dirt.parquet").to_pandas()
    people = pq.read_table(folder / "log" / "truth_users.parquet", columns=["user_id", "robot"]).to_pandas()
    ids = log["event_id"].to_pylist()
    user = dict(zip(ids, log["user_id"].to_pylist(), strict=True))
    kinds = {kind: set(own["event_id"]) for kind, own in truth.groupby("kind")}
    with store.open_snapshot(folder / "shop") as snapshot:
        runs = [snapshot.run(bucket) for bucket in range(snapshot.n_buckets)]
        events, gap = snapshot.codes("event"), snapshot.gap_seconds
    return Shop(
        truth=kinds,
        value=truth.dropna(subset="value").set_index("event_id")["value"].to_dict(),
        robots=set(people["user_id"][people["robot"]]),
        skewed_users={user[i] for i in kinds.get("skewed_clock", ()) if i in user},
        ids=dict(zip(prepare(log, Codes())[ROW_HASH].to_pylist(), ids, strict=True)),
        user=user,
        runs=runs,
        events=events,
        gap=gap,
    )


def cleaned(of: Shop, settings: CleaningSettings) -> tuple[list[Cleaned], float]:
    """Fit and apply; return the runs and the seconds that applying took."""
    plan = fit(of.runs, settings, of.events, of.gap)
    began = time.perf_counter()
    done = [apply(run, plan, of.gap, of.events) for run in of.runs]
    return done, time.perf_counter() - began


def _flagged(of: Shop, done: list[Cleaned], bit: int) -> set[str]:
    return {
        of.ids[row] for c in done for row in c.run.array(ROW_HASH)[(c.run.array("flags") & bit) != 0].tolist()
    }  # fmt: skip


def _removed(of: Shop, done: list[Cleaned], reason: str) -> set[str]:
    rows = [row for c in done if c.removed is not None for row in c.removed.to_pylist()]
    return {of.ids[row[ROW_HASH]] for row in rows if row["reason"] == reason}


def scores(of: Shop, done: list[Cleaned]) -> list[Score]:
    """Compare what the rules of ``RULES`` found with what was planted, among the events that were stored."""
    stored = {of.ids[row] for run in of.runs for row in run.array(ROW_HASH).tolist()}

    def score(rule: str, kinds: tuple[str, ...], found: set[str]) -> Score:
        planted = set().union(*(of.truth.get(kind, set()) for kind in kinds)) & stored
        return Score(rule, len(planted), len(found), len(planted & found))

    robots = {of.user[i] for i in _flagged(of, done, store.FLAG_ROBOT)}
    moved = _moved(of, done)
    skewed = {i for i in stored if of.user[i] in of.skewed_users}
    return [
        score("missing price", ("missing_price", "nan_price"), _flagged(of, done, store.FLAG_IMPUTED_PRICE)),
        score("price outlier", ("price_slip",), _flagged(of, done, store.FLAG_OUTLIER_PRICE)),
        score("quantity outlier", ("quantity_slip",), _flagged(of, done, store.FLAG_OUTLIER_QUANTITY)),
        score("dwell outlier", ("stalled_tab",), _flagged(of, done, store.FLAG_OUTLIER_DWELL)),
        score("near duplicate", ("near_duplicate",), _removed(of, done, "near_duplicate")),
        Score("robot (users)", len(of.robots), len(robots), len(robots & of.robots)),
        Score("clock skew (events)", len(skewed), len(moved), len(skewed & set(moved))),
    ]


def _moved(of: Shop, done: list[Cleaned]) -> dict[str, int]:
    """Events whose time was changed, and by how many microseconds."""
    raw = dict(pair for run in of.runs for pair in _times(run))
    now = dict(pair for c in done for pair in _times(c.run))
    return {of.ids[row]: ts - raw[row] for row, ts in now.items() if ts != raw[row]}


def _times(run: Run) -> Iterator[tuple[int, int]]:
    return zip(run.array(ROW_HASH).tolist(), run.array("ts").tolist(), strict=True)


def imputation_error(of: Shop, done: list[Cleaned]) -> tuple[int, float, float]:
    """Return how many prices were put in whose truth is known, and the median and mean error relative to the truth."""
    errors = []
    for c in done:
        marked = (c.run.array("flags") & store.FLAG_IMPUTED_PRICE) != 0
        for row, price in zip(c.run.array(ROW_HASH)[marked].tolist(), c.run.array("price")[marked], strict=True):
            true = of.value.get(of.ids[row])
            if true:
                errors.append(abs(price - true) / true)
    return len(errors), float(np.median(errors)), float(np.mean(errors))
