"""Counter-based random numbers: a value depends on its key and its place alone, so on no order of work.

The generator is SplitMix64 (Steele, Lea, Flood, 2014): the n-th value of a stream is a mix of ``key + n * gamma``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

F = TypeVar("F", bound=Callable[..., Any])

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_TO_UNIT = 1.0 / (1 << 53)


def _place_cache() -> None:
    writable = (Path(__file__).resolve().parent, Path.home())
    config: Any = numba.config
    if not config.CACHE_DIR and not any(os.access(folder, os.W_OK) for folder in writable):
        config.CACHE_DIR = str(Path(tempfile.gettempdir()) / f"cartpath-kernels-{os.getuid()}")


_place_cache()


def kernel(function: F) -> F:
    """Compile lazily and without the GIL; the simulator depends on ``schema`` alone, hence its own decorator.

    Numba's cache looks at the file of the kernel only: after a change to a constant or kernel of another file
    during development, remove ``__pycache__``.
    """
    compiled: Any = numba.njit(nogil=True, cache=True)(function)
    return cast(F, compiled)


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Scramble 64 bits, one to one."""
    value = (value ^ (value >> _S30)) * _M1
    value = (value ^ (value >> _S27)) * _M2
    return value ^ (value >> _S31)


@kernel
def reset(rng: npt.NDArray[np.uint64], seed: int, stream: int, user: int, visit: int) -> None:
    """Put ``rng`` at the start of the stream of (seed, stream, user, visit)."""
    key = mix(np.uint64(seed) + _GAMMA)
    key = mix(key ^ (np.uint64(stream) + _GAMMA))
    key = mix(key ^ (np.uint64(user) + _GAMMA))
    rng[0] = mix(key ^ (np.uint64(visit) + _GAMMA))


@kernel
def uniform(rng: npt.NDArray[np.uint64]) -> float:
    """Return the stream's next number in [0, 1)."""
    rng[0] += _GAMMA
    return float(mix(rng[0]) >> _S11) * _TO_UNIT


@kernel
def normal(rng: npt.NDArray[np.uint64]) -> float:
    """Return a standard normal number (Box and Muller, 1958; one of the pair)."""
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(rng)))
    return float(radius * np.cos(2.0 * np.pi * uniform(rng)))


@kernel
def exponential(rng: npt.NDArray[np.uint64]) -> float:
    """Return an exponential number of mean 1."""
    return float(-np.log(1.0 - uniform(rng)))


@kernel
def pick(cumulative: npt.NDArray[np.float64], low: int, high: int, rng: npt.NDArray[np.uint64]) -> int:
    """Draw an index from ``low`` to ``high - 1``, over which ``cumulative`` rises to 1."""
    # By hand: NumPy's searchsorted and slice assignments take seconds to compile, and this loop runs as fast.
    u = uniform(rng)
    high -= 1
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] > u:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def _uniforms(seed: int, stream: int, first: int, out: npt.NDArray[np.float64]) -> None:
    rng = np.zeros(1, np.uint64)
    for i in range(len(out)):
        reset(rng, seed, stream, first + i, 0)
        out[i] = uniform(rng)


def uniforms(seed: int, stream: int, first: int, n: int) -> npt.NDArray[np.float64]:
    """Return one number in [0, 1) for each entity ``first .. first + n - 1``.

    Examples
    --------
    >>> whole, tail = uniforms(7, 3, 0, 5), uniforms(7, 3, 3, 2)
    >>> bool((whole[3:] == tail).all())
    True
    """
    out = np.empty(n, np.float64)
    _uniforms(seed, stream, first, out)
    return out


def normals(seed: int, stream: int, first: int, n: int) -> npt.NDArray[np.float64]:
    """Return one standard normal number for each entity; uses streams ``stream`` and ``stream + 1``."""
    radius = np.sqrt(-2.0 * np.log1p(-uniforms(seed, stream, first, n)))
    out: npt.NDArray[np.float64] = radius * np.cos(2.0 * np.pi * uniforms(seed, stream + 1, first, n))
    return out
