"""A query that runs in a database, its rows streamed; with an order it goes on after a lost connection."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from cartpath.ingest.database import errors
from cartpath.ingest.database.address import Address, sqlalchemy
from cartpath.ingest.database.columns import Kind, kinds_of

#: Rows a fetch.
FETCH = 4_000
#: Seconds between attempts to connect again; a row that arrives begins the count anew.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
#: So that times have one form and zone, and nothing can be changed.
_SESSION = {
    "postgresql": ("set transaction read only", "set local time zone 'UTC'", "set local datestyle = 'ISO, YMD'"),
    "sqlite": ("pragma query_only = on",),
    "mysql": ("set session transaction read only", "set time_zone = '+00:00'"),
    "mariadb": ("set session transaction read only", "set time_zone = '+00:00'"),
}


class Query:
    """One query.

    Parameters
    ----------
    address : Address
    text : str
    order : str
        A unique, increasing column of the result, or empty.

    Attributes
    ----------
    names : list of str
        The result's columns, once ``start`` was called.
    kinds : dict of str to Kind
    last : int, float, str or None
        The order column's value in the last row that was read.
    shown : str
        A column that says where a reading is: the order, or one of time.
    rows : int
        Rows read.
    """

    def __init__(self, address: Address, text: str, order: str = "") -> None:
        self._address, self._text, self._order = address, text, order
        self._engine = address.engine()
        self._connection: Any = None
        self._result: Any = None
        self._cursor: Any = None
        self._cancelled = False
        self.names: list[str] = []
        self.kinds: dict[str, Kind] = {}
        self.shown = order
        self.last: Any = None
        self.rows = 0
        self._newest: Any = None

    def start(self, since: Any = None) -> None:
        """Run the query; no row is read yet.

        Parameters
        ----------
        since : optional
            Only rows whose order column is greater.

        Raises
        ------
        CartpathError
            If the database cannot be reached or refuses the query.
        """
        module = sqlalchemy()
        self.last = since
        try:
            self._connect()
        except module.exc.DBAPIError as error:
            raise errors.cannot_connect(error, self._address) from None
        try:
            self._execute()
        except module.exc.SQLAlchemyError as error:
            raise errors.refused(error, self._address, self._order) from None

    def _connect(self) -> None:
        self._connection = self._engine.connect()
        for statement in _SESSION.get(self._engine.dialect.name, ()):
            self._connection.exec_driver_sql(statement)

    def _execute(self) -> None:
        module, given = sqlalchemy(), {}
        text = self._text.replace(":", r"\:")  # a colon is no parameter of ours
        if self._order:
            column = f"cartpath_rows.{self._engine.dialect.identifier_preparer.quote(self._order)}"
            where = f"where {column} > :cartpath_last " if self.last is not None else ""
            text = f"select * from (\n{text}\n) cartpath_rows {where}order by {column}"
        statement = module.text(text)
        if self._order and self.last is not None:
            # Of no type: the database takes it to be what the column is.
            statement = statement.bindparams(module.bindparam("cartpath_last", type_=module.types.NULLTYPE))
            given = {"cartpath_last": self.last}
        streamed = {"stream_results": True, "yield_per": FETCH}
        self._result = self._connection.execute(statement, given, execution_options=streamed)
        if not self._result.returns_rows:
            raise module.exc.ResourceClosedError("it returns no rows; it must be a select")
        self._cursor = self._result.cursor
        self.names = list(self._result.keys())
        self.kinds = kinds_of(self._connection, self._cursor)

    def batches(self) -> Iterator[Sequence[Any]]:
        """Yield the rows, ``FETCH`` at a time.

        Raises
        ------
        CartpathError
            If the connection is lost and there is no order to go on by, or it cannot be made again.
        """
        module, tries = sqlalchemy(), 0
        while True:
            try:
                for batch in self._result.partitions(FETCH):
                    tries = 0
                    self._note(batch)
                    yield batch
                return
            except module.exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise errors.stopped(error, self._address, self.rows, self.place) from None
                tries = self._again(error, tries)

    def _note(self, batch: Sequence[Any]) -> None:
        self.rows += len(batch)
        self._newest = batch[-1]
        if self._order:
            self.last = _plain(batch[-1][self.names.index(self._order)])

    def _again(self, error: Exception, tries: int) -> int:
        """Connect again and go on after the last row; return how many attempts there were."""
        module = sqlalchemy()
        while self._order and tries < len(PAUSES) and not self._cancelled:
            self.close()
            time.sleep(PAUSES[tries])
            tries += 1
            try:
                self._connect()
                self._execute()
                return tries
            except module.exc.DBAPIError as again:
                error = again
        raise errors.cut(error, self._address, self.rows, self.place, self._order) from None

    @property
    def place(self) -> str:
        """Where the reading is, for people: the last row's value of a column that says so."""
        if self._newest is None or self.shown not in self.names:
            return ""
        return f"the last one with {self.shown} {_plain(self._newest[self.names.index(self.shown)])}"

    def cancel(self) -> None:
        """Have the database stop the query; another thread may be waiting for its rows."""
        self._cancelled = True
        driver: Any = self._engine.dialect.dbapi
        connection = self._connection
        with suppress(AttributeError, driver.Error):  # it may have ended by now, or know no way to stop
            opened = connection.connection.driver_connection
            (opened.interrupt if self._engine.dialect.name == "sqlite" else opened.cancel)()

    def close(self) -> None:
        """End the transaction and the connection."""
        driver: Any = self._engine.dialect.dbapi
        lost = (sqlalchemy().exc.SQLAlchemyError, driver.Error)
        for opened in (self._cursor, self._result, self._connection):
            with suppress(*lost):  # what is lost cannot be told that it is closed
                if opened is not None:
                    opened.close()
        self._cursor = self._result = self._connection = None


def _plain(value: Any) -> Any:
    """Return a value as JSON keeps it, and as the database takes it back."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, (int, float, str, type(None))) else str(value)
