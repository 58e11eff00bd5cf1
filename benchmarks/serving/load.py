"""The load, a process of its own: requests at fixed moments, whether or not earlier ones are answered.

Each latency counts from the moment at which the request was due, so that a service that stalls cannot hide it
(Tene, "How not to measure latency", 2015). The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from pathlib import Path

import numpy as np

KINDS = ("events", "recommendations")


class Connections:
    """Connections that are kept open; a request takes one that is free, or opens another."""

    def __init__(self, host: str, port: int) -> None:
        self.at = (host, port)
        self.free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.opened = 0

    async def send(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = self.free.pop() if self.free else await self._open()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        at = head.lower().index(b"content-length:")
        body = await reader.readexactly(int(head[at + 15 : head.index(b"\r\n", at)]))
        self.free.append((reader, writer))
        return int(head[9:12]), body

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.opened += 1
        return await asyncio.open_connection(*self.at)


class Load:
    """What is asked: views of users, and their recommendations."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.random = options, random.Random(0)
        self.connections = Connections(options.host, options.port)
        self.n = 0
        self.run = f"{time.time():.0f}"

    def event(self, user: int) -> dict[str, str]:
        self.n += 1
        item = int(self.random.random() ** 3 * self.options.items)
        return {"user_id": f"u{user}", "event": "view", "item_id": f"i{item}", "event_id": f"{self.run}-{self.n}"}

    def posted(self, body: object) -> bytes:
        data = json.dumps(body, separators=(",", ":")).encode()
        return (
            self._head("POST", "/v1/events", f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n")
            + data
        )

    def _head(self, method: str, path: str, more: str = "") -> bytes:
        return f"{method} {path} HTTP/1.1\r\nHost: shop\r\nX-API-Key: {self.options.key}\r\n{more}\r\n".encode()

    def one(self) -> tuple[str, bytes]:
        user = self.random.randrange(self.options.users)
        if self.random.random() < self.options.share:
            return "events", self.posted(self.event(user))
        return "recommendations", self._head("GET", f"/v1/users/u{user}/recommendations?k=20")

    async def make_live(self) -> float:
        """Give every user live events, a thousand at a time; return events a second."""
        began, users = time.perf_counter(), range(self.options.users)
        for first in range(0, len(users), 500):
            body = [self.event(user) for user in users[first : first + 500] for _ in range(2)]
            status, answer = await self.connections.send(self.posted(body))
            assert status == 202, answer
        return 2 * len(users) / (time.perf_counter() - began)

    async def at_rate(self, rate: float, seconds: float) -> dict[str, object]:
        """Send requests at a rate, and return what was measured."""
        took: dict[str, list[float]] = {kind: [] for kind in KINDS}
        statuses: dict[str, int] = {}
        memory, tasks = [], set()
        began, next_look = time.perf_counter(), 0.0

        async def ask(kind: str, request: bytes, due: float) -> None:
            status, _ = await self.connections.send(request)
            took[kind].append(time.perf_counter() - due)
            statuses[str(status)] = statuses.get(str(status), 0) + 1

        for number in range(int(rate * seconds)):
            due = began + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(ask(*self.one(), due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            if due - began >= next_look:
                memory.append((round(due - began), memory_mb(self.options.pid)))
                next_look += max(seconds / 30, 1)
        await asyncio.gather(*tasks)
        wall = time.perf_counter() - began
        memory.append((round(wall), memory_mb(self.options.pid)))
        return {
            "rate": rate,
            "throughput": sum(map(len, took.values())) / wall,
            "statuses": statuses,
            "memory_mb": memory,
            "connections": self.connections.opened,
            **{kind: quantiles(values) for kind, values in took.items() if values},
        }


def quantiles(seconds: list[float]) -> dict[str, float]:
    values = np.array(seconds) * 1000
    p50, p90, p99, p999 = np.percentile(values, [50, 90, 99, 99.9])
    return {"n": len(values), "p50": p50, "p90": p90, "p99": p99, "p999": p999, "max": values.max()}


def memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


async def main(options: argparse.Namespace) -> dict[str, object]:
    load = Load(options)
    filled = await load.make_live() if options.fill else None
    await load.at_rate(50, options.warm)
    return {"filled_per_second": filled, **await load.at_rate(options.rate, options.seconds)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    for name, kind, default in (
        ("port", int, 8080), ("pid", int, 0), ("key", str, ""), ("users", int, 100_000), ("items", int, 100_000),
        ("rate", float, 300), ("seconds", float, 60), ("warm", float, 5), ("share", float, 0.7), ("fill", int, 1),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, default=default)
    print(json.dumps(asyncio.run(main(parser.parse_args()))))
