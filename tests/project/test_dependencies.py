"""Every library the source imports is declared, and every tested version is pinned."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: Distribution -> the module it provides, where the two differ.
MODULES = {"scikit-learn": "sklearn", "prometheus-client": "prometheus_client", "mlflow-skinny": "mlflow"}
#: What users get by installing the core or an extra; `dev` and `bench` are not for them.
USER_EXTRAS = ("models", "serve", "spark", "sql", "live", "track", "text", "survival", "baselines")


def declared() -> list[Requirement]:
    """Return what the core and the users' extras ask for."""
    extras = PROJECT["optional-dependencies"]
    texts = [*PROJECT["dependencies"], *(text for extra in USER_EXTRAS for text in extras[extra])]
    return [Requirement(text) for text in texts]


def imported(path: Path) -> set[str]:
    """Return the top-level modules a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


def pins() -> dict[str, Version]:
    """Return constraints.txt as distribution -> version."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {re.sub(r"[-_.]+", "-", name).lower(): Version(version) for name, version in found}


def test_every_import_is_declared() -> None:
    known = {MODULES.get(r.name, r.name) for r in declared()} | set(sys.stdlib_module_names) | {"cartpath"}
    missing = {
        f"{path.relative_to(ROOT)}: {name}" for path in (ROOT / "src").rglob("*.py") for name in imported(path) - known
    }
    assert not missing


def test_all_is_every_user_extra() -> None:
    assert PROJECT["optional-dependencies"]["all"] == [f"cartpath[{','.join(USER_EXTRAS)}]"]


def test_core_does_not_ask_for_pytorch() -> None:
    core = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert core.isdisjoint({"torch", "transformers", "scikit-learn", "lightgbm"})


@pytest.mark.parametrize(
    "extra", ["core", "models", "serve", "spark", "sql", "live", "text", "survival", "baselines", "dev", "bench"]
)
def test_tested_versions_are_pinned_and_allowed(extra: str) -> None:
    texts = PROJECT["dependencies"] if extra == "core" else PROJECT["optional-dependencies"][extra]
    pinned = pins()
    for requirement in map(Requirement, texts):
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), requirement


def test_constraints_bring_no_cuda() -> None:
    assert not [name for name in pins() if name.startswith(("nvidia", "triton"))]
    assert pins()["torch"].local is None
