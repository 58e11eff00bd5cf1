"""Simulate a shop into a folder."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cartpath.schema import CartpathError, Columns, microseconds_of
from cartpath.simulate import catalogue, lifetime, population, settings, truth, world
from cartpath.simulate.encode import Encoder, file_schema
from cartpath.simulate.record import RECORD
from cartpath.simulate.settings import SLIPS, Dirt
from cartpath.simulate.slips import slip, truth_table
from cartpath.simulate.spill import TimeSlices, blocks

EVENTS_FILE, ITEMS_FILE, USERS_FILE = "events.parquet", "items.parquet", "users.parquet"
TRUTH_FILE, TRUTH_USERS_FILE, TRUTH_DIRT_FILE = "truth.json", "truth_users.parquet", "truth_dirt.parquet"
ROW_GROUP = 250_000
_SLICE_ROWS = 1_000_000
_BLOCK_ROWS = 1_000_000
_USER_CHUNK = 100_000
_MAX_USERS = 99_999_999
_ROWS_PER_USER = 40  # a guess for the number of slices; it decides on memory, never on content

Progress = Callable[[float], None]


@dataclass(frozen=True)
class SimulationSummary:
    """What was written.

    ``rows`` counts the lines of ``events.parquet``, ``events`` those without planted extra rows.
    """

    directory: str
    rows: int
    events: int
    users: int
    sessions: int
    items: int
    orders: int
    revenue: float
    robots: int
    dirt: dict[str, int]
    first: str | None
    last: str | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-ready values."""
        return asdict(self)


def simulate(
    out_dir: str | os.PathLike[str],
    users: int,
    days: int,
    seed: int,
    *,
    start: str = "2024-01-01",
    dirt: Dirt | None = None,
    progress: Progress | None = None,
) -> SimulationSummary:
    """Simulate a shop with known truth and write its log, catalogue, users and truth.

    The files are the same, byte for byte, for the same arguments, and replace the folder's when all are complete.
    Memory stays below about a gigabyte at ten million rows, and grows by roughly 100 bytes a user.

    Parameters
    ----------
    out_dir : path
        Made if missing; receives ``events.parquet``, ``items.parquet``, ``users.parquet``, ``truth_users.parquet``,
        ``truth_dirt.parquet`` and ``truth.json``.
    users : int
        From 1 to 99,999,999.
    days : int
        From 1 to 3,650.
    seed : int
        From 0 to 2**63 - 1.
    start : str
        First day, ``YYYY-MM-DD``, UTC.
    dirt : Dirt, optional
        Rates of planted defects; ``Dirt.none()`` for a clean log.
    progress : callable, optional
        Called with the finished share, from 0 to 1.

    Returns
    -------
    SimulationSummary

    Raises
    ------
    CartpathError
        If a number is out of range or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     summary = simulate(folder, users=20, days=7, seed=1)
    >>> summary.users
    20
    """
    _check(users, days, seed)
    began = time.perf_counter()
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".simulate-", dir=folder))
    except OSError as error:
        raise CartpathError(f"cannot write to {folder}: {error.strerror}", "choose another folder") from None
    try:
        job = _Job(work, users, days, seed, start, dirt or Dirt(), progress or (lambda share: None))
        told = job.run()
        for name in (EVENTS_FILE, ITEMS_FILE, USERS_FILE, TRUTH_USERS_FILE, TRUTH_DIRT_FILE, TRUTH_FILE):
            os.replace(work / name, folder / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return _summary(folder, told, time.perf_counter() - began)


def _check(users: int, days: int, seed: int) -> None:
    for name, value, low, high in (
        ("users", users, 1, _MAX_USERS),
        ("days", days, 1, 3650),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if not low <= value <= high:
            raise CartpathError(f"{name} must be from {low} to {high}, not {value}")


def _summary(folder: Path, told: dict[str, Any], seconds: float) -> SimulationSummary:
    clean, usable = told["totals"]["clean"], told["totals"]["usable"]
    return SimulationSummary(
        directory=str(folder),
        rows=told["totals"]["rows"],
        events=clean["events"],
        users=clean["users"],
        sessions=clean["sessions"],
        items=told["asked"]["items"],
        orders=clean["orders"],
        revenue=clean["revenue"],
        robots=len(told["robots"]),
        dirt=told["dirt"],
        first=usable["first"],
        last=usable["last"],
        seconds=round(seconds, 3),
    )


class _Job:
    """One simulation: users into time slices, slices into the file, then everything that is known about it."""

    def __init__(
        self, work: Path, users: int, days: int, seed: int, start: str, dirt: Dirt, progress: Progress
    ) -> None:
        begin = microseconds_of(start) // world.DAY * world.DAY
        n_items = catalogue.item_count(users)
        self.asked = {"users": users, "days": days, "seed": seed, "start": start, "items": n_items}
        self.asked["dirt_rates"] = asdict(dirt)
        self.slips = np.array([getattr(dirt, kind) for kind in SLIPS])
        self.with_received = dirt.skewed_clock > 0
        self.work, self.progress = work, progress
        self.goods = catalogue.build(seed, n_items, begin, begin + days * world.DAY)
        self.world = world.build(seed, users, days, begin, self.goods, dirt)
        self.outcome = np.zeros(users, lifetime.OUTCOME)
        self.tally = np.zeros((len(settings.CAMPAIGNS), len(lifetime.TALLY)), np.int64)
        self.counter = truth.Counter()

    def run(self) -> dict[str, Any]:
        """Write all files into the working folder; return the truth."""
        users = len(self.outcome)
        n_slices = max(1, users * _ROWS_PER_USER // _SLICE_ROWS)
        slices = TimeSlices(self.work, self.world.start, self.world.end, n_slices)
        for rows in self._lives():
            slices.add(rows)
        self._write_events(slices)
        pq.write_table(catalogue.table(self.goods), self.work / ITEMS_FILE)
        days, seed = len(self.world.days), self.world.seed
        self._write_chunks(USERS_FILE, lambda first, n: population.table(seed, first, n, days))
        self._write_chunks(TRUTH_USERS_FILE, lambda first, n: truth.users_table(self.world, self.outcome, first, n))
        told = truth.document(self.asked, self.world, self.goods, self.counter, self.outcome, self.tally)
        (self.work / TRUTH_FILE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        self.progress(1.0)
        return told

    def _lives(self) -> Iterator[npt.NDArray[np.void]]:
        """Simulate users in order and yield their rows, a buffer at a time."""
        buffer = np.zeros(_BLOCK_ROWS, RECORD)
        first, users = 0, len(self.outcome)
        while first < users:
            following, n = lifetime.simulate_users(self.world, first, users, buffer, self.outcome, self.tally)
            if following == first:  # one user does not fit
                buffer = np.zeros(2 * len(buffer), RECORD)
                continue
            if self.slips.any():
                slip(self.world.seed, self.slips, buffer, n)
            yield buffer[:n]
            first = following
            self.progress(0.3 * first / users)

    def _write_events(self, slices: TimeSlices) -> None:
        """Write row groups of equal size; the next is encoded while one is written."""
        encoder = Encoder(self.goods, self.world.users, self.with_received)
        expected = max(1, int(self.outcome["usable_events"].sum()))
        done = 0
        plain = [name for name in file_schema().names if name not in (Columns.event_id, Columns.session_id)]
        with (
            pq.ParquetWriter(
                self.work / EVENTS_FILE, encoder.schema, compression="zstd", compression_level=1,
                use_dictionary=plain, write_statistics=[Columns.ts], store_schema=False,
            ) as writer,
            pq.ParquetWriter(self.work / TRUTH_DIRT_FILE, truth_table(np.zeros(0, RECORD)).schema) as self.dirty,
            ThreadPoolExecutor(1) as ahead,
        ):  # fmt: skip
            for table in _one_ahead(ahead, self._tables(encoder, slices)):
                writer.write_table(table, row_group_size=ROW_GROUP)
                done += len(table)
                self.progress(min(0.99, 0.3 + 0.7 * done / expected))

    def _tables(self, encoder: Encoder, slices: TimeSlices) -> Iterator[pa.Table]:
        for rows in blocks(slices.read(), ROW_GROUP):
            self.counter.add(rows)
            self.dirty.write_table(truth_table(rows))
            yield encoder.table(rows)

    def _write_chunks(self, name: str, make: Callable[[int, int], pa.Table]) -> None:
        users = len(self.outcome)
        writer: pq.ParquetWriter | None = None
        for first in range(0, users, _USER_CHUNK):
            table = make(first, min(_USER_CHUNK, users - first))
            writer = writer or pq.ParquetWriter(self.work / name, table.schema, compression="zstd")
            writer.write_table(table)
        if writer:
            writer.close()


def _one_ahead(pool: ThreadPoolExecutor, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the tables while the pool makes the next one."""
    coming = pool.submit(next, tables, None)
    while (table := coming.result()) is not None:
        coming = pool.submit(next, tables, None)
        yield table
