"""Slates as they are served: put on a queue by the one who serves, written by a thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from cartpath.schema import Columns
from cartpath.store.lines import SEGMENT, LineLog

#: Rows of what was shown, and the beginning of their segments' names.
SLATES = "slates"
SCHEMA = pa.schema(
    {
        "request_id": pa.string(),
        Columns.user_id: pa.string(),
        "ts": pa.int64(),
        "policy": pa.string(),
        "model": pa.string(),
        "candidates": pa.int64(),
        "fallback": pa.bool_(),
        "items": pa.list_(pa.string()),
        "propensities": pa.list_(pa.float64()),
    }
)
#: Seconds between writes, slates held at most (beyond it they are lost, and counted), and seconds `close` waits.
_EVERY, _MOST, _PATIENCE = 0.05, 100_000, 10.0


class Placed(Protocol):
    """An item of a slate."""

    @property
    def item_id(self) -> str: ...  # noqa: D102
    @property
    def propensity(self) -> float: ...  # noqa: D102


class Shown(Protocol):
    """A slate: items, best first, out of so many candidates."""

    @property
    def items(self) -> Sequence[Placed]: ...  # noqa: D102
    @property
    def fallback(self) -> bool: ...  # noqa: D102
    @property
    def candidates(self) -> int: ...  # noqa: D102


class SlateLog:
    """The log of slates of a workspace; safe from several threads, and several processes may each have one.

    What was recorded is with the operating system within a twentieth of a second. A disk that refuses it never reaches
    the one who serves: slates are held until it takes them again, the latest hundred thousand of them.

    Attributes
    ----------
    lost : int
        Slates that were given up, since the disk did not take them.
    """

    def __init__(self, workspace: Path | str, segment: int = SEGMENT) -> None:
        self.lost = 0
        self._log = LineLog(workspace, SLATES, segment)
        self._queue: deque[tuple[Any, ...]] = deque()
        self._wake, self._closing, self._writing = threading.Event(), False, threading.Lock()
        self._thread = threading.Thread(target=self._run, name="slates", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, workspace: Path | str) -> SlateLog:
        """Open the log of a workspace."""
        return cls(workspace)

    def record(self, request_id: str, user_id: str, ts: int, policy: str, model: str, slate: Shown) -> None:
        """Note a slate that was served.

        Parameters
        ----------
        request_id : str
            Its own: feedback is joined by it.
        user_id : str
            As the store has it.
        ts : int
            Microseconds since 1970 UTC.
        policy, model : str
            What chose it, and the version of the behaviour model.
        slate : Shown
            Such as ``recommend.Slate``; must not be changed afterwards.
        """
        if len(self._queue) >= _MOST:
            self.lost += 1
            return
        self._queue.append((request_id, user_id, ts, policy, model, slate))

    def flush(self) -> bool:
        """Write what was recorded until now, and return whether the disk took it."""
        with self._writing:
            batch: list[tuple[Any, ...]] = []
            while self._queue:
                batch.append(self._queue.popleft())
            try:
                self._log.append([_row(*held) for held in batch])
            except OSError:
                self._queue.extendleft(reversed(batch))
                return False
        return True

    def close(self) -> None:
        """Write what is left, and end the thread."""
        self._closing = True
        self._wake.set()
        self._thread.join(_PATIENCE)
        if not self.flush():
            self.lost += len(self._queue)
        self._log.close()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(_EVERY)
            if self._queue:
                self.flush()


def _row(request_id: str, user_id: str, ts: int, policy: str, model: str, slate: Shown) -> dict[str, Any]:
    return {
        "request_id": request_id,
        Columns.user_id: user_id,
        "ts": int(ts),
        "policy": policy,
        "model": model,
        "candidates": int(slate.candidates),
        "fallback": bool(slate.fallback),
        "items": [placed.item_id for placed in slate.items],
        # Eight digits: nothing that is estimated from them is known better.
        "propensities": [round(float(placed.propensity), 8) for placed in slate.items],
    }
