"""Ingest on Spark ends in the same store as on threads: same paths, same codes, same counts, same quarantine."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from cartpath import engine, store
from cartpath.ingest.readers import parquet_reader
from cartpath.ingest.reading import Piece
from cartpath.privacy import forget
from cartpath.schema import CartpathError
from cartpath.simulate import simulate
from cartpath.store.codes import CODED
from cartpath.store.rebuild import rebuild
from tests.engine.same import SPARK, both, clean, copied, fresh, put, same_state

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]

ADAPTER = """
import pyarrow.csv
import numpy as np
from cartpath.ingest import Adapter
from cartpath.ingest.chunk import Chunk
from cartpath.schema import Columns

def read(context):
    table = pyarrow.csv.read_csv(context.file)
    table = table.rename_columns([{"once": Columns.once, "hit": Columns.hit}.get(n, n) for n in table.column_names])
    if "fail" in context.file.name:
        raise ValueError(f"nothing to see in {context.file.name}")
    yield Chunk(table, np.arange(2, len(table) + 2))

ADAPTER = Adapter("mine", "hits with keys", columns={"user_id": "u", "ts": "t", "event": "e"}, read=read)
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated log with its dirt, in files of several kinds; one of them has many row groups."""
    folder = tmp_path_factory.mktemp("log")
    simulate(folder, users=500, days=20, seed=9)
    events = pq.read_table(folder / "events.parquet")
    third = len(events) // 3
    pq.write_table(events.slice(0, third), folder / "a.parquet", row_group_size=400)
    text = events.slice(third, third)
    for at, name in enumerate(text.column_names):
        text = text.set_column(at, name, text[name].cast(pa.string()))
    with gzip.open(folder / "b.csv.gz", "wb") as file:
        pyarrow.csv.write_csv(text, file)
    rows = events.slice(2 * third).to_pandas().to_json(orient="records", lines=True, date_format="iso")
    (folder / "c.jsonl").write_text(rows + '{"torn": ', encoding="utf-8")
    pq.write_table(events.slice(third // 2, third), folder / "again.parquet", row_group_size=1000)
    return folder


@pytest.fixture
def many_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a few thousand rows are cut as those of millions are."""
    monkeypatch.setattr(parquet_reader, "_CHUNKS", 0.001)


def on_both(
    shops: tuple[Path, Path], sources: list[Path], adapter: str = "generic", **more: object
) -> dict[str, object]:
    """Ingest on either engine; all is the same."""
    one, other = (
        put(shop, name, sources, adapter, **more) for shop, name in zip(shops, ("threads", SPARK), strict=True)
    )
    assert one == other
    same_state(*shops)
    clean(shops[1])
    return one


def test_a_dirty_log_in_files_of_three_kinds_then_appends(
    log: Path, tmp_path: Path, spark: str, many_ranges: None
) -> None:
    shops = both(tmp_path)
    assert len(parquet_reader.ranges(log / "a.parquet")) > 3
    tables = {"items": log / "items.parquet", "users": log / "users.parquet"}
    first = on_both(shops, [log / "a.parquet", log / "b.csv.gz"], "cartpath", **tables)
    assert first["quarantined"] > 5
    assert first["duplicates"] > 0
    second = on_both(shops, [log / "c.jsonl", log / "again.parquet"], "cartpath")
    assert second["duplicates"] > 1000
    assert second["reasons"].keys() & {"malformed_json", "torn_row"}
    third = on_both(shops, [log / "a.parquet"], "cartpath")
    assert (third["read"], third["unchanged_files"]) == (0, 1)


def test_keys_that_count_once_are_settled_across_files(tmp_path: Path, spark: str) -> None:
    """The confirmation page of one order, in three files: the earliest hit counts, wherever it lies."""
    (tmp_path / "mine.py").write_text(ADAPTER, encoding="utf-8")
    lines = {
        "a": ["u1,2020-01-01 00:00:09,buy,o1,1", "u1,2020-01-01 00:00:09,view,,1", "u2,2020-01-01 00:00:01,buy,o2,1"],
        "b": ["u1,2020-01-01 00:00:05,buy,o1,2", "u3,2020-01-01 00:00:05,buy,o1,1"],
        "c": ["u1,2020-01-01 00:00:01,buy,o1,3", "u2,2020-01-01 00:00:00,buy,o2,4"],
    }
    for name, rows in lines.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(["u,t,e,once,hit", *rows]) + "\n", encoding="utf-8")
    shops, adapter = both(tmp_path), str(tmp_path / "mine.py")
    done = on_both(shops, [tmp_path / "a.csv", tmp_path / "b.csv"], adapter)
    # Of o1 the earliest hit is u1's second (of equal times the first in the source); o2 has one.
    assert (done["read"], done["stored"], done["duplicates"]) == (5, 3, 2)
    later = on_both(shops, [tmp_path / "c.csv"], adapter)
    assert (later["stored"], later["duplicates"]) == (0, 2)  # what is stored stays first


def test_a_forgotten_user_does_not_come_back(log: Path, tmp_path: Path, spark: str) -> None:
    events = pq.read_table(log / "a.parquet")
    user = Counter(events["user_id"].drop_null().to_pylist()).most_common(1)[0][0]
    own = pc.equal(events["user_id"], user)
    page = pc.if_else(own, pa.scalar("/only/this/one"), pc.cast(events["page"], pa.string()))
    pq.write_table(events.set_column(events.column_names.index("page"), "page", page), tmp_path / "log.parquet")
    shops = both(tmp_path)
    for shop in shops:
        forget(shop, user)
    done = on_both(shops, [tmp_path / "log.parquet"], "cartpath")
    assert done["reasons"]["forgotten_user"] == pc.sum(own).as_py() > 1
    for shop in shops:
        with store.open_snapshot(shop) as snapshot:
            assert "/only/this/one" not in [text for name in CODED.values() for text in snapshot.codes(name)]


def test_real_days_of_google_analytics(data_dir: Path, tmp_path: Path, spark: str) -> None:
    files = sorted((data_dir / "ga360_merch").rglob("*.parquet"))[:3]
    done = on_both(both(tmp_path), files, "ga360")
    assert done["stored"] > 1000


def test_an_error_in_a_file_leaves_nothing(tmp_path: Path, spark: str) -> None:
    (tmp_path / "mine.py").write_text(ADAPTER, encoding="utf-8")
    for name in ("good", "fail"):
        (tmp_path / f"{name}.csv").write_text(f"u,t,e\nu1,2020-01-01,{name}\n", encoding="utf-8")
    shop = fresh(tmp_path / "shop")
    with pytest.raises(ValueError, match=r"nothing to see in fail\.csv"):
        put(shop, SPARK, [tmp_path / "good.csv", tmp_path / "fail.csv"], str(tmp_path / "mine.py"))
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.generation == 0
    with store.writer(shop):
        pass
    clean(shop)


def test_a_cut_parquet_file_is_told_as_on_threads(log: Path, tmp_path: Path, spark: str) -> None:
    """The footer is whole, a page is not: only a task finds out."""
    data = bytearray((log / "a.parquet").read_bytes())
    data[4:4000] = bytes(3996)
    (tmp_path / "cut.parquet").write_bytes(bytes(data))
    for shop, name in zip(both(tmp_path), ("threads", SPARK), strict=True):
        with pytest.raises(CartpathError, match=r"cut\.parquet cannot be read as Parquet"):
            put(shop, name, [tmp_path / "cut.parquet"], "cartpath")


class Given:
    """A job that is no file."""

    name, size, signature = "given", 1, "given:1"

    def __init__(self, events: pa.Table) -> None:
        self._events = events

    def open(self) -> None:
        pass

    def pieces(self):  # type: ignore[no-untyped-def]
        for at in range(0, len(self._events), 70):
            events = self._events.slice(at, 70)
            yield Piece(events, [], len(events), 0, 0, 1)

    def record(self) -> dict[str, str]:
        return {"signature": self.signature}


def test_what_is_no_file_is_read_here_and_built_there(tmp_path: Path, spark: str) -> None:
    from cartpath.ingest.jobs import ingest_jobs

    shops = both(tmp_path)
    events = pa.table(
        {
            "user_id": [f"u{i % 23}" for i in range(500)],
            "ts": pa.array([i * 10**6 for i in range(500)], pa.timestamp("us", tz="UTC")),
            "event": ["view" if i % 3 else "buy" for i in range(500)],
        }
    )
    for shop, name in zip(shops, ("threads", SPARK), strict=True):
        with engine.using(name):
            assert ingest_jobs(shop, [Given(events)]).stored == 500
    same_state(*shops)
    clean(shops[1])


def test_a_rebuild_on_spark(log: Path, tmp_path: Path, spark: str) -> None:
    one = fresh(tmp_path / "one")
    put(one, "threads", [log / "a.parquet", log / "again.parquet"], "cartpath")
    other = copied(one, tmp_path / "other")
    rebuild(one, 3)
    with engine.using(SPARK):
        rebuild(other, 3, mapper=engine.map)
    same_state(one, other)
    clean(other)


CHILD = """
import sys
from cartpath import engine, ingest
with engine.using(sys.argv[1]):
    ingest.ingest(sys.argv[2], sys.argv[3:], adapter="cartpath")
"""


def wait_until(true: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("begun", ["spill/*/*.events", "events/*/*.parquet"], ids=["reading", "building"])
def test_killed_in_the_middle_the_last_state_stays(begun: str, log: Path, tmp_path: Path) -> None:
    shop, expected = both(tmp_path)
    sources = [str(log / "a.parquet"), str(log / "b.csv.gz")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", CHILD, "local[1]", str(shop), *sources]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        wait_until(lambda: any((shop / "store").glob(begun)) or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with store.open_snapshot(shop) as snapshot:
        assert (snapshot.generation, snapshot.totals.events) == (0, 0)
    assert store.leftovers(shop)
    for workspace in (shop, expected):
        put(workspace, "threads", [Path(source) for source in sources], "cartpath")
    same_state(shop, expected)
    clean(shop)
