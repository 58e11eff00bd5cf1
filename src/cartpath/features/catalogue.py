"""What the catalogue says about an item: category levels, brand, price."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.features.log import Log
from cartpath.features.order import quantiles
from cartpath.schema import Columns
from cartpath.store.path import PathView

#: Content fields: the levels of the category path, and the brand.
CONTENT: tuple[str, ...] = ("category_1", "category_2", "category_3", Columns.brand)
_LEVELS = 3
_PRICE_BUCKETS = 20

TextByItem = tuple[Sequence[str], npt.NDArray[np.int32]]


def content_of_items(log: Log) -> dict[str, TextByItem]:
    """Return each content field as texts, and a text's place by item code (n_codes + 1,); -1 is none.

    Fields that the catalogue does not have are left out.
    """
    rows = rows_by_code(log)
    fields: dict[str, list[str | None]] = {}
    if Columns.category in log.items.column_names:
        paths = log.items[Columns.category].to_pylist()
        for level in range(_LEVELS):
            fields[CONTENT[level]] = [_level(path, level) for path in paths]
    if Columns.brand in log.items.column_names:
        fields[Columns.brand] = log.items[Columns.brand].to_pylist()
    return {name: _by_code(values, rows) for name, values in fields.items()}


def texts_of_items(log: Log, name: str) -> TextByItem:
    """Return a column of the catalogue as texts, and a text's place by item code (n_codes + 1,); -1 is none."""
    values = log.items[name].to_pylist() if name in log.items.column_names else []
    return _by_code(values, rows_by_code(log) if values else np.full(len(log.codes("item")) + 1, -1, np.int64))


def _level(path: str | None, level: int) -> str | None:
    """Return the path down to a level, or None where it ends before."""
    if not path:
        return None
    parts = [part.strip() for part in path.split(">")]
    return " > ".join(parts[: level + 1]) if level < len(parts) else None


def texts_by_code(log: Log, texts: list[str | None]) -> npt.NDArray[np.int32]:
    """Return the place among the different texts of the catalogue's rows by item code (n_codes + 1,); -1 is none."""
    return _by_code(texts, rows_by_code(log))[1]


def rows_by_code(log: Log) -> npt.NDArray[np.int64]:
    """Return the catalogue's row by item code (n_codes + 1,), -1 where it has none."""
    codes = log.codes("item")
    if Columns.item_id not in log.items.column_names or not len(log.items):
        return np.full(len(codes) + 1, -1, np.int64)
    ids: Mapping[str, int] = {item: row for row, item in enumerate(log.items[Columns.item_id].to_pylist())}
    return np.array([*(ids.get(code, -1) for code in codes), -1], np.int64)


def _by_code(values: list[str | None], rows: npt.NDArray[np.int64]) -> TextByItem:
    texts = list(dict.fromkeys(value for value in values if value is not None))
    place = {text: code for code, text in enumerate(texts)}
    by_row = np.array([*(-1 if value is None else place[value] for value in values), -1], np.int32)
    return texts, by_row[rows]


def listed_prices(log: Log) -> npt.NDArray[np.float64]:
    """Return the catalogue's price by item code (n_codes + 1,); NaN where it has none."""
    if Columns.price not in log.items.column_names or not len(log.items):
        return np.full(len(log.codes("item")) + 1, np.nan)
    listed = log.items[Columns.price].cast(pa.float64()).fill_null(float("nan")).to_numpy()
    by_code: npt.NDArray[np.float64] = np.append(listed, np.nan)[rows_by_code(log)]
    return by_code


def event_prices(view: PathView, listed: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the price of each event's item (n_events,): the event's own, else the catalogue's, else NaN."""
    prices = np.asarray(view.price, np.float64)
    return np.where(np.isnan(prices), listed[view.item], prices)


def price_edges(pieces: Callable[[], Iterable[npt.NDArray[np.float64]]]) -> npt.NDArray[np.float64]:
    """Return the limits of price buckets that hold about as many events each.

    Parameters
    ----------
    pieces : callable
        Gives the events' prices piece by piece, the same each time.

    Examples
    --------
    >>> price_edges(lambda: [np.array([np.nan])]).tolist()
    []
    """
    edges: npt.NDArray[np.float64] = np.unique(quantiles(pieces, np.linspace(0, 1, _PRICE_BUCKETS + 1)[1:-1]))
    return edges


def price_ids(prices: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Return each price's bucket from 1; 0 where unknown."""
    bucket = np.searchsorted(edges, prices, side="right") + 1
    return np.where(np.isfinite(prices), bucket, 0).astype(np.int32)
