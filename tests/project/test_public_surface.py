"""The public surface is what ``__all__`` says, and nothing is in it by accident."""

from __future__ import annotations

import importlib
import pkgutil
import types

import pytest

import cartpath

#: Rooms whose import needs no extra and that export names.
ROOMS = [module.name for module in pkgutil.iter_modules(cartpath.__path__) if not module.name.startswith("_")]


def test_top_level_names() -> None:
    assert cartpath.__all__ == ["CartpathError", "__version__", "open"]


def test_nothing_else_is_public_at_the_top() -> None:
    allowed = {*cartpath.__all__, "annotations", "TYPE_CHECKING"}
    extra = {
        name
        for name, value in vars(cartpath).items()
        if not name.startswith("_") and name not in allowed and not isinstance(value, types.ModuleType)
    }
    assert not extra


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_names_what_it_exports(room: str) -> None:
    module = importlib.import_module(f"cartpath.{room}")
    if hasattr(module, "__path__"):
        assert module.__all__, f"cartpath.{room} has no __all__"
        assert [name for name in module.__all__ if not hasattr(module, name)] == []
        assert len(set(module.__all__)) == len(module.__all__)


def test_open_refuses_a_folder_that_is_no_workspace(tmp_path: object) -> None:
    with pytest.raises(cartpath.CartpathError, match=r"not a Cartpath workspace"):
        cartpath.open(str(tmp_path))
