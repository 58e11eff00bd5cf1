"""What a database says when it refuses, as an error a user can act on."""

from __future__ import annotations

import re

from cartpath.ingest.database.address import Address
from cartpath.schema import CartpathError

#: Words a statement begins with that is no query.
_CHANGES = frozenset([
    "alter", "analyze", "begin", "call", "cluster", "comment", "commit", "copy", "create", "delete", "do", "drop",
    "execute", "explain", "grant", "insert", "lock", "merge", "reindex", "replace", "reset", "revoke", "rollback",
    "set", "truncate", "update", "use", "vacuum",
])  # fmt: skip
_COMMENT = re.compile(r"(\s+|--[^\n]*(\n|$)|/\*.*?\*/)+", re.DOTALL)
#: PostgreSQL's codes, and what to do.
_HINTS = {
    "0A000": "the query must be one select that changes nothing",
    "25006": "give a select that changes nothing; it runs in a read-only transaction",
    "28": "check the user and the password",
    "3D": "check the name of the database",
    "42501": "have somebody grant this user the right to select from it",
    "42601": "the query must be one select, as it would be written within brackets",
    "42703": "check the names of columns; double quotes keep capital letters",
    "42P01": "check the table's name and schema: SCHEMA.TABLE",
    "53300": "wait until others have disconnected",
    "57014": "a statement timeout is set for this user or database: add ?options=-c%20statement_timeout=0 to the URL",
}
_CONNECTING = "check host, port, database, user and password of --database, and that the server can be reached"


def check_query(query: str) -> str:
    """Return a query without what ends it.

    Raises
    ------
    CartpathError
        If it is empty, or begins as a statement that is no query.

    Examples
    --------
    >>> check_query("select 1;  ")
    'select 1'
    """
    text = query.strip().rstrip(";").rstrip()
    begin = _COMMENT.match(text)
    word = re.match(r"\w*", text[begin.end() if begin else 0 :])
    first = word.group().lower() if word else ""
    if not text:
        raise CartpathError("the query is empty", 'write --query "select ... from ..."')
    if first in _CHANGES:
        raise CartpathError(f"--query begins with {first!r}: it must be a select", "a database is only read from")
    return text


def cannot_connect(error: Exception, address: Address) -> CartpathError:
    """Return the error of a connection that could not be made."""
    said = _said(error, address)
    return CartpathError(f"cannot connect to {address.name}: {said}", _hint(error, said) or _CONNECTING)


def refused(error: Exception, address: Address, order: str) -> CartpathError:
    """Return the error of a query that did not run."""
    said = _said(error, address)
    hint = _hint(error, said)
    if order and order in said:
        hint = f"--option order={order}: it must be a column of the query's result"
    return CartpathError(f"{address.name} refuses the query: {said}", hint or "try the query in the database's client")


def cut(error: Exception, address: Address, rows: int, last: str, order: str) -> CartpathError:
    """Return the error of a connection that was lost while rows were read."""
    where = _after(rows, last) if rows else "before the first row"
    if order:
        hint = "it was tried again several times; when the database can be reached, run the same command again"
    else:
        hint = (
            "run it again; with --option order=COLUMN, a unique and increasing column of the result, a reading goes on"
            " where the connection was lost"
        )
    said = _said(error, address)
    return CartpathError(f"lost the connection to {address.name} {where}: {said}; nothing was stored", hint)


def stopped(error: Exception, address: Address, rows: int, last: str) -> CartpathError:
    """Return the error of a result that cannot be read on although the connection is there."""
    said = _said(error, address)
    where = f" {_after(rows, last)}" if rows else ""
    hint = (
        _hint(error, said) or "mend the query, or leave those rows out; a value that cannot be read may be cast to text"
    )
    return CartpathError(f"{address.name} stopped{where}: {said}; nothing was stored", hint)


def _after(rows: int, last: str) -> str:
    return f"after {rows:,} rows" + (f", {last}" if last else "")


def _said(error: Exception, address: Address) -> str:
    """Return what the driver said, in one line."""
    original = getattr(error, "orig", None) or error
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    return address.scrub(" ".join(str(primary or original).split()))


def _hint(error: Exception, said: str) -> str:
    code = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    if not code and "password authentication failed" in said:
        code = "28"
    return _HINTS.get(code) or _HINTS.get(code[:2], "")
