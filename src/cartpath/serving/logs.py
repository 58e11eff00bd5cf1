"""The log of the service: a JSON object a line, without personal data.

Only what the service itself makes up is written: request ids, names of routes, statuses, names of kinds of errors. No
path, query, body or message of an exception is, since each may hold a user's id.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

LOGGER = logging.getLogger("cartpath.serving")


def log(message: str, level: int = logging.INFO, **about: Any) -> None:
    """Write a line of the log.

    Parameters
    ----------
    message : str
        What happened; nothing that was sent.
    level : int
    **about
        Members of the line.
    """
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, message, extra={"about": about})


def log_fault(message: str, error: BaseException, **about: Any) -> None:
    """Write where an error happened and of what kind it is, but not its message: it may name a user."""
    log(message, logging.ERROR, **about, error=type(error).__name__, at=places_of(error))


def places_of(error: BaseException, most: int = 8) -> list[str]:
    """Return the innermost places of an error's traceback, ``file:line function``."""
    frames = traceback.extract_tb(error.__traceback__)[-most:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON.

    Examples
    --------
    >>> record = logging.LogRecord("x", logging.INFO, "", 0, "started", None, None)
    >>> json.loads(JsonLines().format(record))["message"]
    'started'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": when, "level": record.levelname.lower(), "message": record.getMessage()}
        line |= getattr(record, "about", {})
        if record.exc_info and record.exc_info[1] is not None:
            line |= {"error": type(record.exc_info[1]).__name__, "at": places_of(record.exc_info[1])}
        return json.dumps(line, ensure_ascii=False)


def write_to(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Let the service's log, and Uvicorn's, go to a stream, by default standard error."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("cartpath", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], False
        logger.setLevel(level)
    for name in ("cartpath", "uvicorn"):
        logging.getLogger(name).addHandler(handler)
    logging.getLogger("uvicorn.error").propagate = True
    # Uvicorn would write paths and queries, which name users.
    logging.getLogger("uvicorn.access").handlers = []
    logging.getLogger("uvicorn.access").propagate = False
