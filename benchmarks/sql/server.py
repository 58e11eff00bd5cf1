"""A PostgreSQL server to read from: the one that CARTPATH_TEST_POSTGRES names, or one of our own."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

_TYPES = {
    "string": "text", "double": "double precision", "int64": "bigint", "int32": "integer", "bool": "boolean",
    "timestamp[us, tz=UTC]": "timestamptz",
}  # fmt: skip
_SETTINGS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_wal_size=8GB"


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of a server; our own ends, and its folder goes, with the block."""
    given = os.environ.get("CARTPATH_TEST_POSTGRES")
    if given:
        yield given
        return
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not programs:
        raise SystemExit("no PostgreSQL in /usr/lib/postgresql: install it, or set CARTPATH_TEST_POSTGRES")
    folder = Path(tempfile.mkdtemp(prefix="cartpath-postgres-"))
    try:
        yield from _own(programs[-1], folder)
    finally:
        shutil.rmtree(folder)


def _own(programs: Path, folder: Path) -> Iterator[str]:
    folder.chmod(0o755)
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = str(folder / "data")
    _run([str(programs / "initdb"), "-D", data, "-U", "cartpath", "--auth=trust", "-E", "UTF8"])
    control = [str(programs / "pg_ctl"), "-D", data, "-s", "-w"]
    _run([*control, "-l", str(folder / "log"), "-o", f"-p {port} {_SETTINGS}", "start"])
    try:
        yield f"postgresql://cartpath@127.0.0.1:{port}/postgres"
    finally:
        _run([*control, "-m", "immediate", "stop"])


def _run(command: Sequence[str]) -> None:
    """PostgreSQL refuses to run as root: Debian's package has made a user for it, who may not enter every folder."""
    if os.getuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]
    subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL)


@contextmanager
def loaded(url: str, source: Path) -> Iterator[str]:
    """Copy a Parquet file into a table; yields the table's name, and drops it in the end."""
    schema = f"cartpath_bench_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as connection, pq.ParquetFile(source) as file:
        connection.execute(f"create schema {schema}")
        try:
            columns = ", ".join(f'"{field.name}" {_TYPES[str(field.type)]}' for field in file.schema_arrow)
            connection.execute(f"create unlogged table {schema}.events ({columns})")
            with connection.cursor().copy(f"copy {schema}.events from stdin (format csv)") as copy:
                for batch in file.iter_batches(100_000):
                    copy.write(_csv(batch))
            connection.execute(f"vacuum analyze {schema}.events")
            yield f"{schema}.events"
        finally:
            connection.execute(f"drop schema {schema} cascade")


def _csv(batch: pa.RecordBatch) -> bytes:
    out = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False)
    pyarrow.csv.write_csv(pa.Table.from_batches([batch]), out, options)
    return out.getvalue()
