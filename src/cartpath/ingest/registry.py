"""The adapters there are, by name."""

from __future__ import annotations

import importlib
import runpy
from pathlib import Path

from cartpath.ingest.adapter import Adapter
from cartpath.schema import CartpathError

#: Name -> module that has it as ``ADAPTER``.
_BUILT_IN = {
    "cartpath": "cartpath.ingest.adapters.canonical",
    "complete_journey": "cartpath.ingest.adapters.complete_journey",
    "ga360": "cartpath.ingest.adapters.ga360",
    "ga4": "cartpath.ingest.adapters.ga4",
    "generic": "cartpath.ingest.adapters.generic",
    "online_retail": "cartpath.ingest.adapters.online_retail",
    "rees46": "cartpath.ingest.adapters.rees46",
    "retailrocket": "cartpath.ingest.adapters.retailrocket",
    "sequences": "cartpath.ingest.adapters.sequences",
    "taobao": "cartpath.ingest.adapters.taobao",
    "yoochoose": "cartpath.ingest.adapters.yoochoose",
}


def names() -> list[str]:
    """Return the names of the adapters that come with Cartpath.

    Examples
    --------
    >>> "generic" in names()
    True
    """
    return sorted(_BUILT_IN)


def get(name: str) -> Adapter:
    """Return an adapter by its name, or from a Python file that defines ``ADAPTER``.

    Parameters
    ----------
    name : str
        One of ``names()``, or a path that ends in ``.py``.

    Raises
    ------
    CartpathError
        If there is none.

    Examples
    --------
    >>> get("rees46").columns["user_id"]
    'user_id'
    """
    if name in _BUILT_IN:
        found = importlib.import_module(_BUILT_IN[name]).ADAPTER
    elif name.endswith(".py") and Path(name).is_file():
        try:
            found = runpy.run_path(name).get("ADAPTER")
        except Exception as error:
            raise CartpathError(f"{name} cannot be run: {type(error).__name__}: {error}", "mend the adapter") from error
    else:
        raise CartpathError(f"no adapter {name!r}", f"there are: {', '.join(names())}; or the path of a .py file")
    if not isinstance(found, Adapter):
        raise CartpathError(f"{name} defines no ADAPTER", "see docs/adapters.md")
    return found
