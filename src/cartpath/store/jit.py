"""One decorator for compiled kernels, with a cache that works when the package is read-only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def _place_cache() -> None:
    package = Path(__file__).resolve().parent
    home = Path.home()
    settings: Any = numba.config
    if settings.CACHE_DIR or os.access(package, os.W_OK) or os.access(home, os.W_OK):
        return
    settings.CACHE_DIR = str(Path(tempfile.gettempdir()) / f"cartpath-kernels-{os.getuid()}")


_place_cache()


def kernel(function: F) -> F:
    """Compile ``function`` lazily, without the GIL; threads come from ``engine``, not from Numba."""
    compiled: Any = numba.njit(nogil=True, cache=True)(function)
    return cast(F, compiled)


def part(function: F) -> F:
    """Compile a part of kernels, which is put into them: to call with arrays takes as long as a short path."""
    compiled: Any = numba.njit(nogil=True, cache=True, forceinline=True)(function)
    return cast(F, compiled)
