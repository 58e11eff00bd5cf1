"""Starting Spark, quietly, with settings that suit what the engine asks of it."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import IO, Any

from cartpath.schema import CartpathError

#: Seconds to wait for a master's machine to answer at all.
_PATIENCE = 5
_PORT = 7077

#: What ends the Spark that was started here.
_ends: list[Callable[[], None]] = []


def connect(master: str | None = None) -> Any:
    """Return the session of a master, started if there is none.

    Parameters
    ----------
    master : str, optional
        By default that of the session there is, else what ``spark-submit`` or ``SPARK_MASTER`` says, else
        ``local[*]``.

    Returns
    -------
    pyspark.sql.SparkSession

    Raises
    ------
    CartpathError
        If Java is missing, the master is not there, or a session with another master is.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    context = SparkContext._active_spark_context
    if context is None:
        context = _start(master)
    elif master is not None and context.master != master:
        raise CartpathError(
            f"this process has a Spark session with {context.master}, not {master}",
            "use it: engine spark; or stop it first",
        )
    return SparkSession.builder.getOrCreate() if SparkSession.getActiveSession() is None else SparkSession.active()


def _start(master: str | None) -> Any:
    from pyspark import SparkConf, SparkContext

    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not submitted:
        master = master or os.environ.get("SPARK_MASTER") or "local[*]"
        _need_java()
        _need_answer(master)
    conf = SparkConf()
    for name, value in settings(master).items():
        conf.setIfMissing(name, value)
    if master is not None:
        conf.setMaster(master)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    gateway, log = (None, None) if submitted else _gateway(conf)
    try:
        context = SparkContext(conf=conf, gateway=gateway)
    except Exception as error:
        why = reason(error)  # asks Java, which ends below
        if gateway is not None:
            _end(gateway)
        raise CartpathError(f"Spark did not start with {master or 'what it was given'}: {why}") from None
    context.setLogLevel("ERROR")
    _ends.append(partial(_stop, context, gateway, log))
    return context


@atexit.register
def stop() -> None:
    """End the Spark that was started here, if any; the end of the process does so, too."""
    while _ends:
        _ends.pop()()


def settings(master: str | None) -> dict[str, str]:
    """Return the settings that a session is started with where nothing else is said.

    Examples
    --------
    >>> settings("local[2]")["spark.driver.bindAddress"]
    '127.0.0.1'
    """
    common = {
        "spark.app.name": "cartpath",
        "spark.ui.showConsoleProgress": "false",
        # Over TCP each small task waits 40 ms for an acknowledgement that its Python worker delays.
        "spark.python.unix.domain.socket.enabled": "true",
    }
    if master is None or not master.startswith("local"):
        return common
    return common | {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        # Java only hands tasks out here: compiling it well would take longer than what it then saves.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        # Workers find modules where this process does.
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def _need_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if not (home and shutil.which("java", path=os.path.join(home, "bin"))) and not shutil.which("java"):
        raise CartpathError("Spark needs Java, and there is none", "install Java 17, or set JAVA_HOME to where it is")


def _need_answer(master: str) -> None:
    """Look whether a standalone master is there: Spark itself would try for a minute and end the process."""
    if not master.startswith("spark://"):
        return
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":") if ":" in address else (address, "", "")
        try:
            socket.create_connection((host, int(port or _PORT)), timeout=_PATIENCE).close()
            return
        except (OSError, ValueError):
            continue
    raise CartpathError(f"no Spark master answers at {master}", "is it running, and is that its address?")


def _gateway(conf: Any) -> tuple[Any, IO[bytes]]:
    """Start Java with what it and its workers say kept apart: output is for results."""
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as Java runs
    try:
        return launch_gateway(conf, {"stdout": log, "stderr": log}), log
    except PySparkRuntimeError:
        log.seek(0)
        said = log.read().decode(errors="replace").strip().splitlines()
        log.close()
        raise CartpathError(f"Java did not start: {said[-1] if said else 'it says nothing'}") from None


def _stop(context: Any, gateway: Any, log: IO[bytes] | None) -> None:
    context.stop()
    if gateway is not None:
        _end(gateway)
    if log is not None:
        log.close()


def _end(gateway: Any) -> None:
    """Let Java go; it ends when nobody holds the other end of its input."""
    from pyspark import SparkContext

    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(30)
    SparkContext._gateway = SparkContext._jvm = None


def reason(error: Exception) -> str:
    r"""Return what an error of Spark says, without stack traces.

    Examples
    --------
    >>> reason(RuntimeError("It failed\n: org.apache.spark.SparkException: Could not parse Master URL\n\tat a.b(C)"))
    'Could not parse Master URL'
    """
    text = re.sub(r"\n\s*at .*", "", str(error)).strip()
    named = re.findall(r"(?:^|\n|: )[\w.$]+(?:Exception|Error): (.+)", text)
    return str(named[-1] if named else text.splitlines()[0] if text else type(error).__name__).strip()
