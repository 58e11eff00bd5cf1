"""Packages that import their names when they are first asked for."""

from __future__ import annotations

import ast
import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cartpath.schema.lazy import LazyPackage

LAZY = ["figures", "paths", "paths.flow", "paths.funnel", "serving", "shop", "store"]

INIT = """
from cartpath.schema.lazy import lazy

__all__ = ["count", "funnel"]

lazy(__name__, {"count": "inner.counts", "funnel": "funnel"})
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Write a package whose ``funnel`` is a function in a module of that name."""
    folder = tmp_path / "rooms_of_a_test"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text(INIT)
    (folder / "inner" / "__init__.py").touch()
    (folder / "inner" / "counts.py").write_text("def count(): return 3\n")
    (folder / "funnel.py").write_text("ORDER = 'loose'\n\n\ndef funnel(): return 7\n")
    (folder / "unlisted.py").write_text("SAID = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder.name
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


def test_a_name_is_imported_when_it_is_asked_for(package: str) -> None:
    room = importlib.import_module(package)
    assert f"{package}.inner.counts" not in sys.modules
    assert room.count() == 3
    assert f"{package}.inner.counts" in sys.modules
    assert f"{package}.funnel" not in sys.modules


def test_a_name_that_is_its_modules_is_the_function_in_any_order(package: str) -> None:
    module = importlib.import_module(f"{package}.funnel")
    room = importlib.import_module(package)
    assert isinstance(module, ModuleType)
    assert module.ORDER == "loose"
    assert room.funnel() == 7
    importlib.import_module(f"{package}.funnel")
    assert room.funnel() == 7


def test_a_module_that_is_no_name_is_found(package: str) -> None:
    found: dict[str, object] = {}
    exec(f"from {package} import count, unlisted", found)
    assert found["unlisted"].SAID  # type: ignore[attr-defined]


def test_an_unknown_name_is_an_error(package: str) -> None:
    room = importlib.import_module(package)
    with pytest.raises(AttributeError, match=r"module 'rooms_of_a_test' has no attribute 'flow'"):
        _ = room.flow
    assert not hasattr(room, "flow")


def test_names_are_listed_set_and_pickled(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    room = importlib.import_module(package)
    assert {"count", "funnel"} <= set(dir(room))
    assert pickle.loads(pickle.dumps(room)) is room
    monkeypatch.setattr(room, "count", lambda: 4)
    assert room.count() == 4


@pytest.mark.parametrize("name", LAZY)
def test_the_three_lists_of_names_are_equal(name: str) -> None:
    room = importlib.import_module(f"cartpath.{name}")
    assert isinstance(room, LazyPackage)
    assert room.__file__
    typed = dict(_typed(ast.parse(Path(room.__file__).read_text(encoding="utf-8")), room.__name__))
    assert room.__dict__["_modules"] == typed
    assert set(room.__all__) == set(typed)


def _typed(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.module
        for alias in node.names:
            yield alias.name, node.module.removeprefix(f"{package}.")


def test_no_package_is_forgotten_here() -> None:
    root = Path(sys.modules["cartpath"].__file__ or "").parent
    using = [path for path in root.rglob("__init__.py") if "schema.lazy import" in path.read_text(encoding="utf-8")]
    assert sorted(".".join(path.parent.relative_to(root).parts) for path in using) == LAZY
