"""Numba's start: nothing is looked through for garbage meanwhile, and nobody else notices."""

from __future__ import annotations

import json
import subprocess
import sys

#: Numba starts after ``before``; prints the generations that were collected, and what is said after that.
STARTED = """
import gc, json
import numpy as np
collected = []
{before}
gc.callbacks.append(lambda phase, info: phase == "start" and collected.append(info["generation"]))
from cartpath.store import jit
jit.ready()
jit.ready()
from cartpath.store.hashing import combine
one = np.ones(1, np.uint64)
hashed = len(combine(one, one, one))
print(json.dumps([collected, gc.isenabled(), gc.get_freeze_count() > 0, hashed]))
"""


def started(before: str = "") -> list[object]:
    code = STARTED.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    found: list[object] = json.loads(done.stdout)
    return found


def test_nothing_is_collected_and_then_things_are_as_before() -> None:
    collected, enabled, frozen, hashed = started()
    assert isinstance(collected, list)
    assert 2 not in collected
    assert (enabled, frozen, hashed) == (True, False, 1)


def test_what_was_switched_off_or_frozen_stays_so() -> None:
    collected, enabled, frozen, hashed = started("gc.disable(); gc.freeze()")
    assert collected == []
    assert (enabled, frozen, hashed) == (False, True, 1)


#: Cartpath's kernels run without scipy.linalg, and then one multiplies matrices, which is compiled with it.
MULTIPLIED = """
import builtins, json, sys
import numpy as np
before = builtins.__import__
from cartpath.store import jit
jit.ready()
from cartpath.store.hashing import combine
one = np.ones(1, np.uint64)
combine(one, one, one)
loaded = "scipy.linalg" in sys.modules
import numba
product = numba.njit(lambda a, b: np.dot(a, b))(np.eye(2) * 3, np.arange(4.0).reshape(2, 2)).tolist()
print(json.dumps([loaded, product, "scipy.linalg" in sys.modules, builtins.__import__ is before]))
"""


def test_linear_algebra_is_loaded_by_the_kernel_that_needs_it() -> None:
    done = subprocess.run([sys.executable, "-c", MULTIPLIED], capture_output=True, text=True, timeout=300, check=True)
    assert json.loads(done.stdout) == [False, [[0.0, 3.0], [6.0, 9.0]], True, True]
