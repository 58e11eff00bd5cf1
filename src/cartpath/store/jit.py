"""One decorator for compiled kernels, with a cache that works when the package is read-only."""

from __future__ import annotations

import builtins
import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast


@contextmanager
def _nothing_collected() -> Iterator[None]:
    # What Numba makes as it starts stays as long as the process, and is most of what there is: to look through it for
    # garbage again and again, while it grows, takes a tenth of the start. All there is by then becomes old without
    # being looked at.
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # else whoever uses Cartpath has frozen something, which is to stay so
            gc.freeze()
            gc.unfreeze()
        if collects:
            gc.enable()


@contextmanager
def _linear_algebra_later() -> Iterator[None]:
    # Numba imports all of scipy.linalg as it starts, only to see that SciPy is there: a fifth of a second, a third of
    # a short command. It asks again when a kernel multiplies matrices, and then gets it. Others, in other threads, are
    # answered as ever.
    before = builtins.__import__

    def answered(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        asks = globals.get("__name__") if globals else None
        if name == "scipy.linalg.cython_blas" and asks == "numba.np.linalg" and find_spec("scipy"):
            name = "scipy"
        return before(name, globals, locals, fromlist, level)

    builtins.__import__ = answered
    try:
        yield
    finally:
        if builtins.__import__ is answered:  # else another has put its own around ours, and keeps both
            builtins.__import__ = before


with _nothing_collected():
    import numba
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.registry import cpu_target

F = TypeVar("F", bound=Callable[..., Any])


def _place_cache() -> None:
    package = Path(__file__).resolve().parent
    home = Path.home()
    settings: Any = numba.config
    if settings.CACHE_DIR or os.access(package, os.W_OK) or os.access(home, os.W_OK):
        return
    settings.CACHE_DIR = str(Path(tempfile.gettempdir()) / f"cartpath-kernels-{os.getuid()}")


_place_cache()


@cache
def ready() -> None:
    """Let Numba load what kernels are typed and linked with, as the first call of any kernel does; once a process."""
    with global_compiler_lock, _nothing_collected(), _linear_algebra_later():
        cpu_target.target_context.refresh()


def kernel(function: F) -> F:
    """Compile ``function`` lazily, without the GIL; threads come from ``engine``, not from Numba."""
    compiled: Any = numba.njit(nogil=True, cache=True)(function)
    return cast(F, compiled)


def part(function: F) -> F:
    """Compile a part of kernels, which is put into them: to call with arrays takes as long as a short path."""
    compiled: Any = numba.njit(nogil=True, cache=True, forceinline=True)(function)
    return cast(F, compiled)
