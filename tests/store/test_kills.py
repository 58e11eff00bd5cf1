"""A process killed at any moment leaves the state before or after, and nothing in between."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cartpath import config, store
from cartpath.store.codes import CODED
from cartpath.store.path import EVENT_ARRAYS
from tests.store.killed import JOBS
from tests.store.twin import workspace

SCRIPT = Path(__file__).with_name("killed.py")
ROOT = SCRIPT.parent.parent.parent


def state(shop: Path) -> str:
    """A digest of all that a reader sees."""
    digest = hashlib.sha256()
    with store.open_snapshot(shop) as snap:
        digest.update(repr((snap.n_buckets, snap.totals, len(snap.commits))).encode())
        digest.update(repr([snap.codes(name) for name in CODED.values()]).encode())
        for bucket in range(snap.n_buckets):
            view = snap.bucket(bucket)
            digest.update(repr(view.user_id.to_pylist()).encode())
            s = view.sessions
            arrays = [getattr(view, name) for name in EVENT_ARRAYS]
            for array in (*arrays, view.offsets, s.user, s.start, s.end, s.key, *s.context.values()):
                digest.update(np.ascontiguousarray(array).tobytes())
        events = sum(snap.bucket(b).n_events for b in range(snap.n_buckets))
        assert snap.totals.events == events
    return digest.hexdigest()


@dataclass
class Case:
    """A job, what it starts from, and the digests before and after."""

    job: str
    template: Path
    before: str
    after: str
    operations: int
    seconds: float


def start(shop: Path, job: str, *more: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(shop), job, *more], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def prepare(folder: Path, job: str) -> Case:
    template, done = folder / f"{job}-template", folder / f"{job}-done"
    workspace(template, 4)
    for earlier in {"ingest": [], "append": ["ingest"], "compact": ["ingest", "append"]}.get(job, ["ingest", "append"]):
        JOBS[earlier](template)
    shutil.copytree(template, done)
    with start(done, job) as process:
        began = time.monotonic()
        assert process.stdout is not None
        operations = int(process.stdout.readline().split()[1])
        seconds = time.monotonic() - began
    assert state(template) != state(done)
    return Case(job, template, state(template), state(done), operations, seconds)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return {}


def case_of(cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory, job: str) -> Case:
    if job not in cases:
        cases[job] = prepare(tmp_path_factory.mktemp("kills"), job)
    return cases[job]


def check(shop: Path, case: Case) -> str:
    """The state is whole, leftovers are reported, and doing the job again ends where it should."""
    now = state(shop)
    assert now in (case.before, case.after), "half a state"
    n_left = len(store.leftovers(shop))
    if now == case.before:
        JOBS[case.job](shop)
        assert state(shop) == case.after
    else:
        with store.writer(shop):
            pass
        assert state(shop) == case.after
    assert store.leftovers(shop) == []
    assert list(shop.rglob("*.tmp")) == []
    assert not list((shop / "store" / "spill").glob("*"))
    with store.open_snapshot(shop) as snap:
        assert config.load(shop).store.buckets == snap.n_buckets
    return ("after" if now == case.after else "before") + (", with leftovers" if n_left else "")


def kill_at(case: Case, shop: Path, operation: int) -> str:
    shutil.copytree(case.template, shop)
    with start(shop, case.job, str(operation)) as process:
        process.wait()
    assert process.returncode == -9
    return check(shop, case)


@pytest.mark.parametrize(("job", "share"), [("ingest", 0.85), ("compact", 0.5)])
def test_a_kill_at_an_operation_leaves_a_whole_state(
    cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, job: str, share: float
) -> None:
    case = case_of(cases, tmp_path_factory, job)
    kill_at(case, tmp_path / "shop", max(1, int(case.operations * share)))


@pytest.mark.slow
@pytest.mark.parametrize("job", list(JOBS))
def test_kills_at_many_operations(
    cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, job: str
) -> None:
    """The last operations are where the manifest is swapped: each of them, and some of those before."""
    case = case_of(cases, tmp_path_factory, job)
    last = list(range(case.operations - 8, case.operations + 1))
    outcomes = Counter(
        kill_at(case, tmp_path / f"shop-{n}", n)
        for n in sorted({*random.Random(4).sample(range(1, case.operations), 4), *last})
        if n > 0
    )
    print(job, case.operations, dict(outcomes))
    assert any(outcome.startswith("before") for outcome in outcomes)


@pytest.mark.slow
def test_twenty_kills_at_random_moments(
    cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    rng = random.Random(20)
    outcomes: Counter[str] = Counter()
    for turn in range(20):
        case = case_of(cases, tmp_path_factory, list(JOBS)[turn % len(JOBS)])
        shop = tmp_path / f"shop-{turn}"
        shutil.copytree(case.template, shop)
        with start(shop, case.job) as process:
            time.sleep(rng.uniform(0.05, 1.0) * case.seconds)
            process.kill()
            process.wait()
        outcomes[f"{case.job}: {check(shop, case)}"] += 1
    print(dict(sorted(outcomes.items())))
    assert sum(outcomes.values()) == 20
