"""Import the libraries of an extra, or say which extra is missing."""

from __future__ import annotations

import importlib
import os
from typing import Any

from cartpath.schema import MissingExtraError

# Read when OpenMP loads, so set before PyTorch is. Threads that wait by spinning cost nine tenths of the speed where
# others use the machine too (measured on two busy cores: 1,000 against 9,000 events a second).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def need(module: str, what: str = "the behaviour model", extra: str = "models") -> Any:
    """Import a module of an extra.

    Parameters
    ----------
    module : str
    what : str
        What needs it, for the message.
    extra : str
        The extra that brings it.

    Raises
    ------
    MissingExtraError
        If it is not installed.

    Examples
    --------
    >>> need("no_such_library", "this example")
    Traceback (most recent call last):
        ...
    cartpath.schema.errors.MissingExtraError: this example needs an extra that is not installed
      pip install 'cartpath[models]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == module.split(".")[0]:
            raise MissingExtraError(what, extra) from error
        raise
