"""Catalogue and user attributes: the latest known value of each column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import store
from cartpath.schema import item_schema
from cartpath.store.tables import upsert
from tests.store.twin import Row, put, table_of, workspace

_ROW = st.fixed_dictionaries(
    {"k": st.sampled_from(["a", "b", "c", None]), "x": st.none() | st.integers(0, 9)},
    optional={"y": st.none() | st.text(max_size=2)},
)


def table(rows: list[dict[str, Any]], names: tuple[str, ...]) -> pa.Table:
    types = {"k": pa.string(), "x": pa.int64(), "y": pa.string()}
    return pa.table({name: pa.array([row.get(name) for row in rows], types[name]) for name in names})


@given(old=st.lists(_ROW, max_size=8), new=st.lists(_ROW, max_size=8), names=st.sampled_from(["k", "kx", "ky", "kxy"]))
def test_upsert_equals_its_twin(old: list[dict[str, Any]], new: list[dict[str, Any]], names: str) -> None:
    want: dict[str, dict[str, Any]] = {}
    for rows, columns in ((old, "kxy"), (new, names)):
        for row in rows:
            if row["k"] is not None:
                kept = want.setdefault(row["k"], {"k": row["k"], "x": None, "y": None})
                kept |= {name: row[name] for name in columns if row.get(name) is not None}
    got = upsert(table(old, ("k", "x", "y")), table(new, tuple(names)), "k").to_pylist()
    assert [{"x": None, "y": None, **row} for row in got] == list(want.values())


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        (pa.array([1], pa.int32()), pa.array([2.5]), [2.5]),
        (pa.array([1]), pa.array(["x"]), ["x"]),
        (pa.array(["x"]), pa.array([None], pa.null()), ["x"]),
        (pa.array([True]), pa.array(["no"]), ["no"]),
    ],
)
def test_columns_that_change_their_type(old: pa.Array, new: pa.Array, want: list[Any]) -> None:
    assert upsert(pa.table({"k": ["a"], "x": old}), pa.table({"k": ["a"], "x": new}), "k")["x"].to_pylist() == want


def test_items_and_users_over_commits(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop")
    with store.open_snapshot(shop) as snap:
        assert snap.items.schema.equals(item_schema())
        assert snap.users.column_names == ["user_id"]
    with store.writer(shop) as writer:
        writer.put_items(pa.table({"item_id": ["i1", "i2"], "title": ["one", "two"], "colour": ["red", None]}))
        writer.put_items(pa.table({"item_id": ["i2"], "colour": ["blue"]}))
        writer.put_users(pa.table({"user_id": ["u"], "age": [30]}))
        assert writer.commit().stored == 0
    with store.writer(shop) as writer:
        writer.add(table_of([Row("u", 1, "view", item_id="i9")]))
        writer.put_users(pa.table({"user_id": ["u", "v"], "city": ["Bern", None]}))
        writer.commit()
    with store.open_snapshot(shop) as snap:
        assert [(i["title"], i["colour"]) for i in snap.items.to_pylist()] == [("one", "red"), ("two", "blue")]
        assert snap.users.to_pylist() == [
            {"user_id": "u", "age": 30, "city": "Bern"},
            {"user_id": "v", "age": None, "city": None},
        ]
        assert snap.totals.items == 1, "items are counted in events"
    put(shop, [Row("w", 1, "view")])
    with store.open_snapshot(shop) as snap:
        assert len(snap.users) == 2


def test_a_chunked_catalogue(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop")
    piece = pa.table({"item_id": ["a", None, "b"], "price": [1.0, 2.0, None]})
    with store.writer(shop) as writer:
        writer.put_items(pa.concat_tables([piece, piece.slice(2), piece.slice(0, 0)]))
        writer.commit()
    with store.open_snapshot(shop) as snap:
        assert snap.items.select(["item_id", "price"]).to_pylist() == [
            {"item_id": "a", "price": 1.0},
            {"item_id": "b", "price": None},
        ]
