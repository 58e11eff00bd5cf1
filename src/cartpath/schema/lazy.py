"""Packages whose names are imported when they are first asked for: a question waits for what it needs, and no more.

Such a package lists its names three times: in ``__all__``, for readers and type checkers in an ``if TYPE_CHECKING``,
and with the module that each comes from. A test holds the three equal.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def lazy(package: str, modules: Mapping[str, str]) -> None:
    """Let a package import its names when they are first asked for; called at the end of its ``__init__``.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    modules : mapping of str to str
        From each name that the package has to its module, relative to the package.

    Examples
    --------
    >>> import cartpath.paths
    >>> cartpath.paths.wilson.__module__
    'cartpath.paths.counting'
    """
    module = sys.modules[package]
    module.__dict__["_modules"] = dict(modules)
    module.__class__ = LazyPackage


class LazyPackage(ModuleType):
    """A package that imports its names when they are first asked for.

    A name may be that of its module, too: then it is what the package has, as it is where names are imported at once.
    ``paths.funnel`` is the function, and ``from cartpath.paths.funnel import FunnelResult`` finds the module.
    """

    _modules: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        if name not in self._modules:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{self.__name__}.{self._modules[name]}"), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # Whatever imports a module of a package also puts it into the package.
        if not (name in self._modules and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._modules})

    def __reduce__(self) -> tuple[Any, ...]:
        # By its name, as cloudpickle sends any other module to a cluster.
        return import_module, (self.__name__,)
