"""Stitched paths equal those of a log that always had the owners' ids, whenever and in whatever order links come."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath import engine, store
from cartpath.config import IdentitySettings
from cartpath.ingest.derivation import deriving
from cartpath.paths.funnel import funnel
from cartpath.store.codes import Codes
from cartpath.store.files import load_run, save_run
from cartpath.store.links import EVENTS
from cartpath.store.memory import run_from_table
from cartpath.store.owners import resolve
from cartpath.store.rebuild import rebuild
from cartpath.store.stitch import arriving, combine, split
from tests.store.stitching import (
    Link,
    as_ingested,
    derive,
    merged,
    owners_of,
    put,
    put_links,
    some_links,
    stitched,
    table_of_links,
)
from tests.store.twin import (
    GAP,
    SECOND,
    Row,
    dump,
    dump_all,
    expected,
    rows,
    table_of,
    without_duplicates,
    workspace,
)

MINUTE = 60 * SECOND
USERS = ["u", "v", "ü", ""]


def relabelled(log: list[Row], links: list[Link], **of: Any) -> dict[str, Any]:
    return expected(log, GAP, owners_of(links, **of).owners)


@given(log=rows(), links=some_links(USERS), buckets=st.sampled_from([1, 2, 5]))
@settings(max_examples=150)
def test_runs_in_memory_equal_a_log_relabelled_beforehand(log: list[Row], links: list[Link], buckets: int) -> None:
    codes = Codes()
    log = without_duplicates(log)
    runs = [_run(log, bucket, buckets, codes) for bucket in range(buckets)]
    owners = resolve(merged(table_of_links(links)), IdentitySettings()).owners
    found: dict[str, Any] = {}
    for run in derive([run for run in runs if run is not None], owners, GAP) if buckets == 1 else _spread(runs, owners):
        if run is not None:
            found |= dump(run.view(), codes.text)
    assert found == relabelled(log, links)


def _run(log: list[Row], bucket: int, n: int, codes: Codes) -> Any:
    from cartpath.store import kernels
    from cartpath.store.hashing import hash_strings

    table = table_of(log)
    here = kernels.bucket_of(hash_strings(table["user_id"]), n) == bucket
    mine = [row for row, own in zip(log, here, strict=True) if own]
    return run_from_table(table_of(mine), GAP, codes) if mine else None


def _spread(runs: list[Any], owners: Any) -> list[Any]:
    """As ``derive``, with moved runs that were on disk meanwhile."""
    parted = [split(run, owners, GAP) if run is not None else (None, None) for run in runs]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        kept = []
        for at, (_, moved) in enumerate(parted):
            if moved is not None:
                save_run(Path(folder) / f"{at}.arrow", moved)
                kept.append(load_run(Path(folder) / f"{at}.arrow"))
        for bucket, (own, _) in enumerate(parted):
            come = [arriving(run, owners, bucket, len(runs), GAP) for run in reversed(kept)]
            here = [run for run in come if run is not None]
            found.append(combine(own, here, owners, GAP) if own is not None or here else None)
    return found


@given(
    log=rows(),
    links=some_links(USERS),
    cuts=st.lists(st.integers(0, 25), max_size=3),
    data=st.data(),
    buckets=st.sampled_from([1, 3]),
)
@settings(max_examples=15)
def test_ingests_in_any_order_give_the_same_paths(
    log: list[Row], links: list[Link], cuts: list[int], data: st.DataObject, buckets: int
) -> None:
    """Links first, last, and in between; late events; deltas; and without stitching all is as it was."""
    bounds = [0, *sorted(cuts), len(log)]
    pieces: list[Any] = [log[a:b] for a, b in itertools.pairwise(bounds)]
    cut = data.draw(st.integers(0, len(links)))
    for part in (links[:cut], links[cut:]):
        pieces.insert(data.draw(st.integers(0, len(pieces))), part)
    with tempfile.TemporaryDirectory() as folder:
        where = workspace(Path(folder) / "shop", buckets)
        for piece in pieces:
            put_links(where, piece) if piece and isinstance(piece[0], Link) else put(where, piece)
        for identity, of in (
            (IdentitySettings(), {}),
            (IdentitySettings(max_ids=1), {"max_ids": 1}),
            (IdentitySettings(until="1970-01-01T00:00:00.000003"), {"until": 3}),
        ):
            with store.open_snapshot(where) as snap:
                assert stitched(snap, identity) == relabelled(log, _merged(links), **of)
        with store.open_snapshot(where) as snap:
            assert stitched(snap, IdentitySettings(stitch=False)) == as_ingested(snap) == expected(log)


def _merged(links: list[Link]) -> list[Link]:
    """A pair known without a time was always known, whatever else is known of it."""
    first: dict[tuple[str, str | None, str], int | None] = {}
    for link in links:
        key = (link.anonymous_id, link.user_id, link.source)
        old = first.get(key, link.first)
        first[key] = None if old is None or link.first is None else min(old, link.first)
    return [Link(*key[:2], when, source=key[2]) for key, when in first.items()]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """An anonymous visit, a login in it, a purchase; another visitor who never logs in."""
    where = workspace(tmp_path / "shop", 7)
    put(where, visit("a", 0) + visit("other", 0) + [Row("u", 8 * MINUTE, "purchase", item_id="i")])
    return where


def visit(user: str, minute: int, **more: Any) -> list[Row]:
    names = ("view", "add_to_cart")
    return [Row(user, (minute + t) * MINUTE, name, item_id="i", **more) for t, name in enumerate(names)]


def test_a_link_that_comes_late_moves_what_was_before_it_also_across_buckets(shop: Path) -> None:
    with store.open_snapshot(shop) as snap:
        before = stitched(snap)
        homes = {str(u): b for b in range(7) for u in snap.run(b).user_id.to_pylist()}
    assert homes["a"] != homes["u"]
    assert [len(before[user]["events"]) for user in ("a", "u")] == [2, 1]
    put_links(shop, [Link("a", "u", 8 * MINUTE, 8 * MINUTE, source=EVENTS)])
    with store.open_snapshot(shop) as snap:
        after = stitched(snap)
        assert after.keys() == {"u", "other"}
        assert [event["event"] for event in after["u"]["events"]] == ["view", "add_to_cart", "purchase"]
        assert after["other"] == before["other"]


def test_it_is_reversible(shop: Path) -> None:
    with store.open_snapshot(shop) as snap:
        before = dump_all(snap)
    put_links(shop, [Link("a", "u")])
    with store.open_snapshot(shop) as snap:
        assert stitched(snap) != before
        assert stitched(snap, IdentitySettings(stitch=False)) == before == as_ingested(snap)
    put_links(shop, [Link("a", "other")])  # now it is a shared device
    with store.open_snapshot(shop) as snap:
        assert stitched(snap) == before
    rebuild(shop, 3, derived=deriving(shop))
    with store.open_snapshot(shop) as snap:
        assert stitched(snap) == before
        assert len(snap.links) == 2


def test_a_visit_that_spans_the_login_is_one_session(shop: Path) -> None:
    put_links(shop, [Link("a", "u")])
    with store.open_snapshot(shop) as snap:
        path = stitched(snap)["u"]
    assert [event["session"] for event in path["events"]] == [0, 0, 0]
    assert [(s["start"], s["end"]) for s in path["sessions"]] == [(0, 8 * MINUTE)]


def test_sessions_with_an_id_join_by_it_and_those_without_by_the_gap(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop", 4)
    put(where, [Row("a", 0, "view", session_id="s", device="phone"), Row("u", 300 * MINUTE, "view", session_id="s")])
    put(where, [Row("b", 10 * MINUTE, "view"), Row("u", 35 * MINUTE, "view"), Row("u", 80 * MINUTE, "view")])
    put_links(where, [Link("a", "u"), Link("b", "u")])
    with store.open_snapshot(where) as snap:
        path = stitched(snap)["u"]
    assert [event["session"] for event in path["events"]] == [0, 1, 1, 2, 0]
    assert [session["context"] for session in path["sessions"]] == [{"device": "phone"}, {}, {}]


def test_at_equal_times_the_owners_own_events_come_first_then_ids_by_their_key(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop", 4)
    ids = ["a", "b", "c", "d"]
    put(where, [Row(user, 0, f"{user}{i}", page=f"/{user}{i}") for user in [*ids, "u"] for i in range(2)])
    put_links(where, [Link(name, "u") for name in ids])
    with store.open_snapshot(where) as snap:
        owners = resolve(snap.links, IdentitySettings()).owners
        by_key = [name for _, name in sorted((int(_key(name)), name) for name in ids)]
        assert len(owners) == 4
        assert [e["event"] for e in stitched(snap)["u"]["events"]] == [
            f"{n}{i}" for n in ["u", *by_key] for i in (0, 1)
        ]


def _key(name: str) -> np.uint64:
    import pyarrow as pa

    from cartpath.store.hashing import hash_strings

    return np.uint64(hash_strings(pa.array([name]))[0])


def test_a_context_at_a_tie_is_that_of_the_event_that_carries_it(tmp_path: Path) -> None:
    """Of three ids in one session at one time, the first carries nothing, the other two differ."""
    where = workspace(tmp_path / "shop", 1)
    first, second, third = sorted("abc", key=lambda name: int(_key(name)))
    put(where, [Row(first, 0, "view"), Row(third, 0, "view", device="third"), Row(second, 0, "view", device="second")])
    put_links(where, [Link(name, "u") for name in "abc"])
    with store.open_snapshot(where) as snap:
        assert [session["context"] for session in stitched(snap)["u"]["sessions"]] == [{"device": "second"}]


def test_a_user_without_events_of_its_own_gets_the_path(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop", 4)
    put(where, visit("a", 0) + visit("b", 5))
    put_links(where, [Link("a", "u"), Link("b", "a")])
    with store.open_snapshot(where) as snap:
        found = stitched(snap)
    assert found.keys() == {"u"}
    assert len(found["u"]["events"]) == 4


def test_a_shared_device_stays_as_it_is(shop: Path) -> None:
    put_links(shop, [Link("a", "u"), Link("a", "w")])
    with store.open_snapshot(shop) as snap:
        assert stitched(snap) == dump_all(snap)


def test_links_from_after_a_cut_off_shape_nothing(shop: Path) -> None:
    put_links(shop, [Link("a", "u", 8 * MINUTE, source=EVENTS), Link("other", "u", 2 * MINUTE, source=EVENTS)])
    with store.open_snapshot(shop) as snap:
        early = stitched(snap, IdentitySettings(until="1970-01-01T00:08:00"))
        assert {user: len(path["events"]) for user, path in early.items()} == {"u": 3, "a": 2}
        late = stitched(snap, IdentitySettings(until="1970-01-01T00:08:01"))
        assert {user: len(path["events"]) for user, path in late.items()} == {"u": 5}


def test_a_funnel_over_a_stitched_path_counts_one_user(shop: Path) -> None:
    steps = ["view", "add_to_cart", "purchase"]

    def counts() -> list[int]:
        with store.open_snapshot(shop) as snap:
            assert engine.run(snap, lambda paths: paths.n_users, sum) == snap.totals.users
            return [snap.totals.users, *(row["n"] for row in funnel(snap, steps).rows)]

    assert counts() == [3, 2, 2, 0]
    put_links(shop, [Link("a", "u")])
    assert counts() == [2, 2, 2, 1]


def test_nobody_moves_without_links(shop: Path) -> None:
    with store.open_snapshot(shop) as snap:
        run = max((snap.run(bucket) for bucket in range(7)), key=len)
        owners = resolve(snap.links, IdentitySettings()).owners
        assert split(run, owners, GAP) == (run, None)
        assert combine(run, [], owners, GAP) is run


def test_nothing_of_an_event_is_lost(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop", 2)
    log = [
        Row("a", 1, "buy", "i", "s", 1.5, 2, "o", 9.0, "/p", "q", "e1", "{}", "phone", "r", True, 3, "h", None, True),
        Row("u", 2, "buy", "i", "s", 1.5, 2, "o", 9.0, "/p", "q", "e1", "{}", "phone", "r", True, 3, "h", None, True),
    ]
    put(where, log)
    put_links(where, [Link("a", "u")])
    with store.open_snapshot(where) as snap:
        assert stitched(snap) == expected([replace(row, user_id="u", event_id=str(row.ts)) for row in log])
