"""Where a database is, and how to reach it; the password is used and never shown."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from cartpath.schema import CartpathError, MissingExtraError

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_FORM = (
    "write --database postgresql://USER:PASSWORD@HOST:PORT/NAME, or env:VARIABLE, which names a variable that holds it"
)
#: What people write, and the driver that is meant.
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
#: Parameters of a URL that tell one database from another; others may be secret, and are not shown.
_SHOWN = ("host", "port", "dbname", "user", "service")
_SECRET = re.compile(r"pass|pwd|secret|token|key|odbc_connect|options", re.IGNORECASE)
#: A connection that cannot be made, or is silently cut, is noticed in half a minute or two.
_PATIENCE = {
    "connect_timeout": 15,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "fallback_application_name": "cartpath",
}


def sqlalchemy() -> Any:
    """Import SQLAlchemy.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import sqlalchemy as module
    except ModuleNotFoundError:
        raise MissingExtraError("reading a database", "sql") from None
    return module


class Address:
    """A database's URL.

    Parameters
    ----------
    given : str
        A URL as SQLAlchemy takes it, or ``env:NAME``, the environment variable that holds one.

    Attributes
    ----------
    name : str
        The URL without password, and without parameters that may be secret.

    Raises
    ------
    CartpathError
        If it is no URL, or the variable is not set.

    Examples
    --------
    >>> Address("postgresql://ann:secret@db.example/shop?sslpassword=x").name
    'postgresql://ann@db.example/shop'
    """

    def __init__(self, given: str) -> None:
        module = sqlalchemy()
        text = _resolved(given)
        if re.match(r"[^/?#]+://[^/?#]*@[^/?#]*@", text):
            raise CartpathError("--database has more than one @ before the host", "write an @ in a password as %40")
        try:
            url = module.make_url(text)
        except (module.exc.ArgumentError, ValueError):
            raise CartpathError("--database is no URL that can be read", _FORM) from None
        self._url: URL = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        self.name = _shown(module, self._url)
        self._secrets = _secrets(url)

    def scrub(self, text: str) -> str:
        """Return a message without the password, should a driver have put it there."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def engine(self) -> Engine:
        """Return an engine that keeps no connection.

        Raises
        ------
        CartpathError
            If there is no such kind of database, its driver is not installed, or its file does not exist.
        """
        module = sqlalchemy()
        self._check_file()
        try:
            engine: Engine = module.create_engine(
                self._url, poolclass=module.pool.NullPool, connect_args=self._settings()
            )
        except module.exc.NoSuchModuleError:
            raise CartpathError(f"there is no kind of database {self._url.drivername!r}", _FORM) from None
        except ModuleNotFoundError as error:
            if self._url.drivername == _DRIVERS["postgresql"]:
                raise MissingExtraError("reading PostgreSQL", "sql") from None
            raise CartpathError(f"the driver of {self.name} is not installed: {error}", "install it with pip") from None
        except (TypeError, ValueError, module.exc.SQLAlchemyError) as error:
            raise CartpathError(f"{self.name} cannot be used: {self.scrub(str(error))}", _FORM) from None
        _prepare(module, engine)
        return engine

    def _settings(self) -> dict[str, Any]:
        if self._url.drivername != _DRIVERS["postgresql"]:
            return {}
        return {name: value for name, value in _PATIENCE.items() if name not in self._url.query}

    def _check_file(self) -> None:
        """SQLite makes a file that does not exist; nobody wants to read that."""
        file = self._url.database
        is_file = self._url.get_backend_name() == "sqlite" and file and file != ":memory:"
        if file and is_file and not file.startswith("file:") and not Path(file).is_file():
            raise CartpathError(f"no such file: {file}", "a relative path has three slashes, an absolute one has four")


def _resolved(given: str) -> str:
    kind, _, name = given.partition(":")
    if kind != "env":
        return given
    value = os.environ.get(name, "")
    if not value:
        raise CartpathError(f"the environment variable {name or '(no name)'} is not set", _FORM)
    return value


def _shown(module: Any, url: URL) -> str:
    query = {name: value for name, value in url.query.items() if name in _SHOWN}
    plain = module.URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database, query)
    return str(plain.render_as_string())


def _secrets(url: URL) -> list[str]:
    values = [str(url.password)] if url.password else []
    for name, value in url.query.items():
        if _SECRET.search(name):
            values += [value] if isinstance(value, str) else list(value)
    every = {form for value in values if value for form in (value, quote(value, safe=""), quote_plus(value))}
    return sorted(every, key=len, reverse=True)


def _prepare(module: Any, engine: Engine) -> None:
    """Have values come as this room reads them best: text of PostgreSQL as it writes it, text of SQLite as bytes."""
    if engine.dialect.driver == "psycopg":
        module.event.listen(engine, "connect", _plain_text)
    elif engine.dialect.name == "sqlite":
        module.event.listen(engine, "connect", _plain_bytes)


def _plain_text(connection: Any, _: Any) -> None:
    # Python's dates know no infinity and no year 10000, its decimals are slow, and JSON is kept as text anyway.
    from psycopg.types.string import TextLoader

    for name in ("timestamptz", "timestamp", "date", "numeric", "uuid", "json", "jsonb", "inet", "cidr"):
        connection.adapters.register_loader(name, TextLoader)


def _plain_bytes(connection: Any, _: Any) -> None:
    # One text that is not UTF-8 would end the reading; as bytes it is one row for the quarantine.
    connection.text_factory = bytes
