"""What the events of a log speak of: items, search queries and pages, each as words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote_plus

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.features.item_words import words_of_items
from cartpath.features.log import Log
from cartpath.schema import Columns, Event

Ints = npt.NDArray[np.int64]
_WORD = re.compile(r"[^\W_]+")
#: Kinds of documents. An event speaks of the first of them that it has and that something is known of.
ITEM, QUERY, PAGE = "item", "query", "page"
KINDS: tuple[str, ...] = (ITEM, QUERY, PAGE)


@dataclass(frozen=True, order=True)
class Document:
    """Something that events speak of.

    Attributes
    ----------
    kind : str
        One of ``KINDS``.
    key : str
        An item's id, a query as it was typed, a page without what comes after ``?``.
    text : str
        What a person would read: title, categories and brand; the query; the parts of the page's path.
    terms : tuple of str
        What it is told apart by: words, pairs of words, category paths, brands, attributes.
    """

    kind: str
    key: str
    text: str
    terms: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The words of the text, in small letters."""
        return _WORD.findall(self.text.lower())


@dataclass(frozen=True)
class Documents:
    """The documents of a log, and which events speak of which.

    Attributes
    ----------
    documents : list of Document
        Each once.
    of_event : dict of str to int64 array (n_events,)
        For each kind the place among the documents, -1 where an event has none of it.
    """

    documents: list[Document]
    of_event: dict[str, Ints]

    def first(self, known: npt.NDArray[np.bool_]) -> Ints:
        """Return what each event speaks of (n_events,): the first kind whose document is known, else -1.

        Parameters
        ----------
        known : bool array (n_documents,)
        """
        marks = np.append(known, False)
        found = np.full(len(self.of_event[ITEM]), -1, np.int64)
        for kind in reversed(KINDS):
            places = self.of_event[kind]
            found = np.where(marks[places], places, found)
        return found


def documents_of(log: Log) -> Documents:
    """Find what the events of a log speak of; impressions were not looked at, so they speak of nothing.

    Examples
    --------
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 60], pa.timestamp("s", tz="UTC"))
    >>> events = {"user_id": ["u"] * 2, "ts": when, "event": ["search", "page_view"]}
    >>> events |= {"query": ["Red Shoes", None], "page": ["/find", "/men/shoes?q=red"]}
    >>> found = documents_of(log_from_table(pa.table(events)))
    >>> [(one.kind, one.text) for one in found.documents]
    [('query', 'Red Shoes'), ('page', 'find'), ('page', 'men shoes')]
    >>> found.first(np.array([True, True, True])).tolist()
    [0, 2]
    """
    documents: list[Document] = []
    of_event: dict[str, Ints] = {}
    looked_at = log.view.event != log.event_codes.get(Event.impression, -1)
    for kind, read in _READERS.items():
        codes = np.where(looked_at, getattr(log.view, kind), -1).astype(np.int64)
        there, place = np.unique(codes[codes >= 0], return_inverse=True)
        found = read(log, there)
        places: dict[Document, int] = {}
        number = np.array([places.setdefault(one, len(places)) for one in found], np.int64)
        of_event[kind] = np.full(len(codes), -1, np.int64)
        of_event[kind][codes >= 0] = number[place] + len(documents)
        documents += places
    return Documents(documents, of_event)


def _items(log: Log, codes: Ints) -> list[Document]:
    every, said = log.codes("item"), _said(log, codes)
    terms = words_of_items(log, codes)
    keys = [every[code] for code in codes]
    texts = [said.get(key, "") for key in keys]
    return [
        Document(ITEM, key, text, (*own, *_category_words(own)))
        for key, text, own in zip(keys, texts, terms, strict=True)
    ]


def _category_words(terms: Sequence[str]) -> list[str]:
    """Return the words of the deepest category, which queries and pages share; a title has its own."""
    paths = [term.removeprefix("category=") for term in terms if term.startswith("category=")]
    return _WORD.findall(max(paths, key=len).lower()) if paths else []


def _said(log: Log, codes: Ints) -> dict[str, str]:
    """Return the title, the categories and the brand of items by id, as one text."""
    table, every = log.items, log.codes("item")
    if Columns.item_id not in table.column_names or not len(table):
        return {}
    wanted = pa.array([every[code] for code in codes], table[Columns.item_id].type)
    table = table.filter(pc.is_in(table[Columns.item_id], wanted))
    names = [name for name in (Columns.title, Columns.category, Columns.brand) if name in table.column_names]
    rows = zip(*(table[name].to_pylist() for name in (Columns.item_id, *names)), strict=True)
    return {key: ", ".join(part.replace(" > ", ", ") for part in parts if part) for key, *parts in rows}


def _queries(log: Log, codes: Ints) -> list[Document]:
    every = log.codes(Columns.query)
    return [_plain(QUERY, every[code], every[code].strip()) for code in codes]


def _pages(log: Log, codes: Ints) -> list[Document]:
    every = log.codes(Columns.page)
    keys = [every[code].split("?", 1)[0] for code in codes]
    return [_plain(PAGE, key, " ".join(_WORD.findall(unquote_plus(key)))) for key in keys]


def _plain(kind: str, key: str, text: str) -> Document:
    words = _WORD.findall(text.lower())
    return Document(kind, key, text, (*words, *(f"{one} {other}" for one, other in pairwise(words))))


_READERS: dict[str, Callable[[Log, Ints], list[Document]]] = {ITEM: _items, QUERY: _queries, PAGE: _pages}
