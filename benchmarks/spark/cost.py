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
    cold, warm : float
        Milliseconds of CPU of a task that does nothing, Java's part included: the first of a process, and later ones.
    start : float
        Seconds of CPU until Spark and its workers are ready, whatever the log.
    """

    read: float
    spilled: float
    stored: float
    ingest: float
    status: float
    funnel: float
    flow: float
    doctor: float
    cold: float
    warm: float
    start: float

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Rates:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def bytes(self, name: str, events: int) -> float:
        """Bytes read, spilled or stored.

        >>> Rates(20, 60, 90, 4, 0.1, 0.1, 0.1, 0.2, 25, 10, 10).bytes("spilled", 10**9) / 10**9
        60.0
        """
        return float(getattr(self, name)) * events

    def cpu(self, step: str, events: int, buckets: int, warm: bool = False) -> float:
        """Seconds of CPU of a step, on all machines together, without the start.

        >>> Rates(20, 60, 90, 4, 0.1, 0.1, 0.1, 0.2, 25, 10, 10).cpu("ingest", 10**9, 500)
        4025.0
        """
        a_task = self.warm if warm else self.cold
        return float(getattr(self, step)) * events / 10**6 + tasks(step, events, buckets) * a_task / 1000


def tasks(step: str, events: int, buckets: int) -> int:
    """How many tasks a step is: a bucket each, and for an ingest a share each.

    >>> tasks("flow", 10**9, 512), tasks("ingest", 10**9, 512)
    (512, 1012)
    """
    return buckets + (-(-events // SHARE) if step == "ingest" else 0)
