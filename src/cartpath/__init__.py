"""Cartpath: purchase paths people can read, and a behaviour model that predicts what comes next.

``import cartpath`` is cheap: the parts that need Arrow, Numba or PyTorch are imported where they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from os import PathLike

    from cartpath.shop import Shop

__version__ = "0.1.0"
__all__ = ["CartpathError", "__version__", "open"]


def open(path: str | PathLike[str]) -> Shop:
    """Open a workspace, as a notebook does.

    Parameters
    ----------
    path : str or path-like
        A folder made by ``cartpath init``.

    Returns
    -------
    cartpath.shop.Shop

    Raises
    ------
    CartpathError
        If the folder is not a Cartpath workspace.
    """
    from cartpath.shop import open as open_shop

    return open_shop(path)
