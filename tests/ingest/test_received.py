"""The server's time beside the client's: read, kept through every rewrite of the store; and zones by file name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath import config, store
from cartpath.config import CleaningSettings, Settings
from cartpath.ingest import ingest
from cartpath.privacy import forget
from cartpath.schema import CartpathError
from cartpath.store.rebuild import rebuild

from .reading import read, write

START = datetime(2024, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
HEADER = b"user_id,ts,event,item_id,server\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop")
    return tmp_path / "shop"


def log(path: Path, users: list[str], first: int, delay: float | None = 5.0) -> Path:
    """A parquet of one event a user and second; the delay is the user's place more."""
    when = [START + timedelta(seconds=first + i) for i in range(len(users))]
    got = [None if delay is None else w + timedelta(seconds=delay + i) for i, w in enumerate(when)]
    stamp = pa.timestamp("us", tz="UTC")
    columns = {"user_id": users, "ts": pa.array(when, stamp), "event": ["view"] * len(users)}
    pq.write_table(pa.table({**columns, "server": pa.array(got, stamp)}), path)
    return path


def stored(shop: Path) -> dict[str, list[int | None]]:
    """Seconds from event to receipt, by user; None where it is not known."""
    out: dict[str, list[int | None]] = {}
    with store.open_snapshot(shop) as snapshot:
        for bucket in range(snapshot.n_buckets):
            run = snapshot.run(bucket)
            delay = (run.array("received") - run.array("ts")) // SECOND
            for row, user in enumerate(run.user_id.to_pylist()):
                own = slice(run.offsets[row], run.offsets[row + 1])
                known = run.array("received")[own] != 0
                out[user] = [int(d) if k else None for d, k in zip(delay[own], known, strict=True)]
    return out


def test_it_is_kept_through_merge_rebucket_and_erasure(shop: Path, tmp_path: Path) -> None:
    option = {"received": "server"}
    ingest(shop, [str(log(tmp_path / "a.parquet", ["a", "b", "a"], 0))], options=option)
    assert stored(shop) == {"a": [5, 7], "b": [6]}
    ingest(shop, [str(log(tmp_path / "b.parquet", ["a"], 100, 50.0))], options=option)
    ingest(shop, [str(log(tmp_path / "c.parquet", ["c"], 100, None))], options=option)
    expected: dict[str, list[int | None]] = {"a": [5, 7, 50], "b": [6], "c": [None]}
    assert stored(shop) == expected
    rebuild(shop, 3)
    assert stored(shop) == expected
    forget(shop, "b")
    del expected["b"]
    assert stored(shop) == expected
    rebuild(shop, 5)
    assert stored(shop) == expected


def test_it_is_no_part_of_the_fingerprint(shop: Path, tmp_path: Path) -> None:
    ingest(shop, [str(log(tmp_path / "a.parquet", ["a"], 0))], options={"received": "server"})
    again = ingest(shop, [str(log(tmp_path / "b.parquet", ["a"], 0, 900.0))], options={"received": "server"})
    assert (again.stored, again.duplicates) == (0, 1)
    assert stored(shop) == {"a": [5]}


def test_without_the_option_it_is_not_read(shop: Path, tmp_path: Path) -> None:
    ingest(shop, [str(log(tmp_path / "a.parquet", ["a"], 0))])
    with store.open_snapshot(shop) as snapshot:
        runs = [snapshot.run(bucket) for bucket in range(snapshot.n_buckets)]
    assert not any("received" in run.arrays for run in runs if len(run))


@pytest.mark.parametrize("packed", ["csv", "jsonl"])
def test_text_is_read_and_what_cannot_be_is_unknown(tmp_path: Path, packed: str) -> None:
    rows = [("2024-01-01 00:00:00", "2024-01-01T00:00:05Z"), ("1704067200", "soon"), ("2024-01-01", "")]
    if packed == "csv":
        data = HEADER + b"".join(f"u,{ts},view,i{i},{got}\n".encode() for i, (ts, got) in enumerate(rows))
    else:
        line = '{{"user_id": "u", "ts": "{}", "event": "view", "item_id": "i{}", "server": "{}"}}\n'
        data = "".join(line.format(ts, i, got) for i, (ts, got) in enumerate(rows)).encode()
    done = read(write(tmp_path / f"a.{packed}", data), received="server")
    assert done.reasons == {}
    assert done.column("_received") == [START + timedelta(seconds=5), None, None]


def test_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", HEADER + b"u,2024-01-01,view,i,2024-01-01\n")
    with pytest.raises(CartpathError, match="has no column 'arrived'") as error:
        read(path, received="arrived")
    assert "server" in error.value.hint


def test_an_adapter_with_times_of_its_own_has_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"u i\n")
    with pytest.raises(CartpathError, match="sequences reads no time of receipt"):
        read(path, "sequences", received="server")


def first_times(shop: Path) -> dict[str, datetime]:
    with store.open_snapshot(shop) as snapshot:
        views = [snapshot.bucket(bucket) for bucket in range(snapshot.n_buckets)]
    return {
        str(path.user_id[0]): datetime.fromtimestamp(int(path.ts[0]) / SECOND, UTC) for view in views for path in view
    }


def with_zones(folder: Path, zones: dict[str, str]) -> Path:
    store.init(folder, Settings(cleaning=CleaningSettings(time_zones=zones)))
    return folder


@pytest.mark.parametrize(
    ("options", "hours"),
    [
        ({}, {"eu": 11, "us": 17, "utc": 12, "own": 9}),
        ({"time_zone": "Asia/Tokyo"}, {"eu": 3, "us": 3, "utc": 3, "own": 9}),
    ],
)
def test_times_without_an_offset_are_in_the_zone_of_their_file(
    tmp_path: Path, options: dict[str, Any], hours: dict[str, int]
) -> None:
    shop = with_zones(tmp_path / "shop", {"eu/*.csv": "Europe/Berlin", "us-*.csv": "America/New_York"})
    for name, user in (("eu/a.csv", "eu"), ("us-b.csv", "us"), ("c.csv", "utc")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        write(path, HEADER + f"{user},2024-01-01 12:00:00,view,i,\n".encode())
    # An offset in the text says more than any zone: mixed in one column.
    (tmp_path / "eu" / "d.csv").write_bytes(HEADER + b"own,2024-01-01T12:00:00+03:00,view,i,\n")
    ingest(shop, [str(tmp_path / "eu"), str(tmp_path / "us-b.csv"), str(tmp_path / "c.csv")], options=options)
    assert {user: when.hour for user, when in first_times(shop).items()} == hours


def test_mixed_offsets_in_one_column(tmp_path: Path) -> None:
    shop = with_zones(tmp_path / "shop", {"*.csv": "Europe/Berlin"})
    times = ["2024-07-01 12:00:00", "2024-07-01T12:00:00Z", "2024-07-01T12:00:00-05:00", "1719835200"]
    write(tmp_path / "a.csv", HEADER + b"".join(f"u{i},{t},view,i,\n".encode() for i, t in enumerate(times)))
    ingest(shop, [str(tmp_path / "a.csv")])
    assert {user: when.hour for user, when in first_times(shop).items()} == {"u0": 10, "u1": 12, "u2": 17, "u3": 12}


def test_another_zone_is_another_reading_of_the_file(tmp_path: Path) -> None:
    shop = with_zones(tmp_path / "shop", {})
    path = write(tmp_path / "a.csv", HEADER + b"u,2024-01-01 12:00:00,view,i,\n")
    assert ingest(shop, [str(path)]).files == 1
    assert ingest(shop, [str(path)]).unchanged_files == 1
    with (shop / config.FILE_NAME).open("a", encoding="utf-8") as file:
        file.write('[cleaning.time_zones]\n"*.csv" = "Europe/Berlin"\n')
    again = ingest(shop, [str(path)])
    assert (again.files, again.stored) == (1, 1)
    with store.open_snapshot(shop) as snapshot:
        assert np.sum([snapshot.bucket(b).n_events for b in range(snapshot.n_buckets)]) == 2
