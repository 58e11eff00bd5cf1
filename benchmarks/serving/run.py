"""The service under load: ``python benchmarks/serving/run.py --seconds 60 [--rate 300] [--write]``.

The service and the load are processes of their own on the same cores, joined by loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measure import DATA, amount, machine, table, write_section

HERE = Path(__file__).resolve().parent


@contextmanager
def serving(shop: Path, log: Path) -> Iterator[tuple[str, int]]:
    """Run the service of a shop; yield its address and its process, once it is ready."""
    code = "from cartpath.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", str(shop), "--port", "0"]
    with log.open("w") as lines:
        process = subprocess.Popen(command, stderr=lines, env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        address = ""
        while not address:
            time.sleep(0.2)
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            address = next(
                (line.split()[-1] for line in log.read_text().splitlines() if line.startswith("serving ")), ""
            )
        began = time.monotonic()
        while not ready(address):
            time.sleep(0.5)
            if process.poll() is not None or time.monotonic() - began > 600:
                raise SystemExit(log.read_text()[-3000:])
        yield address, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def loaded(address: str, pid: int, key: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run the load, and return what it measured."""
    said = {"port": address.rsplit(":", 1)[1], "pid": pid, "key": key, "users": amount(options.users)}
    said |= {"items": amount(options.items), "rate": options.rate, "seconds": options.seconds, "share": options.share}
    command = [sys.executable, str(HERE / "load.py"), *(f"--{name}={value}" for name, value in said.items())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def written(found: dict[str, Any], options: argparse.Namespace) -> str:
    """Return what was measured in words and tables."""
    kinds = [kind for kind in ("events", "recommendations") if kind in found]
    rows = [
        [kind, f"{found[kind]['n']:,}", *(f"{found[kind][q]:.1f}" for q in ("p50", "p90", "p99", "p999", "max"))]
        for kind in kinds
    ]
    memory = found["memory_mb"]
    kept = memory[:: max(len(memory) // 6, 1)]
    told = (
        f"{options.items} items, {options.users} live users, {found['rate']:g} requests a second asked for over"
        f" {options.seconds:g} s, {options.share:.0%} of them events: {found['throughput']:.0f} a second answered,"
        f" statuses {', '.join(f'{status}: {n:,}' for status, n in sorted(found['statuses'].items()))}."
        f" Before that, {found['filled_per_second']:,.0f} events a second in arrays of a thousand at a time."
    )
    return "\n\n".join(
        [
            told,
            table(["milliseconds", "requests", "p50", "p90", "p99", "p99.9", "worst"], rows),
            table(
                ["second", *(f"{second}" for second, _ in kept)], [["memory, MB", *(f"{mb:,.0f}" for _, mb in kept)]]
            ),
            machine(["fastapi", "uvicorn", "uvloop", "httptools", "torch", "numpy", "lightgbm"]),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", default="100k")
    parser.add_argument("--users", default="100k", help="with live events; a fifth of them are in the store too")
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--share", type=float, default=0.7, help="of requests that are events")
    parser.add_argument("--minutes", type=float, default=2, help="to pretrain, where the shop is not there yet")
    parser.add_argument("--write", action="store_true", help="write the results into README.md")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from shop import made

    from cartpath.access import create_key

    base = made(DATA / f"serving-{options.items}", amount(options.items), amount(options.users) // 5, options.minutes)
    shop = base.with_name(base.name + "-live")
    shutil.rmtree(shop, ignore_errors=True)
    shutil.copytree(base, shop)
    key = create_key(shop, ["events:write", "recommend:read"], rate=1_000_000)
    with serving(shop, base.with_name("serving.log")) as (address, pid):
        found = loaded(address, pid, key, options)
    print(json.dumps(found))
    text = written(found, options)
    print(text, file=sys.stderr)
    if options.write:
        write_section(HERE / "README.md", "results", text)


if __name__ == "__main__":
    main()
