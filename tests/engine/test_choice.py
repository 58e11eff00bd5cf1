"""Engines by name, and how the command line tells what is wrong with one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cartpath import engine, store
from cartpath.engine.session import settings
from cartpath.engine.task import Scanner, carried, carry
from cartpath.schema import CartpathError, MissingExtraError
from cartpath.store.share import SharedRows
from tests.engine.same import SPARK
from tests.store.twin import Row, put, workspace


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    made = workspace(tmp_path / "shop", 2)
    put(made, [Row("u", 1, "view"), Row("v", 2, "view")])
    return made


def run(command: list[str], shop: Path, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``cartpath status`` on an engine."""
    return subprocess.run(
        [*command, "status", str(shop), "--engine", name, "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **environment},
        check=False,
    )


def test_threads_are_the_default() -> None:
    assert not engine.current().remote
    with engine.using("threads"):
        assert not engine.current().remote
    with engine.using(None):
        assert not engine.current().remote


def test_the_engine_is_given_back_after_an_error() -> None:
    before = engine.current()
    with pytest.raises(KeyError), engine.using("local[3]"):
        {}[engine.current().remote]
    assert engine.current() is before


@pytest.mark.parametrize("name", ["spark", "local", "local[*]", "spark://a:1,b:2", "yarn", "k8s://https://h:1"])
def test_masters_are_passed_on(name: str) -> None:
    assert engine.choose(name).remote


@pytest.mark.parametrize("name", ["", "Spark", "dask", "spark:/host", "locally", "threads "])
def test_an_unknown_engine_is_refused(name: str) -> None:
    with pytest.raises(CartpathError, match="no engine"), engine.using(name):
        pass


def test_without_pyspark_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"cartpath\[spark\]"):
        engine.choose("spark")


def test_a_cluster_decides_for_itself() -> None:
    kept = {"spark.app.name", "spark.ui.showConsoleProgress", "spark.python.unix.domain.socket.enabled"}
    assert set(settings("yarn")) == kept
    assert settings("local[2]")["spark.ui.enabled"] == "false"


def test_an_error_travels_as_text() -> None:
    error = carried("x " + carry(CartpathError("what", "hint")) + " y")
    assert isinstance(error, CartpathError)
    assert (error.message, error.hint) == ("what", "hint")
    assert carried("nothing of ours") is None


def test_a_snapshot_at_a_generation_writes_nothing(shop: Path) -> None:
    (shop / "store" / "pins").rmdir()
    with store.Snapshot.at(shop, 1) as snapshot:
        assert snapshot.totals.events == 2
        assert not (shop / "store" / "pins").exists()
    with pytest.raises(CartpathError):
        store.Snapshot.at(shop, 7)


def test_a_machine_without_the_storage_says_so(shop: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    for work in (lambda: Scanner(away, 1, id)(0), SharedRows([(away, [])]).read):
        with pytest.raises(CartpathError, match=f"does not see {away}"):
            work()


def test_an_unknown_engine_ends_with_usage(shop: Path, cartpath_command: list[str]) -> None:
    done = run(cartpath_command, shop, "dask")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no engine 'dask'")


@pytest.mark.spark
def test_a_master_that_is_not_there(shop: Path, cartpath_command: list[str]) -> None:
    done = run(cartpath_command, shop, "spark://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no Spark master answers at spark://127.0.0.1:1")


@pytest.mark.spark
def test_without_java(shop: Path, cartpath_command: list[str]) -> None:
    done = run(cartpath_command, shop, SPARK, PATH="/nowhere", JAVA_HOME="")
    assert done.returncode == 2
    assert done.stderr.startswith("error: Spark needs Java")


@pytest.mark.spark
def test_a_master_that_cannot_be_read(shop: Path, cartpath_command: list[str]) -> None:
    done = run(cartpath_command, shop, "local[many]")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: Spark did not start with local[many]: Could not parse Master URL")
    assert "\tat " not in done.stderr


@pytest.mark.spark
def test_output_is_the_result_alone(shop: Path, cartpath_command: list[str]) -> None:
    done = run(cartpath_command, shop, "spark", SPARK_MASTER="local[1]")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["events"] == 2
