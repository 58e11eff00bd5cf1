"""What a log costs on a cluster, by formula: rates an event, measured on a small log, times events, over cores.

The formulas are those of ``docs/spark.md``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rates:
    """What an event costs.

    Attributes
    ----------
    read, spilled, stored : float
        Bytes: of the source, of shares on their way to buckets, of the store afterwards.
    ingest, status, funnel, flow, doctor : float
        Microseconds of CPU.
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
    start: float

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Rates:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def bytes(self, name: str, events: int) -> float:
        """Bytes read, spilled or stored.

        >>> Rates(20, 60, 90, 4, 0.1, 0.1, 0.1, 0.2, 10).bytes("spilled", 10**9) / 10**9
        60.0
        """
        return float(getattr(self, name)) * events

    def cpu(self, step: str, events: int) -> float:
        """Seconds of CPU of a step, on all machines together, without the start.

        >>> Rates(20, 60, 90, 4, 0.1, 0.1, 0.1, 0.2, 10).cpu("ingest", 10**9)
        4000.0
        """
        return float(getattr(self, step)) * events / 10**6

    def wall(self, step: str, events: int, cores: int) -> float:
        """Seconds on the clock, where cores are idle and storage is not what is waited for."""
        return self.cpu(step, events) / cores
