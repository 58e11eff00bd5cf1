"""Work on a workspace that is killed in the middle: ``python killed.py WORKSPACE JOB [N]``.

With ``N`` the process kills itself at its N-th operation on files; without, it says ``ready`` and works until somebody
kills it, or says ``done N`` with the number of operations it took.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath import store
from cartpath.store.erase import erase
from cartpath.store.rebuild import rebuild

USERS = 60
GONE = "user-7"


def tables(seed: int, n: int, chunks: int, start: int = 0) -> Iterator[pa.Table]:
    """Random events in pieces, some of them late."""
    rng = np.random.default_rng(seed)
    for _ in range(chunks):
        size = n // chunks
        user = [f"user-{u}" for u in rng.integers(USERS, size=size)]
        yield pa.table(
            {
                "user_id": user,
                "ts": pa.array(rng.integers(start, start + 10**12, size), pa.timestamp("us", "UTC")),
                "event": rng.choice(["view", "add_to_cart", "purchase"], size).tolist(),
                "page": [f"/{p}" for p in rng.integers(300, size=size)],
                "query": [f"{u} asks" for u in user],
                "device": rng.choice(["phone", "desk"], size).tolist(),
            }
        )


def write(workspace: Path, pieces: Iterator[pa.Table]) -> None:
    with store.writer(workspace) as writer:
        for piece in pieces:
            writer.add(piece)
        writer.commit(sources=[{"file": "log", "signature": "log"}])


JOBS: dict[str, Callable[[Path], Any]] = {
    "ingest": lambda path: write(path, tables(1, 6000, 6)),
    "append": lambda path: write(path, tables(2, 600, 3, 10**11)),
    "compact": lambda path: write(path, tables(3, 3000, 3, -(10**11))),
    "rebuild": lambda path: rebuild(path, 3),
    "erase": lambda path: erase(path, GONE),
}


def count_operations(last: int | None) -> list[int]:
    """Count what changes files; kill the process before the operation ``last``."""
    done = [0]

    def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **named: Any) -> Any:
            done[0] += 1
            if done[0] == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*args, **named)

        return run

    for name in ("replace", "unlink", "fsync", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
    return done


def main() -> None:
    path, job = Path(sys.argv[1]), sys.argv[2]
    done = count_operations(int(sys.argv[3]) if len(sys.argv) > 3 else None)
    print("ready", flush=True)
    JOBS[job](path)
    print("done", done[0], flush=True)


if __name__ == "__main__":
    main()
