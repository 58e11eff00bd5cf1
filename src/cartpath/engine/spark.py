"""The engine of a cluster: every item is a task of a Spark job.

Spark is asked for little: to start tasks where there is room, to start them again where a machine was lost, and to
bring back what they return. Data goes through files that driver and executors share.
"""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cartpath.engine import session
from cartpath.engine.job import Job
from cartpath.engine.task import Scanner, carried, execute
from cartpath.schema import CartpathError
from cartpath.store import PathView, Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

Item = TypeVar("Item")
Made = TypeVar("Made")
Progress = Callable[[int, int], None]

_SCHEMA = "number long, made binary"


class Spark:
    """Works on Spark; see ``cartpath.engine.Engine``.

    Parameters
    ----------
    master : str, optional
        By default the session there is, else what ``spark-submit`` or ``SPARK_MASTER`` says, else ``local[*]``.
    """

    remote = True

    def __init__(self, master: str | None = None) -> None:
        self._master = master

    def map(
        self,
        function: Callable[[Item], Made],
        items: Sequence[Item],
        *,
        progress: Progress | None = None,
        threads: int | None = None,
    ) -> list[Made]:
        """Apply a function to items, a task each; see ``cartpath.engine.map``.

        Raises
        ------
        CartpathError
            If Spark cannot be started, or gives a task up. What a task raises is raised as it is.
        """
        if not len(items):
            return []
        from pyspark import cloudpickle

        spark = session.connect(self._master)
        work = _tasks(cloudpickle.dumps(function), [cloudpickle.dumps(item) for item in items])
        frame = spark.range(len(items), numPartitions=len(items)).mapInArrow(work, _SCHEMA)
        job = Job(spark.sparkContext, f"cartpath-{secrets.token_hex(4)}", len(items))
        try:
            rows = job.result(frame.collect, progress)
        except Exception as error:
            raise carried(str(error)) or _given_up(error) from None
        made: dict[int, Any] = {row.number: pickle.loads(row.made) for row in rows}
        return [made[number] for number in range(len(items))]

    def scanner(self, snapshot: Snapshot, scan: Callable[[PathView], Made]) -> Callable[[int], Made]:
        """Return what scans one bucket of a snapshot, wherever it is sent."""
        return Scanner(Path(snapshot.workspace).resolve(), snapshot.generation, scan)


def _tasks(function: bytes, items: list[bytes]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what a task does with its numbers."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            for number in batch.column(0).to_pylist():
                made = pa.array([execute(function, items[number])], pa.binary())
                yield pa.RecordBatch.from_arrays([pa.array([number], pa.int64()), made], ["number", "made"])

    return work


def _given_up(error: Exception) -> CartpathError:
    """Say why Spark gave a task up, without its stack traces."""
    text = session.reason(error)
    return CartpathError(
        f"a task on Spark did not end: {text}",
        "its process was killed, perhaps for want of memory, or cannot import cartpath; see docs/spark.md",
    )
