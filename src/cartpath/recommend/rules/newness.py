"""Which items are new: by the date in the catalogue, or by their first event."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.config import NewItemsSettings
from cartpath.features import Log
from cartpath.recommend.rules.columns import ItemColumns
from cartpath.schema import CartpathError, microseconds_of

Ints = npt.NDArray[np.int64]
#: Born before all times, and at no time so far.
_OLD, _NOT_YET = -(2**62), 2**62


def births(log: Log, columns: ItemColumns, settings: NewItemsSettings, until: int) -> Ints:
    """Return when each item became new.

    Parameters
    ----------
    log : Log
    columns : ItemColumns
    settings : NewItemsSettings
    until : int
        What happens from this moment on is not known (microseconds since 1970 UTC).

    Returns
    -------
    int64 array (n_items + 1,)
        Microseconds since 1970 UTC. By ``since`` where that is set. Else the first event, of items that had none for
        at least ``within`` from the beginning of the log: what was there from the beginning is not known to be new.
        An item without an event is not there yet, and new, unless the log is a sample and may only miss it.

    Raises
    ------
    CartpathError
        If there is no such column, or a value of it is no date.
    """
    if settings.since:
        return _dates(columns, settings.since)
    view = log.view
    born = np.full(columns.n_items + 1, _OLD if log.share < 1 else _NOT_YET, np.int64)
    born[-1] = _OLD
    rows = np.flatnonzero((view.ts < until) & (view.item >= 0))
    first = np.full(columns.n_items + 1, _NOT_YET, np.int64)
    np.minimum.at(first, view.item[rows], view.ts[rows])
    seen = np.flatnonzero(first < _NOT_YET)
    begin = int(view.ts[view.ts < until].min()) if len(rows) else 0
    born[seen] = np.where(first[seen] - begin >= settings.within_us, first[seen], _OLD)
    return born


def is_new(born: Ints, now: int, settings: NewItemsSettings) -> npt.NDArray[np.bool_]:
    """Return which of some items are new at a moment.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> is_new(np.array([0, 6 * day]), 10 * day, NewItemsSettings(within="5d")).tolist()
    [False, True]
    """
    return now - born < settings.within_us


def _dates(columns: ItemColumns, name: str) -> Ints:
    try:
        column = columns.find(name)
        dates = np.array([microseconds_of(label) for label in column.labels], np.int64)
    except CartpathError as error:
        raise CartpathError(f"[recommend.new_items] since = {name!r}: {error.message}", error.hint) from None
    return np.append(dates, _OLD)[column.by_item(columns.n_items)]
