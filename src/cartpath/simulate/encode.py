"""Compact rows to Arrow columns of the canonical names; the defects that are a matter of types happen here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import Columns, event_schema
from cartpath.simulate import record as r
from cartpath.simulate import settings, vocabulary
from cartpath.simulate.catalogue import Catalogue, item_ids
from cartpath.simulate.slips import RECEIVED, received, slipped_price, slipped_quantity
from cartpath.simulate.texts import numbered

ABSURD_QUANTITY = 10**16
_TEXT = pa.string()


def file_schema() -> pa.Schema:
    """Return the schema of ``events.parquet``: the canonical one, but any column may be null and quantity is int64.

    Examples
    --------
    >>> file_schema().field("quantity").type
    DataType(int64)
    """
    wide = {Columns.quantity: pa.int64()}
    return pa.schema([pa.field(f.name, wide.get(f.name, f.type)) for f in event_schema()])


class Words:
    """Texts by code: a dictionary without repeats, and the place in it of each code (-1: null)."""

    def __init__(self, texts: list[str | None]) -> None:
        unique = list(dict.fromkeys(text for text in texts if text is not None))
        place = {text: i for i, text in enumerate(unique)}
        self._dictionary = pa.array(unique, _TEXT)
        # The last place is for code -1, so that a lookup of -1 gives null.
        self._place = np.array([-1 if text is None else place[text] for text in [*texts, None]], np.int32)

    def array(self, codes: npt.NDArray[Any]) -> pa.DictionaryArray:
        """Return the texts of the codes."""
        places = self._place[codes]
        return pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), self._dictionary)


class Encoder:
    """Turns blocks of rows into tables; holds the dictionaries of all coded columns."""

    def __init__(self, goods: Catalogue, users: npt.NDArray[np.void], with_received: bool = False) -> None:
        self._with_received = with_received
        ids = item_ids(len(goods))
        kinds = vocabulary.kinds()
        places = [f"/c/{d}/{s}/{k}".lower().replace(" ", "-") for d, s, k in kinds]
        self._event = Words(list(vocabulary.EVENTS))
        self._item = Words(list(ids))
        products = [f"/p/{i}" for i in ids]
        self._page = Words([*vocabulary.PAGES, *places, *products, *[f"{p}/reviews" for p in products]])
        self._query = Words([q for _, _, kind in kinds for q in queries(kind)])
        self._place = users["place"]
        self._by_place = {
            name: Words([str(place[i]) for place in vocabulary.PLACES])
            for i, name in enumerate((Columns.country, Columns.region, Columns.city, Columns.language))
        }
        self._by_device = {
            name: Words([str(device[i]) for device in vocabulary.DEVICES])
            for i, name in enumerate((Columns.device, Columns.browser, Columns.os))
        }
        self._by_traffic = _traffic_words()
        self._direct = np.array([row[6] for row in vocabulary.TRAFFIC] + [False] * len(settings.CAMPAIGNS))

    @property
    def schema(self) -> pa.Schema:
        """The schema of the tables: ``file_schema`` with dictionaries, which Parquet keeps as plain texts."""
        return self.table(np.zeros(0, r.RECORD)).schema

    def table(self, rows: npt.NDArray[np.void]) -> pa.Table:
        """Return the rows as a table with the columns of ``file_schema`` (texts may be dictionary-encoded)."""
        columns = {**self._ids(rows), **self._values(rows), **self._context(rows)}
        table = pa.table({name: columns[name] for name in file_schema().names})
        return table.append_column(RECEIVED, received(rows)) if self._with_received else table

    def _ids(self, rows: npt.NDArray[np.void]) -> dict[str, pa.Array]:
        user, visit = rows["user"], rows["visit"]
        return {
            Columns.user_id: numbered("u", [(user, 8)], rows["dirt"] != r.MISSING_USER),
            Columns.session_id: numbered("s", [(user, 8), (visit, 4)]),
            Columns.event_id: numbered("e", [(user, 8), (visit, 4), (rows["seq"], 4)]),
            Columns.order_id: numbered("o", [(user, 8), (rows["order"], 4)], rows["order"] >= 0),
        }

    def _values(self, rows: npt.NDArray[np.void]) -> dict[str, pa.Array]:
        ts = pa.array(rows["ts"], pa.int64(), mask=rows["dirt"] == r.UNREADABLE_TIME)
        price = np.where(rows["dirt"] == r.NAN_PRICE, np.nan, slipped_price(rows))
        quantity = np.where(rows["dirt"] == r.ABSURD_QUANTITY, ABSURD_QUANTITY, slipped_quantity(rows))
        no_price = (rows["cents"] == r.NO_CENTS) | (rows["dirt"] == r.MISSING_PRICE)
        return {
            Columns.ts: ts.cast(pa.timestamp("us", tz="UTC")),
            Columns.event: self._event.array(rows["event"]),
            Columns.item_id: self._item.array(rows["item"]),
            # from_pandas would turn NaN into null
            Columns.price: pa.array(price, mask=no_price, from_pandas=False),
            Columns.quantity: pa.array(quantity, mask=rows["quantity"] == 0),
            Columns.order_value: pa.array(rows["order_cents"] / 100, mask=rows["order"] < 0),
            Columns.page: self._page.array(rows["page"]),
            Columns.query: self._query.array(rows["query"]),
            Columns.props: pa.nulls(len(rows), _TEXT),
        }

    def _context(self, rows: npt.NDArray[np.void]) -> dict[str, pa.Array]:
        place, device, traffic = self._place[rows["user"]], rows["device"], rows["traffic"]
        return {
            **{name: words.array(place) for name, words in self._by_place.items()},
            **{name: words.array(device) for name, words in self._by_device.items()},
            **{name: words.array(traffic) for name, words in self._by_traffic.items()},
            Columns.is_direct: pa.array(self._direct[traffic]),
            Columns.visit_number: pa.array(rows["visit"].astype(np.int32)),
        }


def queries(kind: str) -> list[str]:
    """Return what people type who look for a kind of product; the last is misspelt.

    Examples
    --------
    >>> queries("Face Cream")
    ['face cream', 'best face cream', 'cheap face cream', 'fae cream']
    """
    name = kind.lower()
    return [name, f"best {name}", f"cheap {name}", name[:2] + name[3:]]


def _traffic_words() -> dict[str, Words]:
    names = (Columns.channel, Columns.source, Columns.medium, Columns.campaign, Columns.keyword, Columns.referrer)
    own: list[tuple[Any, ...]] = [(c.channel, c.source, c.medium, c.name, None, None) for c in settings.CAMPAIGNS]
    table = [*vocabulary.TRAFFIC, *own]
    return {name: Words([row[i] for row in table]) for i, name in enumerate(names)}
