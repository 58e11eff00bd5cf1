"""Which version of the code a result is of: a hash of all that decides what a model is and how it is judged."""

from __future__ import annotations

import ast
import gc
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cartpath

_ROOT = Path(cartpath.__file__).resolve().parent
#: Rooms whose code makes a model; what lies below them (store, schema) only reads and writes.
_ROOMS = ("features", "tasks", "models", "evaluation", "training")
_JUDGING = "cartpath.training.next_item.judge"


def code_version(module: str) -> str:
    """Return a hash of a module, of how models are judged, and of every module of the model rooms that they import.

    Comments and layout do not count.

    Examples
    --------
    >>> code_version("cartpath.training.next_item.popularity") == code_version("cartpath.training.next_item.judge")
    False
    """
    found: dict[str, None] = {}
    left = [module, _JUDGING]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = None
            left += _imported(name)
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(f"{name}\n{ast.dump(_tree(name))}\n".encode())
    return digest.hexdigest()[:16]


@cache
def _tree(module: str) -> ast.Module:
    text = _file(module).read_text(encoding="utf-8")
    # Until CPython 3.12 a collection of garbage in the middle of building a tree can upset its count of depths, where
    # what it ends builds trees itself (python/cpython#106905).
    collects = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        if collects:
            gc.enable()


def _file(module: str) -> Path:
    path = _ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imported(module: str) -> Iterator[str]:
    """Yield the modules that a module takes names from; a package's names are followed to where they are made."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module and _counts(node.module):
            for alias in node.names:
                yield _home(node.module, alias.name)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _counts(alias.name))


def _counts(module: str) -> bool:
    parts = module.split(".")
    return parts[0] == "cartpath" and len(parts) > 1 and parts[1] in _ROOMS


def _home(module: str, name: str) -> str:
    """Return the module that a name of a package comes from."""
    inner = f"{module}.{name}"
    if _ROOT.joinpath(*inner.split(".")[1:]).with_suffix(".py").is_file():
        return inner
    if _file(module).name != "__init__.py":
        return module
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and node.module and any(a.name == name for a in node.names):
            return node.module
    return module
