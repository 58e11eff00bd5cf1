"""A follower killed at any moment: in the end the store is as if the files had been ingested in one go."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cartpath import ingest, store
from tests.ingest.following import Follower, events, line, make_shop

SCRIPT = Path(__file__).with_name("followed.py")
ROOT = SCRIPT.parents[2]


def start(shop: Path, source: str, *when: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(shop), source, *when],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


class Log(threading.Thread):
    """Writes a log in pieces of odd sizes, some rows bad, some twice, and rotates it."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(daemon=True)
        self.folder, self.rng, self.stop, self.turn = folder, random.Random(seed), threading.Event(), 0

    def run(self) -> None:
        n = 0
        while not self.stop.is_set():
            text = b""
            for _ in range(self.rng.randrange(300)):
                n += 1
                text += b"no json\n" if n % 97 == 0 else line(f"u{n % 13}", n % 3600, item_id=f"i{n - n % 89 % 2}")
            with open(self.folder / "a.jsonl", "ab", buffering=0) as file:
                while text:
                    size = self.rng.randrange(1, 5000)
                    file.write(text[:size])
                    text = text[size:]
                    time.sleep(self.rng.random() * 0.02)
            if self.rng.random() < 0.05:
                self.turn += 1
                (self.folder / "a.jsonl").rename(self.folder / f"a-{self.turn}.jsonl")

    def end(self) -> list[Path]:
        self.stop.set()
        self.join()
        return sorted(self.folder.glob("a*.jsonl"))


def totals(shop: Path) -> tuple[int, int, list[tuple[str, str, int]]]:
    """Sums over all commits, and the rows in quarantine."""
    with store.open_snapshot(shop) as snapshot:
        commits = snapshot.commits
    bad = [row for path in (shop / "quarantine").glob("*") for row in pq.read_table(path).to_pylist()]
    assert sum(n for commit in commits for n in commit["quarantine"].values()) == len(bad)
    sums = [sum(commit[name] for commit in commits) for name in ("stored", "duplicates")]
    return sums[0], sums[1], sorted((row["reason"], row["raw"], row["row"]) for row in bad)


def check(shop: Path, folder: Path, files: list[Path], plain: Path) -> int:
    """Follow to the end, and compare with an ingest of the files as they are; return how many events there are."""
    follower = Follower(shop, folder)
    while follower.batch().read:
        pass
    assert store.leftovers(shop) == []
    ingest.ingest(make_shop(plain), [str(path) for path in files])
    assert events(shop) == events(plain)
    assert totals(shop) == totals(plain)
    return totals(shop)[0]


def kill(shop: Path, folder: Path, moments: list[float], seed: int) -> None:
    log = Log(folder, seed)
    log.start()
    for moment in moments:
        with start(shop, str(folder)) as process:
            time.sleep(moment)
            process.kill()
            process.wait()
        assert process.returncode == -9
    files = log.end()
    assert check(shop, folder, files, shop.with_name("plain")) > 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def test_killed_while_a_log_is_written(tmp_path: Path, folder: Path) -> None:
    kill(make_shop(tmp_path / "shop"), folder, [0.8, 0.3], 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_many_times(tmp_path: Path, folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    kill(make_shop(tmp_path / "shop"), folder, [rng.uniform(0.05, 2) for _ in range(10)], seed)


def at_operations(tmp_path: Path, folder: Path, operations: list[int]) -> None:
    shop, path = make_shop(tmp_path / "shop"), folder / "a.jsonl"
    for turn, operation in enumerate(operations):
        text = b"".join(line(f"u{n % 5}", n) for n in range(50 * turn, 50 * turn + 50))
        with open(path, "ab") as file:
            file.write(text + b"bad\n" + line("half", turn)[:-4])
        with start(shop, str(folder), str(operation)) as process:
            process.wait(60)
        assert process.returncode == -9
        with open(path, "ab") as file:
            file.write(line("half", turn)[-4:])
    check(shop, folder, [path], tmp_path / "plain")


def test_killed_at_an_operation_on_files(tmp_path: Path, folder: Path) -> None:
    at_operations(tmp_path, folder, [9, 31])


@pytest.mark.slow
def test_killed_at_many_operations_on_files(tmp_path: Path, folder: Path) -> None:
    at_operations(tmp_path, folder, [*range(2, 44, 2)])
