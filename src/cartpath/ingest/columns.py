"""Columns beyond those that an adapter maps: the anonymous id, and what an adapter's own code names."""

from __future__ import annotations

from cartpath.ingest.adapter import Adapter
from cartpath.schema import CartpathError, Columns, event_schema


def anonymous_column(adapter: Adapter, asked: str, found: list[str], file: str) -> dict[str, str]:
    """Say which source column holds anonymous ids, if one does.

    Parameters
    ----------
    adapter : Adapter
    asked : str
        What the user named; empty for what the adapter declares, which may be absent.
    found : list of str
        The columns of the source.
    file : str
        For the message.

    Raises
    ------
    CartpathError
        If the column that the user named is absent.

    Examples
    --------
    >>> anonymous_column(Adapter("shop", "ours", anonymous=("cookie", "device")), "", ["device", "user"], "a.csv")
    {'anonymous_id': 'device'}
    """
    if asked and asked not in found:
        raise CartpathError(
            f"{file} has no column {asked!r}; columns found: {', '.join(found) or 'none'}",
            "name the column of anonymous ids: --option anonymous=COLUMN",
        )
    names = (asked,) if asked else adapter.source_names(Columns.anonymous_id)
    present = next((name for name in names if name in found), None)
    return {} if present is None else {Columns.anonymous_id: present}


def own_columns(adapter: Adapter, anonymous: str = "") -> dict[str, str]:
    """Say which raw column, of those that an adapter's own code makes, holds each canonical one.

    Parameters
    ----------
    adapter : Adapter
    anonymous : str
        What the user named; it must be empty, as nothing but its code knows an adapter's raw columns.

    Raises
    ------
    CartpathError
        If the user named a column.
    """
    if anonymous:
        raise CartpathError(
            f"adapter {adapter.name} makes its own columns, and takes no option anonymous",
            "name links in a file: cartpath ingest SHOP --identities FILE",
        )
    names = {name: adapter.source_names(name) for name in (*event_schema().names, Columns.anonymous_id)}
    return {name: sources[0] for name, sources in names.items() if sources}
