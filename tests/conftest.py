"""What all tests share: the real data, the services a marked test needs, Hypothesis profiles.

A marked test whose service is absent is skipped with a reason. With ``CARTPATH_REQUIRE_SERVICES=1``, as in
continuous integration, any skip is a failure.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_SERVICES = os.environ.get("CARTPATH_REQUIRE_SERVICES") == "1"

# As `cartpath.models` sets it, for tests that read PyTorch before: threads that wait by spinning cost most of the time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# A shell that asks without kept answers would have tests of them fail.
os.environ.pop("CARTPATH_CACHE", None)

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("ci", derandomize=True, database=None, max_examples=100, **_COMMON)
settings.register_profile("long", max_examples=2000, print_blob=True, **_COMMON)
settings.load_profile("ci")


def data_folder() -> Path:
    """Return where the real data sets are, or would be."""
    return Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data")


def chromium_path() -> str | None:
    """Return the browser's executable, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def _no_data() -> str | None:
    folder = data_folder()
    return None if folder.is_dir() else f"no real data at {folder} (set CARTPATH_DATA)"


def _no_browser() -> str | None:
    return None if chromium_path() else "no Chromium on the PATH"


def _no_spark() -> str | None:
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed: pip install 'cartpath[spark]'"
    return None if shutil.which("java") else "no Java on the PATH"


def _unset(variable: str) -> Callable[[], str | None]:
    return lambda: None if os.environ.get(variable) else f"{variable} is not set"


#: Marker -> why its service cannot be used here, or None.
SERVICES: dict[str, Callable[[], str | None]] = {
    "browser": _no_browser,
    "data": _no_data,
    "postgres": _unset("CARTPATH_TEST_POSTGRES"),
    "promtool": lambda: None if shutil.which("promtool") else "no promtool on the PATH",
    "redis": _unset("CARTPATH_TEST_REDIS"),
    "spark": _no_spark,
}
#: A test that asks for the fixture has the marker.
_FIXTURE_MARKERS = {"data_dir": "data", "chromium": "browser", "postgres": "postgres"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture, marker in _FIXTURE_MARKERS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, absent in SERVICES.items():
        if item.get_closest_marker(marker) and (reason := absent()):
            pytest.skip(reason)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if REQUIRE_SERVICES and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but CARTPATH_REQUIRE_SERVICES=1: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data sets; a test that asks for it is marked ``data``."""
    return data_folder()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's executable; a test that asks for it is marked ``browser``."""
    path = chromium_path()
    assert path is not None
    return path


@pytest.fixture
def postgres() -> Iterator[Any]:
    """A schema of its own in the PostgreSQL server; a test that asks for it is marked ``postgres``."""
    from tests.ingest.postgres import schema

    with schema(os.environ["CARTPATH_TEST_POSTGRES"]) as opened:
        yield opened


@pytest.fixture(scope="session")
def cartpath_command() -> list[str]:
    """The command line, run by this interpreter: ``subprocess.run([*cartpath_command, "--help"])``."""
    return [sys.executable, "-c", "from cartpath.cli import main; main()"]
