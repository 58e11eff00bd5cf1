"""The service on Uvicorn, until it is told to end."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from cartpath import config
from cartpath.config.serve import EMBEDDED
from cartpath.models.extra import need
from cartpath.schema import CartpathError
from cartpath.serving.limits import Limits

HOST, PORT = "127.0.0.1", 8080
_WHAT = "the service"


def run(
    workspace: Path | str,
    *,
    host: str = HOST,
    port: int = PORT,
    workers: int | None = None,
    told: Callable[[str], None] = lambda address: None,
    limits: Limits | None = None,
) -> None:
    """Serve a workspace until a signal ends the process: requests that are there are answered, and state is written.

    Parameters
    ----------
    workspace : Path
    host : str
    port : int
        0 is any that is free.
    workers : int, optional
        Processes; by default as ``[serve]`` says.
    told : callable
        Told the address once requests are taken.
    limits : Limits, optional

    Raises
    ------
    CartpathError
        If this is no workspace, the address is taken or not this machine's, workers cannot share their state, or an
        extra is missing.
    """
    for module in ("fastapi", "httptools", "prometheus_client", "uvicorn"):
        need(module, _WHAT, "serve")
    settings = config.load(Path(workspace)).serve
    check_workers(settings, settings.workers if workers is None else workers)
    limits = Limits() if limits is None else limits
    bound = bind(host, port)
    told(f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}")
    _serve(Path(workspace), settings, limits, bound)


def check_workers(settings: config.ServeSettings, workers: int) -> None:
    """Refuse more processes than can share their live paths.

    Examples
    --------
    >>> check_workers(config.ServeSettings(), 1)
    >>> check_workers(config.ServeSettings(), 2)
    Traceback (most recent call last):
        ...
    cartpath.schema.errors.CartpathError: 2 workers need live paths that they share; embedded ones are of one process
      write into cartpath.toml, under [serve]: state = "redis://HOST:6379/0"
    """
    if workers < 1:
        raise CartpathError(f"there must be a worker, not {workers}", "leave --workers out")
    if workers > 1 and settings.state == EMBEDDED:
        raise CartpathError(
            f"{workers} workers need live paths that they share; embedded ones are of one process",
            'write into cartpath.toml, under [serve]: state = "redis://HOST:6379/0"',
        )


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address.

    Raises
    ------
    CartpathError
        If another process has it, or it is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(address)
            bound.listen(2048)
        except OSError:
            bound.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CartpathError(
            f"cannot listen at {host}:{port}: {why.lower()}", "choose another --port or --host"
        ) from None
    return bound


def _serve(workspace: Path, settings: config.ServeSettings, limits: Limits, bound: socket.socket) -> None:
    import uvicorn

    from cartpath.serving.app import create_app
    from cartpath.serving.logs import write_to
    from cartpath.serving.protocol import patient

    write_to()
    one = uvicorn.Config(
        create_app(workspace, settings, limits=limits),
        http=patient(limits.head_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=limits.stop_seconds,
        lifespan="on",
    )
    # The default lets one thread compute for 5 ms while the event loop waits.
    sys.setswitchinterval(0.001)
    gc.freeze()
    server = uvicorn.Server(one)
    server.run(sockets=[bound])
    if not server.started:
        raise CartpathError("the service did not start", "its log, above, says why")
