"""A marked test whose service is absent skips and says why; where services are required, that is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SERVICES

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
TEST = """
import pytest

def test_reads_data(data_dir):
    assert data_dir.name == "here"

@pytest.mark.postgres
def test_needs_postgres():
    pass

def test_needs_nothing():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_expected_failure():
    assert False
"""


def run_pytest(folder: Path, **environment: str) -> str:
    """Return what pytest prints for the sample above, run under the project's conftest."""
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "test_sample.py").write_text(TEST)
    markers = "".join(f"    {name}: a service\n" for name in SERVICES)
    (folder / "pytest.ini").write_text(f"[pytest]\nmarkers =\n{markers}")
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("CARTPATH_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider"]
    result = subprocess.run(
        command, cwd=folder, env=keep | environment, capture_output=True, text=True, timeout=120, check=False
    )
    return result.stdout


def test_absent_services_skip_with_a_reason(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, CARTPATH_DATA=str(tmp_path / "nowhere"))
    assert "1 passed, 2 skipped, 1 xfailed" in output
    assert f"no real data at {tmp_path / 'nowhere'} (set CARTPATH_DATA)" in output
    assert "CARTPATH_TEST_POSTGRES is not set" in output


def test_required_services_turn_a_skip_into_a_failure(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, CARTPATH_DATA=str(tmp_path / "nowhere"), CARTPATH_REQUIRE_SERVICES="1")
    assert "1 passed, 1 xfailed, 2 errors" in output
    assert "skipped, but CARTPATH_REQUIRE_SERVICES=1" in output


def test_a_module_that_skips_itself_fails_where_services_are_required(tmp_path: Path) -> None:
    (tmp_path / "test_module.py").write_text("import pytest\npytest.importorskip('no_such_library')\n")
    environment = {"CARTPATH_DATA": str(tmp_path), "CARTPATH_TEST_POSTGRES": "a server"}
    assert "1 skipped" in run_pytest(tmp_path, **environment)
    assert "1 error" in run_pytest(tmp_path, **environment, CARTPATH_REQUIRE_SERVICES="1")


def test_a_fixture_brings_its_marker_and_runs_where_the_service_is(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    output = run_pytest(tmp_path, CARTPATH_DATA=str(tmp_path / "here"), CARTPATH_TEST_POSTGRES="a server")
    assert "3 passed, 1 xfailed" in output


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_marker_is_registered(name: str, pytestconfig: pytest.Config) -> None:
    assert any(line.startswith(f"{name}:") for line in pytestconfig.getini("markers"))
