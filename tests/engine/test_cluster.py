"""A real cluster on this machine: a standalone master and a worker, to which the command line submits."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cartpath.simulate import simulate
from tests.engine.same import fresh, put, same_state

pytestmark = [pytest.mark.spark, pytest.mark.slow]
SECONDS = 180


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": paths, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}


def _daemon(stack: ExitStack, folder: Path, name: str, *arguments: str) -> Path:
    """Start a part of Spark; it ends with the test."""
    import pyspark

    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}"]
    log = folder / f"{name}.log"
    with open(log, "wb") as out:
        process = subprocess.Popen([*command, *arguments], stdout=out, stderr=out, cwd=folder, env=_environment())
    stack.enter_context(process)
    stack.callback(process.terminate)
    return log


def _said(log: Path, pattern: str) -> str:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := re.search(pattern, log.read_text(errors="replace")):
            return found[1]
        time.sleep(0.2)
    raise AssertionError(log.read_text(errors="replace"))


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cluster")
    here = ("--host", "127.0.0.1", "--webui-port", "0")
    with ExitStack() as stack:
        log = _daemon(stack, folder, "master.Master", *here, "--port", "0")
        url = _said(log, r"Starting Spark master at (spark://\S+)")
        log = _daemon(stack, folder, "worker.Worker", *here, "--cores", "2", "--memory", "1g", url)
        _said(log, r"(Successfully registered with master)")
        yield url


def run(command: list[str], *arguments: str) -> dict[str, object]:
    done = subprocess.run(
        [*command, *arguments, "--json"], capture_output=True, text=True, timeout=600, env=_environment(), check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_ingest_and_counts_on_a_cluster(master: str, tmp_path: Path, cartpath_command: list[str]) -> None:
    simulate(tmp_path / "log", users=200, days=20, seed=4)
    log = tmp_path / "log" / "events.parquet"
    one, other = fresh(tmp_path / "one"), fresh(tmp_path / "other")
    put(one, "threads", [log], "cartpath")
    run(cartpath_command, "ingest", str(other), str(log), "--adapter", "cartpath", "--engine", master)
    same_state(one, other)
    flows = [run(cartpath_command, "flow", str(shop), *how) for shop, how in ((one, []), (other, ["--engine", master]))]
    assert flows[0] == flows[1]
