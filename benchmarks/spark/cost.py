"""What a log costs on a cluster, by formula: rates of an event and of a task, measured on a small log.

The formulas are those of ``docs/spark.md``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

#: Rows of a task that reads Parquet.
SHARE = 2_000_000


@dataclass(frozen=True)
class Rates:
    """What an event costs, and a task.

    Attributes
    ----------
    read, spilled, stored : float
        Bytes an event: of the source, of shares on their way to buckets, of the store afterwards.
    ingest, status, funnel, flow, doctor : float
        Microseconds of CPU an event.
    scan_task, ingest_task : float
        Milliseconds of CPU a task, Java's part included, however few its events: of one that does nothing, and, as
        building a bucket writes files, of an ingest of few rows.
    start : float
        Seconds of CPU until Spark and its workers are ready: once a command, whatever the log.
    """

    read: float
    spilled: float
    stored: float
    ingest: float
    status: float
    funnel: float
    flow: float
    doctor: float
    scan_task: float
    ingest_task: float
    start: float

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Rates:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def bytes(self, name: str, events: int) -> float:
        """Bytes read, spilled or stored.

        >>> Rates(20, 60, 90, 4, 0.1, 0.1, 0.1, 0.2, 5, 30, 10).bytes("spilled", 10**9) / 10**9
        60.0
        """
        return float(getattr(self, name)) * events

    def cpu(self, step: str, events: int, buckets: int) -> float:
        """Seconds of CPU of a step, on all machines together, without what passes once a command.

        >>> Rates(20, 60, 90, 4, 0.1, 0.1, 0.1, 0.2, 5, 30, 10).cpu("ingest", 10**9, 500)
        4030.0
        """
        return float(getattr(self, step)) * events / 10**6 + tasks(step, events, buckets) * self.task(step) / 1000

    def task(self, step: str) -> float:
        """Milliseconds of CPU of a task of a step, without its events."""
        return self.ingest_task if step == "ingest" else self.scan_task


def tasks(step: str, events: int, buckets: int) -> int:
    """How many tasks a step is: a bucket each, and for an ingest a share each.

    >>> tasks("flow", 10**9, 512), tasks("ingest", 10**9, 512)
    (512, 1012)
    """
    return buckets + (-(-events // SHARE) if step == "ingest" else 0)
