"""Several processes that serve at one address; one that dies is replaced."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from typing import Any

from cartpath.serving.logs import log

#: Where the processes put what they count, so that any of them can tell of all.
_SHARED = "PROMETHEUS_MULTIPROC_DIR"
#: Seconds between two looks, and within which a worker that ended is said to have not started.
_LOOK, _SOON = 0.2, 5.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass
class Workers:
    """Processes that each call a function with the socket.

    Parameters
    ----------
    n : int
    work : callable
        Of a module, so that it can be sent to another process; ends when the process gets SIGTERM.
    args : tuple
        What it is called with, after the socket.
    patience : float
        Seconds to wait for the end of a worker, before it is killed.
    """

    n: int
    work: Callable[..., None]
    args: tuple[Any, ...]
    patience: float
    _ended: list[int] = field(default_factory=list, init=False)

    def run(self, bound: socket.socket) -> None:
        """Serve until this process gets SIGTERM or SIGINT."""
        with ExitStack() as stack:
            if _SHARED not in os.environ:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cartpath-metrics-"))
                os.environ[_SHARED] = folder
                stack.callback(os.environ.pop, _SHARED)
            for number in _SIGNALS:
                before = signal.signal(number, lambda number, frame: self._ended.append(number))
                stack.callback(signal.signal, number, before)
            self._watch(bound)

    def _watch(self, bound: socket.socket) -> None:
        running = [self._start(bound) for _ in range(self.n)]
        while not self._ended:
            time.sleep(_LOOK)
            for place, (process, since) in enumerate(running):
                if not process.is_alive() and not self._ended:
                    log("a worker ended and is replaced", code=process.exitcode)
                    _forget(process)
                    # One that cannot start must not keep the machine busy with starting.
                    time.sleep(0 if time.monotonic() - since > _SOON else 1)
                    running[place] = self._start(bound)
        for process, _ in running:
            process.terminate()
        for process, _ in running:
            process.join(self.patience)
            process.kill()

    def _start(self, bound: socket.socket) -> tuple[SpawnProcess, float]:
        process = multiprocessing.get_context("spawn").Process(target=_working, args=(self.work, bound, self.args))
        process.start()
        return process, time.monotonic()


def _working(work: Callable[..., None], bound: socket.socket, args: tuple[Any, ...]) -> None:
    # From a terminal all processes get it; the first of them tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(bound, *args)


def _forget(process: SpawnProcess) -> None:
    """Take what a dead process said of itself out of the metrics; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
