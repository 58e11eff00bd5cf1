"""The command line starts without the heavy libraries, and the core works without PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys

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
    "web",
    "cli",
]

LOADED = """
import json, sys
try:
    {code}
except SystemExit:
    pass
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})), file=sys.stderr)
"""


def loaded_after(code: str, *arguments: str) -> set[str]:
    """Return the top-level modules a fresh interpreter has loaded after the code."""
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
