"""What events speak of, and what is learned from: by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cartpath.features import Log, log_from_table
from cartpath.features.text import corpus, corpus_of, documents_of
from tests.features.logs import times

ITEMS = pa.table(
    {
        "item_id": ["i1", "i2", "i3"],
        "title": ["Red Shoe", "Blue Hat", None],
        "category": ["Clothes > Shoes", None, None],
        "brand": ["Acme", None, None],
    }
)


def log_of_events(rows: list[tuple[str, float, str, str | None, str | None, str | None]]) -> Log:
    names = ("user_id", "minute", "event", "item_id", "query", "page")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    minutes = columns.pop("minute")
    table = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return log_from_table(pa.table({**table, "ts": times(minutes)}), ITEMS)


def test_an_event_speaks_of_its_item_else_its_query_else_its_page() -> None:
    log = log_of_events(
        [
            ("u", 0, "view", "i1", "shoe", "/p/1"),
            ("u", 1, "search", None, " Blue hat ", "/find?q=1"),
            ("u", 2, "page_view", None, None, "/Men%27s+Shoes?x=2"),
            ("u", 3, "view", "i3", None, "/p/3"),
            ("u", 4, "impression", "i2", None, "/p/1"),
            ("u", 5, "checkout", None, None, None),
        ]
    )
    found = documents_of(log)
    texts = {(one.kind, one.key): one.text for one in found.documents}
    assert texts["item", "i1"] == "Red Shoe, Clothes, Shoes, Acme"
    assert texts["query", " Blue hat "] == "Blue hat"
    assert texts["page", "/Men%27s+Shoes"] == "Men s Shoes"
    assert ("item", "i2") not in texts, "an impression was not looked at"
    words = found.first(np.array([bool(one.words) for one in found.documents]))
    # Nothing is known of i3, so the page speaks for it.
    said = [found.documents[place].key if place >= 0 else None for place in words]
    assert said == ["i1", " Blue hat ", "/Men%27s+Shoes", "/p/3", None, None]
    shoe = next(one for one in found.documents if one.key == "i1")
    plain = {"red", "shoe", "red shoe", "category=Clothes", "category=Clothes > Shoes", "brand=Acme"}
    assert set(shoe.terms) == plain | {"clothes", "shoes"}


def test_what_is_learned_from_is_of_enough_users_and_before_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "LEAST_USERS", 2)
    log = log_of_events(
        [
            ("a", 0, "view", "i2", None, None),
            ("a", 1, "view", "i2", None, None),
            ("a", 2, "search", None, "hat", None),
            ("a", 3, "view", "i1", None, "/own"),
            ("a", 4, "view", "i2", None, None),
            ("b", 1000, "search", None, "hat", None),
            ("b", 1001, "search", None, "mine alone", None),
            ("b", 1002, "view", "i3", None, None),
            ("c", 2000, "view", "i1", None, "/own"),
        ]
    )
    found = corpus_of(log, int(log.view.ts.max()))
    assert [one.key for one in found.documents] == ["i1", "i2", "i3", "hat"]
    assert found.items == [[1, 0, 1], [2]]
    assert found.told == [[1, 3, 0, 1], [3]], "i3 has no words"


def test_the_latest_sessions_are_learned_from_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "_MOST", 3)
    rows = [(f"u{n}", 100.0 * n + k, "view", f"i{(n + k) % 3 + 1}", None, None) for n in range(4) for k in range(2)]
    found = corpus_of(log_of_events(rows), 2**62)
    assert found.items == [[0, 1]]
