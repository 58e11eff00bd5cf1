"""Errors a user can act on: each says what is wrong, where, and what to do."""

from __future__ import annotations

from typing import Any


class CartpathError(Exception):
    r"""A problem the user can solve; the command line prints it without a traceback.

    Parameters
    ----------
    message : str
        What is wrong, and where.
    hint : str, optional
        What to do about it.

    Examples
    --------
    >>> str(CartpathError("no column 'ts' in a.csv", "map it with --map ts=COLUMN"))
    "no column 'ts' in a.csv\n  map it with --map ts=COLUMN"
    """

    #: Exit code of the command line.
    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message if not hint else f"{message}\n  {hint}")
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Of any subclass, whatever it is made from: errors cross from the processes of a cluster.
        return _again, (type(self), self.message, self.hint)


def _again(kind: type[CartpathError], message: str, hint: str) -> CartpathError:
    error = kind.__new__(kind)
    CartpathError.__init__(error, message, hint)
    return error


class WorkspaceBusyError(CartpathError):
    """Another process is writing to the workspace."""

    exit_code = 3


class CorruptStoreError(CartpathError):
    """A file the manifest names is missing or is not what was written."""

    exit_code = 4


class MissingExtraError(CartpathError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra that is not installed", f"pip install 'cartpath[{extra}]'")
