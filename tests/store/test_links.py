"""The table of links: merging in any order, and what is left of it when an id is forgotten."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cartpath.store.links import ERASED_USER, EVENTS, FILE, link_schema, noted, without
from tests.store.stitching import Link, merged, some_links, table_of_links


def rows(table: pa.Table) -> set[Link]:
    micros = table.select(["first", "last"]).cast(pa.schema([("first", pa.int64()), ("last", pa.int64())]))
    columns = {**table.to_pydict(), **micros.to_pydict()}
    return {Link(*values) for values in zip(*columns.values(), strict=True)}


def by_hand(links: list[Link]) -> set[Link]:
    found: dict[tuple[str, str | None, str], Link] = {}
    for link in links:
        key = (link.anonymous_id, link.user_id, link.source)
        old = found.get(key)
        if old is not None:
            first = None if old.first is None or link.first is None else min(old.first, link.first)
            lasts = [last for last in (old.last, link.last) if last is not None]
            link = Link(*key[:2], first, max(lasts, default=None), old.n + link.n, key[2])
        found[key] = link
    return set(found.values())


@given(links=some_links(), data=st.data())
def test_merging_is_the_same_whatever_the_order_and_the_pieces(links: list[Link], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(links))
    cut = data.draw(st.integers(0, len(links)))
    once = merged(table_of_links(links))
    pieces = merged(*(merged(table_of_links(part)) for part in (shuffled[:cut], shuffled[cut:])))
    assert once.equals(pieces)
    assert rows(once) == by_hand(links)
    assert len(once) == len(by_hand(links))
    assert once.schema == link_schema()


def test_events_note_links_with_their_times() -> None:
    ids = pa.array(["a", "a", "b", "a"]), pa.array(["u", "v", "u", "u"])
    assert rows(noted(*ids, np.array([5, 6, 7, 3]), EVENTS)) == {
        Link("a", "u", 3, 5, 2, EVENTS),
        Link("a", "v", 6, 6, 1, EVENTS),
        Link("b", "u", 7, 7, 1, EVENTS),
    }
    assert rows(noted(*(column.slice(0, 1) for column in ids), None, FILE)) == {Link("a", "u", None, None, 1, FILE)}
    assert len(noted(*(column.slice(0, 0) for column in ids), None, FILE)) == 0


def test_a_forgotten_user_leaves_the_device_shared_and_a_forgotten_device_leaves_nothing() -> None:
    table = merged(
        table_of_links([Link("s", "u", 1, 9, 4, EVENTS), Link("s", "v", 2, 3), Link("a", "u"), Link("b", "v")])
    )
    for gone, left in (
        ({"u", "a"}, {Link("s", None, 1, None, 1, ERASED_USER), Link("s", "v", 2, 3), Link("b", "v")}),
        ({"s"}, {Link("a", "u"), Link("b", "v")}),
        (set(), rows(table)),
        ({"u", "v"}, {Link("s", None, 1, None, 2, ERASED_USER), Link("a", None, None, None, 1, ERASED_USER),
                      Link("b", None, None, None, 1, ERASED_USER)}),
    ):  # fmt: skip
        found = without(table, lambda ids, gone=gone: np.array([i in gone for i in ids.to_pylist()], np.bool_))
        assert rows(found) == left
        again = without(found, lambda ids, gone=gone: np.array([i in gone for i in ids.to_pylist()], np.bool_))
        assert again.equals(found)
