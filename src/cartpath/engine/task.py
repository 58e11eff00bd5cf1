"""What a task of the cluster does: one call of a function, and the telling of how it ended.

Spark knows of an error only that there was one, as text. Here the error itself is put into that text, so that the
driver raises what was raised: a message, a hint, an exit code.
"""

from __future__ import annotations

import base64
import gc
import pickle
import re
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar

from cartpath.schema import CartpathError
from cartpath.store import PathView, Snapshot
from cartpath.store.share import must_see

Made = TypeVar("Made")

_MARK = re.compile(r"<cartpath-task:([A-Za-z0-9+/=]+)>")
#: Of a traceback, so that the message stays one that can be carried.
_LONGEST = 20_000


class TaskFailedError(Exception):
    """Carries an error as text."""


def execute(function: bytes, item: bytes) -> bytes:
    """Call a pickled function with a pickled item; return the pickled result.

    Raises
    ------
    TaskFailedError
        Whatever happens; ``carried`` finds in its text what did.
    """
    from pyspark import cloudpickle

    try:
        return bytes(cloudpickle.dumps(pickle.loads(function)(pickle.loads(item))))
    except Exception as error:
        raise TaskFailedError(carry(error)) from None
    finally:
        _spare_modules()


_spared = 0


def _spare_modules() -> None:
    """Take what imported modules hold out of the garbage collector's sight.

    Spark's workers collect garbage after every task, and to look through all that Numba and pandas hold takes longer
    than a small task.
    """
    global _spared
    if len(sys.modules) > _spared:
        gc.collect()
        gc.freeze()
        _spared = len(sys.modules)


def carry(error: Exception) -> str:
    """Return an error as text, of which ``carried`` makes it again.

    Examples
    --------
    >>> carried("Spark says: " + carry(CartpathError("no ts", "map it"))).hint
    'map it'
    """
    if not isinstance(error, CartpathError):  # a bug: where it is matters
        error.add_note(f"in a task on {socket.gethostname()}:\n{traceback.format_exc()[-_LONGEST:]}")
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)
    except Exception:
        pickled = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return f"<cartpath-task:{base64.b64encode(pickled).decode()}>"


def carried(text: str) -> Exception | None:
    """Return the error that a text carries, None if it carries none."""
    found = _MARK.search(text)
    if found is None:
        return None
    error: Exception = pickle.loads(base64.b64decode(found[1]))
    return error


@dataclass(frozen=True)
class Scanner(Generic[Made]):
    """Scans one bucket of a generation that the driver keeps pinned."""

    workspace: Path
    generation: int
    scan: Callable[[PathView], Made]

    def __call__(self, bucket: int) -> Made:
        """Scan a bucket."""
        must_see(self.workspace)
        made = (self.workspace / "store" / "generations" / f"{self.generation:08d}.json").stat().st_mtime_ns
        return self.scan(_opened(self.workspace, self.generation, made).bucket(bucket))


@lru_cache(maxsize=1)
def _opened(workspace: Path, generation: int, made: int) -> Snapshot:
    """Open a generation; a worker that is used again has it still, unless the workspace was made anew."""
    return Snapshot.at(workspace, generation)
