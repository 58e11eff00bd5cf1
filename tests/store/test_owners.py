"""Who owns an anonymous id: random graphs of links against every way followed by hand, and each rule by itself."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.config import IdentitySettings
from cartpath.schema import microseconds_of
from cartpath.store.hashing import hash_strings
from cartpath.store.links import ERASED_USER, EVENTS, FILE, noted
from cartpath.store.owners import CIRCLE, MERGED, SHARED, TOO_MANY, VERDICTS, Resolution, resolve
from tests.store.stitching import IDS, Link, merged, owners_of, some_links, table_of_links


def as_dict(found: Resolution, ids: list[str]) -> dict[str, str]:
    rows = found.owners.find(hash_strings(pa.array(ids)))
    return {name: found.owners.owner_id[row].as_py() for name, row in zip(ids, rows.tolist(), strict=True) if row >= 0}


def verdicts(found: Resolution, ids: list[str], which: np.uint8) -> set[str]:
    keys = found.keys[found.verdict == which]
    return {name for name, key in zip(ids, hash_strings(pa.array(ids)), strict=True) if key in keys}


def said(links: list[Link], **of: int) -> dict[str, str]:
    return as_dict(resolve(merged(table_of_links(links)), IdentitySettings(**of)), [*IDS, *"abcds"])


@given(links=some_links(), max_ids=st.sampled_from([1, 2, 50]), until=st.sampled_from([None, 2, 3]))
@settings(max_examples=400)
def test_random_links(links: list[Link], max_ids: int, until: int | None) -> None:
    table = merged(table_of_links(links))
    when = None if until is None else f"1970-01-01T00:00:00.{until:06d}"
    found = resolve(table, IdentitySettings(until=when, max_ids=max_ids))
    kept = [Link(row["anonymous_id"], row["user_id"], _us(row["first"])) for row in table.to_pylist()]
    twin = owners_of(kept, max_ids, until)
    assert as_dict(found, IDS) == twin.owners
    assert verdicts(found, IDS, MERGED) == twin.owners.keys()
    assert verdicts(found, IDS, SHARED) == twin.shared
    assert verdicts(found, IDS, CIRCLE) == twin.circle
    assert verdicts(found, IDS, TOO_MANY) == twin.too_many
    counts = (found.merged_ids, found.users, found.shared_devices, found.cycles, found.too_many_ids)
    users = len(set(twin.owners.values()))
    assert counts == (len(twin.owners), users, len(twin.shared), len(twin.circle), len(twin.too_many))
    assert found.too_many_users == len(twin.crowded)
    for name, names in (("shared_devices", twin.shared), ("cycles", twin.circle), ("too_many_users", twin.crowded)):
        assert set(found.examples.get(name, [])) <= names
        assert len(found.examples.get(name, [])) == min(len(names), 5)
    early = {(k.anonymous_id, k.user_id) for k in kept if until is None or k.first is None or k.first < until}
    every = {(k.anonymous_id, k.user_id) for k in kept}
    assert found.links == sum(a != u for a, u in early)
    assert found.self_links == sum(a == u for a, u in every)
    assert found.after_until == sum(a != u for a, u in every - early)


def _us(moment: object) -> int | None:
    return None if moment is None else microseconds_of(moment)  # type: ignore[arg-type]


def test_a_chain_ends_at_the_last_user() -> None:
    assert said([Link("a", "u"), Link("u", "v"), Link("v", "w")]) == {"a": "w", "u": "w", "v": "w"}


def test_two_ways_to_one_user_are_no_shared_device() -> None:
    assert said([Link("a", "u"), Link("a", "v"), Link("u", "v")]) == {"a": "v", "u": "v"}


def test_a_shared_device_and_what_leads_to_it_are_merged_with_nobody() -> None:
    assert said([Link("s", "u"), Link("s", "v"), Link("a", "s"), Link("b", "u")]) == {"b": "u"}


def test_a_circle_and_what_leads_into_it_are_merged_with_nobody() -> None:
    assert said([Link("a", "b"), Link("b", "a"), Link("c", "a"), Link("b", "u"), Link("d", "u")]) == {"d": "u"}


def test_a_link_with_itself_says_nothing() -> None:
    assert said([Link("u", "u"), Link("a", "u")]) == {"a": "u"}
    assert said([Link("u", "u")]) == {}


def test_a_user_with_too_many_ids_is_left_alone() -> None:
    links = [Link(a, "u") for a in "abc"] + [Link("d", "v")]
    assert said(links, max_ids=3) == {"a": "u", "b": "u", "c": "u", "d": "v"}
    assert said(links, max_ids=2) == {"d": "v"}


def test_a_device_of_someone_who_was_forgotten_is_shared() -> None:
    assert said([Link("s", None, source=ERASED_USER), Link("s", "u"), Link("a", "u")]) == {"a": "u"}
    found = resolve(table_of_links([Link("s", None, source=ERASED_USER)]), IdentitySettings())
    assert (found.shared_devices, found.merged_ids, found.links) == (1, 0, 1)


def test_a_link_counts_from_the_first_time_that_either_source_saw_it() -> None:
    links = [Link("a", "u", 5, 9, source=EVENTS), Link("a", "u", 2, 2, source=FILE)]
    table = merged(table_of_links(links))
    when = [f"1970-01-01T00:00:00.{until:06d}" for until in (2, 3)]
    assert [len(resolve(table, IdentitySettings(until=w)).owners) for w in when] == [0, 1]
    assert resolve(table, IdentitySettings()).links == 1


def test_a_long_chain_and_a_wide_tree_are_no_trouble() -> None:
    n = 20_000
    chain = [f"c{i}" for i in range(n)]
    links = noted(pa.array(chain[:-1]), pa.array(chain[1:]), None, FILE)
    found = resolve(links, IdentitySettings(max_ids=n))
    assert found.merged_ids == n - 1
    assert set(found.owners.owner_id.to_pylist()) == {chain[-1]}
    assert resolve(links, IdentitySettings()).too_many_ids == n - 1


@pytest.mark.parametrize("seed", range(3))
def test_many_links(seed: int) -> None:
    rng = random.Random(seed)
    users = [f"user {i}" for i in range(400)]
    links = [Link(f"anon {rng.randrange(1500)}", rng.choice(users)) for _ in range(1500)]
    links += [Link(a, b) for a, b in zip(users[:40], rng.sample(users[40:], 40), strict=True)]
    ids = sorted({name for link in links for name in (link.anonymous_id, link.user_id or "")})
    found = resolve(merged(table_of_links(links)), IdentitySettings(max_ids=4))
    twin = owners_of(links, 4)
    assert as_dict(found, ids) == twin.owners
    assert verdicts(found, ids, SHARED) == twin.shared
    assert verdicts(found, ids, TOO_MANY) == twin.too_many


def test_no_links() -> None:
    found = resolve(merged(), IdentitySettings())
    assert (len(found.owners), found.links, found.examples) == (0, 0, {})
    assert found.owners.find(np.array([1, 2], np.uint64)).tolist() == [-1, -1]
    assert len(VERDICTS) == 4
