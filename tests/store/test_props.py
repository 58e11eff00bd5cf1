"""Properties that only the event store has: the value of each event, in path order, whatever was done to the paths."""

from __future__ import annotations

import errno
import json
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath import store
from cartpath.schema import OTHER, CartpathError
from cartpath.store import Snapshot, build, prop_parts, view_from_table
from cartpath.store.erase import erase
from cartpath.store.prop_buckets import Keeping
from cartpath.store.prop_parts import PropPart, merge_labels
from cartpath.store.props import Prop, prop
from cartpath.store.rebuild import rebuild
from tests.store.stitching import Link, put_links
from tests.store.stitching import put as put_stitched
from tests.store.test_derive import without
from tests.store.twin import Row, put, rows, table_of, workspace

VALUES = st.sampled_from([None, "{}", '{"a": 1}', '{"a": "x"}', '{"a": {"b": true}}', "[1]", '{"a": 1.0, "c": 2}'])


@st.composite
def logs(draw: st.DrawFn) -> list[Row]:
    """Random logs in which every event has an id of its own, so that its value can be said by it."""
    log = draw(rows(event_ids=False))
    return [
        Row(**{**vars(row), "event_id": f"e{i}-{row.ts}-{row.user_id}", "props": draw(VALUES), "page": f"/{i}"})
        for i, row in enumerate(log)
    ]


def label(text: str | None) -> str | None:
    value = json.loads(text or "null")
    value = value.get("a") if isinstance(value, dict) else None
    if value is None or isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, int | float) else json.dumps(value, separators=(",", ":"))


def said(snapshot: Snapshot, name: str = "a") -> list[tuple[str | None, str | None]]:
    """The page (unique, so it names the event) and the value of each event that readers see."""
    found, pages = prop(snapshot, name), snapshot.codes("page")
    pairs = []
    for bucket in range(snapshot.n_buckets):
        view = snapshot.bucket(bucket)
        codes = found.codes(view)
        assert len(codes) == view.n_events
        pairs += [
            (pages[p] if p >= 0 else None, found.labels[c] if c >= 0 else None)
            for p, c in zip(view.page.tolist(), codes.tolist(), strict=True)
        ]
        for row in range(view.n_users):
            lo, hi = view.offsets[row], view.offsets[row + 1]
            assert found.codes(view.user(row)).tolist() == codes[lo:hi].tolist()
    return sorted(pairs, key=str)


def expected(log: list[Row]) -> list[tuple[str | None, str | None]]:
    return sorted(((row.page, label(row.props)) for row in log), key=str)


def distinct_pages(*parts: list[Row]) -> list[list[Row]]:
    """Pages and ids that are unique over several writes."""
    return [
        [Row(**{**vars(row), "page": f"/{n}{row.page}", "event_id": f"{n}{row.event_id}"}) for row in part]
        for n, part in enumerate(parts)
    ]


@settings(max_examples=15)
@given(logs(), logs(), logs(), st.sampled_from([1, 3]))
def test_each_event_has_its_value_after_appends_late_events_and_a_rebuild(
    first: list[Row], second: list[Row], third: list[Row], buckets: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop, all_rows = workspace(Path(folder) / "shop", buckets), []
        for log in distinct_pages(first, second, third):
            put(shop, log)
            all_rows += log
            with store.open_snapshot(shop) as snap:
                assert said(snap) == expected(all_rows)
                assert said(snap) == expected(all_rows)  # from what was kept
        rebuild(shop, buckets=2)
        with store.open_snapshot(shop) as snap:
            assert said(snap) == expected(all_rows)


def test_parts_that_were_joined_are_in_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "MOST_FILES", 3)
    shop, log = workspace(tmp_path / "shop", 1), []
    for n in range(9):
        new = [
            Row(f"u{i % 5}", 100 * ((n * 7) % 9) + i, "view", page=f"/{n}-{i}", props=f'{{"a": {n * 10 + i}}}')
            for i in range(2 + 8 * (n % 3))
        ]
        put(shop, new)
        log += new
        with store.open_snapshot(shop) as snap:
            assert said(snap) == expected(log)
    assert any("-all" in path.name for path in (shop / "store/events").rglob("*.parquet"))


@settings(max_examples=15)
@given(logs(), logs())
def test_where_some_events_are_taken_out(first: list[Row], second: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = workspace(Path(folder) / "shop", 3)
        first, second = distinct_pages(first, second)
        for log in (first, second):
            put(shop, log, derived=lambda _: without("u"))
        with store.open_snapshot(shop) as snap:
            assert said(snap) == expected([row for row in [*first, *second] if row.user_id != "u"])


def test_events_that_moved_to_another_user(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 4)
    log = [
        Row(f"anon{i}", i, "view", page=f"/{i}", event_id=f"e{i}", props=json.dumps({"a": i})) for i in range(20)
    ] + [Row(f"user{i}", i, "view", page=f"/u{i}", event_id=f"f{i}", props=json.dumps({"a": -i})) for i in range(5)]
    put_links(shop, [Link(f"anon{i}", f"user{i % 5}") for i in range(15)])
    put_stitched(shop, log)
    with store.open_snapshot(shop) as snap:
        assert snap.derivation is not None
        assert snap.totals.users == 10
        assert said(snap) == expected(log)
        found = prop(snap, "a")
        assert found.is_number
        numbers = np.concatenate([found.numbers(snap.bucket(b)) for b in range(4)])
        assert sorted(numbers.tolist()) == sorted([*range(20), *(-i for i in range(5))])


def test_events_are_found_where_links_have_changed_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cartpath.store import props
    from cartpath.store.owners import Owners

    shop = workspace(tmp_path / "shop", 4)
    log = [Row(f"anon{i}", i, "view", page=f"/{i}", event_id=f"e{i}", props=f'{{"a": {i}}}') for i in range(20)]
    put_links(shop, [Link(f"anon{i}", f"user{i % 5}") for i in range(15)])
    put_stitched(shop, log)
    monkeypatch.setattr(props, "owners_of", lambda snapshot: Owners.none())
    with store.open_snapshot(shop) as snap:
        assert said(snap) == expected(log)


def shop_of(folder: Path, texts: list[str | None], buckets: int = 2) -> Path:
    shop = workspace(folder, buckets)
    put(shop, [Row(f"u{i % 7}", i, "view", page=f"/{i}", props=text) for i, text in enumerate(texts)])
    return shop


def test_the_most_frequent_values_keep_a_code_and_numbers_are_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prop_parts, "_AT_ONCE", 3)
    values = [1] * 5 + [2.5] * 4 + [7, 8, 9, 10, 11, 12]
    shop = shop_of(tmp_path / "shop", [json.dumps({"n": value}) for value in values])
    parts = list((shop / "store/events").rglob("*.parquet"))
    for i, part in enumerate(parts):
        PropPart.of(part, "n").save(tmp_path / f"{i}.arrow")
    found = merge_labels([tmp_path / f"{i}.arrow" for i in range(len(parts))], most=3)
    assert found.values.to_pylist()[:2] == ["1", "2.5"]
    assert (found.distinct, found.rows, found.numbers, found.left_out) == (8, 15, 15, 5)
    monkeypatch.setattr(merge_labels, "__defaults__", (3,))
    with store.open_snapshot(shop) as snap:
        n = prop(snap, "n")
        assert (len(n.labels), n.labels[-1], n.left_out, n.is_number) == (4, OTHER, 5, True)
        views = [snap.bucket(b) for b in range(2)]
        assert sorted(np.concatenate([n.numbers(view) for view in views]).tolist()) == sorted(values)
        assert np.bincount(np.concatenate([n.codes(view) for view in views])).tolist() == [5, 4, 1, 5]


def test_a_property_that_nobody_has(tmp_path: Path) -> None:
    for texts in ([], [None, "{}"], ['{"b": 1}']):
        with store.open_snapshot(shop_of(tmp_path / str(len(texts)) / "shop", texts)) as snap:
            found = prop(snap, "a")
            assert (found.labels, found.rows, found.is_number) == ((), 0, False)
            views = [snap.bucket(b) for b in range(2)]
            assert sum((found.codes(view) == -1).sum() for view in views) == len(texts)
            assert all(np.isnan(found.numbers(view)).all() for view in views)


@pytest.mark.parametrize("name", ["", ".", "a.", ".a"])
def test_a_name_that_is_none(tmp_path: Path, name: str) -> None:
    with store.open_snapshot(shop_of(tmp_path / "shop", [])) as snap, pytest.raises(CartpathError, match="no property"):
        prop(snap, name)


def test_it_can_be_sent(tmp_path: Path) -> None:
    with store.open_snapshot(shop_of(tmp_path / "shop", ['{"a": "x"}'] * 9)) as snap:
        sent: Prop = pickle.loads(pickle.dumps(prop(snap, "a")))
        view: Any = pickle.loads(pickle.dumps(snap.bucket(0)))
        assert set(sent.codes(view).tolist()) <= {0}


def test_a_live_path_has_none(tmp_path: Path) -> None:
    live, _ = view_from_table(table_of([Row("u", 1, "view", props='{"a": 1}')]))
    with store.open_snapshot(shop_of(tmp_path / "shop", ['{"a": "x"}'])) as snap:
        found = prop(snap, "a")
    with pytest.raises(CartpathError, match="not known here"):
        found.codes(live)


def test_only_new_parts_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shop_of(tmp_path / "shop", ['{"a": "x"}'] * 30, 1)
    with store.open_snapshot(shop) as snap:
        prop(snap, "a")
    put(shop, [Row("u0", 100, "view", page="/new", props='{"a": "y"}')])
    read: list[str] = []
    of = PropPart.of
    monkeypatch.setattr(PropPart, "of", lambda part, name: [read.append(part.name), of(part, name)][1])
    with store.open_snapshot(shop) as snap:
        assert prop(snap, "a").labels == ("x", "y")
    assert len(read) == 1


def files(shop: Path) -> list[Path]:
    return [path for path in (shop / "store/props").rglob("*") if path.is_file()]


def test_what_is_kept_goes_with_its_generation_and_an_erasure_takes_it_all(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    put(shop, [Row("u", 1, "view", props='{"a": "own-secret"}'), Row("v", 1, "view", props='{"a": "shared"}')])
    with store.open_snapshot(shop) as snap:
        prop(snap, "a")
    before = files(shop)
    assert any(b"own-secret" in path.read_bytes() for path in before)
    put(shop, [Row("v", 2, "view")])
    assert [path.parent.name for path in files(shop)] == ["parts"]
    with store.open_snapshot(shop) as snap:
        prop(snap, "a")
    erased = erase(shop, "u")
    assert erased.artefacts["store/props"] == -1
    assert not files(shop)
    with store.open_snapshot(shop) as snap:
        assert prop(snap, "a").labels == ("shared",)
    assert not any(b"own-secret" in path.read_bytes() for path in files(shop))
    assert store.leftovers(shop) == []


def test_a_reader_that_an_erasure_overtakes_leaves_nothing(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    put(shop, [Row("u", 1, "view", props='{"a": "own-secret"}'), Row("v", 1, "view")])
    with store.open_snapshot(shop) as snap:
        part = PropPart.of(shop / "store" / snap.manifest.data["buckets"][0]["parts"][0], "a")
        keeping = Keeping(shop / "store", shop / "store/props/x", snap.generation)
        erase(shop, "u")
        with pytest.raises(CartpathError, match="is gone"):
            keeping.write(keeping.of_part("events/0000/1.parquet"), part.save)
    assert not files(shop)


def test_a_store_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "read-only file system")

    shop = shop_of(tmp_path / "shop", ['{"a": "x"}'])
    monkeypatch.setattr(prop_parts, "save_arrays", refuse)
    with store.open_snapshot(shop) as snap, pytest.raises(CartpathError, match="cannot be written to"):
        prop(snap, "a")
