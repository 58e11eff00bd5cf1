"""The command line starts without the heavy libraries, a view with its own parts, and the core without PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cartpath import store
from cartpath.ingest.run import ingest
from cartpath.simulate import simulate

HEAVY = ("numba", "numpy", "pandas", "plotly", "pyarrow", "sklearn", "lightgbm", "torch", "transformers")
MODEL_LIBRARIES = ("lightgbm", "peft", "safetensors", "sklearn", "torch", "transformers")
#: Rooms that work with the core installation alone.
CORE_ROOMS = [
    "schema",
    "config",
    "store",
    "engine",
    "privacy",
    "ingest",
    "simulate",
    "paths",
    "figures",
    "shop",
    "access",
    "web",
    "cli",
]

#: What no view needs to count: other libraries, other views, what reads sources and what writes the store.
NOT_TO_COUNT = (
    "lifelines",
    "pandas",
    "plotly",
    "pyarrow.compute",
    "pyarrow.parquet",
    "rich",
    "sklearn",
    "torch",
    "typer",
    "cartpath.cli",
    "cartpath.figures.style",
    "cartpath.ingest",
    "cartpath.models",
    "cartpath.paths.attribution",
    "cartpath.paths.cohorts",
    "cartpath.paths.comparison",
    "cartpath.paths.drivers",
    "cartpath.paths.segments",
    "cartpath.shop.content",
    "cartpath.store.props",
    "cartpath.store.writer",
    "cartpath.web",
)
#: Question -> the parts that it has to itself.
VIEWS = {
    "funnel('view,add_to_cart,purchase', within='7d')": "cartpath.paths.funnel.plain",
    "flow()": "cartpath.paths.flow.view",
    "variants(collapse=True)": "cartpath.paths.variants",
    "step_view()": "cartpath.paths.step_view",
}

LOADED = """
import json, sys
try:
    {code}
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded_after(code: str, *arguments: str) -> set[str]:
    """Return the modules a fresh interpreter has loaded after the code."""
    command = [sys.executable, "-c", LOADED.format(code=code), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return set(json.loads(result.stderr.splitlines()[-1]))


def test_help_imports_nothing_heavy() -> None:
    loaded = loaded_after("from cartpath.cli import main; main()", "--help")
    assert "cartpath" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_import_cartpath_is_cheap() -> None:
    assert loaded_after("import cartpath").isdisjoint(HEAVY)


def test_help_names_the_program(cartpath_command: list[str]) -> None:
    result = subprocess.run([*cartpath_command, "--help"], capture_output=True, text=True, timeout=120, check=True)
    assert "ingest" in result.stdout
    assert result.stderr == ""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    simulate(folder, users=30, days=10, seed=3)
    store.init(folder / "shop")
    ingest(folder / "shop", [str(folder / "events.parquet")], adapter="cartpath")
    return folder / "shop"


@pytest.mark.parametrize("question", VIEWS)
def test_a_view_imports_what_it_counts_with(shop: Path, question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTPATH_CACHE", "off")
    loaded = loaded_after(f"import cartpath; cartpath.open({str(shop)!r}).{question}.to_dict()")
    assert sorted(loaded.intersection(NOT_TO_COUNT)) == []
    assert {own for own in VIEWS.values() if own in loaded} == {VIEWS[question]}


BLOCKED = """
import importlib, importlib.abc, importlib.util, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
import cartpath
for room in {rooms!r}:
    importlib.import_module("cartpath." + room)
print("imported")
"""


def test_core_rooms_import_without_the_models_extra() -> None:
    code = BLOCKED.format(blocked=MODEL_LIBRARIES, rooms=CORE_ROOMS)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert result.stdout.strip() == "imported", result.stderr
