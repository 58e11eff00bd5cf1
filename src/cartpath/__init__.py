"""Cartpath: purchase paths people can read, and a behaviour model that predicts what comes next.

``import cartpath`` is cheap: the parts that need Arrow, Numba or PyTorch are imported where they are used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.shop import Shop

# NumPy's OpenBLAS keeps its threads spinning for a tenth of a second after it is loaded, on cores that the scan is to
# have: a fifth of the CPU of a short question. 2**20 cycles are a third of a millisecond. It is read as NumPy loads.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")

__version__ = "0.1.0"
__all__ = ["CartpathError", "__version__", "open"]


def open(path: str | os.PathLike[str], engine: str | None = None) -> Shop:
    """Open a workspace, as a notebook does.

    Parameters
    ----------
    path : str or path-like
        A folder made by ``cartpath init``.
    engine : str, optional
        What counts and ingests: ``"threads"``, ``"spark"``, or a Spark master such as ``"spark://host:7077"``; threads
        by default.

    Returns
    -------
    cartpath.shop.Shop

    Raises
    ------
    CartpathError
        If the folder is not a Cartpath workspace.
    """
    from cartpath.shop import open as open_shop

    return open_shop(path, engine)
