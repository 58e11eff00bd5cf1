"""Forgetting a person with several ids: all of them go, of a shared device only the link does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import store
from cartpath.config import IdentitySettings
from cartpath.ingest import ingest
from cartpath.ingest.derivation import clean
from cartpath.privacy import forget
from cartpath.store.hashing import hash_strings
from cartpath.store.person import person_of
from tests.privacy.test_forget import files_with
from tests.store.stitching import (
    IDS,
    Link,
    as_ingested,
    merged,
    put,
    put_links,
    resolve,
    some_links,
    stitched,
    table_of_links,
)
from tests.store.twin import Row, dump_all, expected, workspace

MINUTE = 60_000_000
#: An account, two anonymous ids of it, one of them by way of the other; a device it shares; somebody else's ids.
USER, PHONE, LAPTOP, SHARED = "gone-user-17", "gone-phone-17", "gone-laptop-17", "kiosk-1"
LINKS = [
    Link(PHONE, USER, 5),
    Link(LAPTOP, PHONE),
    Link(SHARED, USER, 7, 9, 3),
    Link(SHARED, "other"),
    Link("others-phone", "other"),
]


def log_of(*users: str) -> list[Row]:
    """Every event has texts of its own."""
    return [
        Row(user, (10 * i + at) * MINUTE, "view", item_id="i", page=f"/page-of-{user}", query=f"query-of-{user}-{i}")
        for at, user in enumerate(users)
        for i in range(3)
    ]


THEIRS = log_of(USER, PHONE, LAPTOP)
OTHERS = log_of(SHARED, "other", "others-phone", f"x{PHONE}", "stranger")


@pytest.fixture(params=[1, 5])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A store with bases, deltas, links, attributes and a quarantine."""
    where = workspace(tmp_path / "shop", request.param)
    quarantine = where / "quarantine" / "0001.parquet"
    raw = {"user_id": [PHONE, None, None, "other"], "raw": ["a", f"2020,{LAPTOP},view", f"x{PHONE},view", "y"]}
    pq.write_table(pa.table(raw), quarantine)
    with store.writer(where) as writer:
        writer.put_users(pa.table({"user_id": [USER, PHONE, "other"], "email": ["own-email", "phone-email", "theirs"]}))
        writer.register_artefact(quarantine)
        writer.commit()
    put(where, OTHERS[:-1] + THEIRS[:-1])
    put_links(where, LINKS)
    put(where, [OTHERS[-1], THEIRS[-1]])
    return where


def needles() -> list[bytes]:
    found = []
    for name in (USER, PHONE, LAPTOP):
        key = hash_strings(pa.array([name]))[0]
        found += [f"'{name}'".encode(), f"-of-{name}".encode(), key.tobytes(), str(key).encode()]
    return [*found, b"own-email", b"phone-email"]


@pytest.mark.parametrize("asked", [USER, PHONE, LAPTOP])
def test_the_whole_person_goes_by_whichever_id(shop: Path, asked: str) -> None:
    assert files_with(shop, *needles())
    record = forget(shop, asked)
    assert files_with(shop, *needles()) == []
    with store.open_snapshot(shop) as snap:
        assert as_ingested(snap) == expected(OTHERS)
        assert dump_all(snap).keys() == {SHARED, "other", f"x{PHONE}", "stranger"}
        assert snap.users.to_pylist() == [{"user_id": "other", "email": "theirs"}]
        assert snap.totals.events == len(OTHERS)
    assert (record["events"], record["attribute_rows"], record["links"]) == (9, 2, 3)
    assert len(record["id_hashes"]) == 3
    assert record["user_hash"] == record["id_hashes"][0]
    assert record["is_anonymous"] == (asked != USER)
    assert ("whole person" in record["note"]) == (asked != USER)
    assert record["artefacts"]["quarantine/0001.parquet"] == 2
    text = Path(record["evidence"]).read_text()
    assert not any(name in text for name in (USER, PHONE, LAPTOP))
    assert json.loads(text)["id_hashes"] == record["id_hashes"]


def test_all_ids_are_refused_and_their_links_do_not_come_back(shop: Path, tmp_path: Path) -> None:
    forget(shop, PHONE)
    rows = [f"{user},2020-01-01T00:00:0{i},view,/p{i}" for i, user in enumerate((USER, PHONE, LAPTOP, "other"))]
    (tmp_path / "old.csv").write_text("\n".join(["user_id,ts,event,page", *rows, ""]))
    names = [f"{link.anonymous_id},{link.user_id}" for link in LINKS]
    (tmp_path / "ids.csv").write_text("\n".join(["anonymous_id,user_id", *names, f"new-phone,{USER}", ""]))
    summary = ingest(shop, [str(tmp_path / "old.csv")], identities=tmp_path / "ids.csv")
    assert (summary.read, summary.stored, summary.quarantined) == (4, 1, 3)
    assert summary.reasons == {"forgotten_user": 3}
    assert files_with(shop, *needles()) == []
    with store.open_snapshot(shop) as snap:
        assert stitched(snap).keys() == {SHARED, "other", f"x{PHONE}", "stranger"}
        named = set(snap.links["anonymous_id"].to_pylist())
        assert named == {SHARED, "others-phone", "new-phone"}


def test_a_shared_device_stays_shared_and_others_paths_are_as_they_were(shop: Path) -> None:
    with store.open_snapshot(shop) as snap:
        before = stitched(snap)
    forget(shop, USER)
    with store.open_snapshot(shop) as snap:
        after = stitched(snap)
        found = resolve(snap.links, IdentitySettings())
    del before[USER]
    assert after == before
    assert (found.shared_devices, found.merged_ids) == (1, 1)


def test_of_a_shared_device_only_itself_goes(shop: Path) -> None:
    record = forget(shop, SHARED)
    assert (record["events"], record["links"], len(record["id_hashes"]), record["note"]) == (3, 2, 1, "")
    with store.open_snapshot(shop) as snap:
        assert stitched(snap).keys() == {USER, "other", f"x{PHONE}", "stranger"}


def test_a_person_is_the_same_whatever_an_experiment_may_know(shop: Path) -> None:
    toml = shop / "cartpath.toml"
    toml.write_text(toml.read_text().replace("stitch = true", 'stitch = false\nuntil = "1970-01-01"'))
    assert len(forget(shop, LAPTOP)["id_hashes"]) == 3


def test_an_id_of_a_kiosk_account_stands_for_itself_and_the_account_for_all(tmp_path: Path) -> None:
    for asked, left in (("a1", {"a0", "a2", "account"}), ("account", set())):
        where = workspace(tmp_path / asked, 2)
        (where / "cartpath.toml").write_text("[store]\nbuckets = 2\n[identity]\nmax_ids = 2\n")
        put(where, log_of("a0", "a1", "a2", "account"))
        put_links(where, [Link(f"a{i}", "account") for i in range(3)])
        forget(where, asked)
        with store.open_snapshot(where) as snap:
            assert dump_all(snap).keys() == left


def test_paths_that_were_derived_lose_the_person_by_the_owners_key(shop: Path) -> None:
    with store.open_snapshot(shop) as snap:
        before, totals = dump_all(snap), snap.totals
    assert len(before[USER]["events"]) == 9
    forget(shop, PHONE)
    del before[USER]
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == before
        assert (totals.events - snap.totals.events, totals.users - snap.totals.users) == (9, 1)


def test_what_cleaning_took_out_of_a_person_goes_too(shop: Path) -> None:
    toml = shop / "cartpath.toml"
    text = toml.read_text().replace("stitch = true", "stitch = false")
    toml.write_text(text + '\n[cleaning]\nnear_duplicates = "drop"\nnear_window = "1h"\n')
    clean(shop)
    with store.open_snapshot(shop) as snap:
        assert USER in [u for b in range(snap.n_buckets) for u in snap.removed(b)["user_id"].to_pylist()]
    forget(shop, LAPTOP)
    assert files_with(shop, *needles()) == []
    with store.open_snapshot(shop) as snap:
        assert {"other", SHARED} <= {u for b in range(snap.n_buckets) for u in snap.removed(b)["user_id"].to_pylist()}
        assert snap.totals.events == sum(snap.bucket(b).n_events for b in range(snap.n_buckets))


def test_an_id_that_was_merged_by_fewer_links_leaves_the_path_it_was_in(tmp_path: Path) -> None:
    """Until the cut-off the device was the user's alone; since then it is shared, and a person of its own."""
    where = workspace(tmp_path / "shop", 3)
    toml = where / "cartpath.toml"
    toml.write_text(toml.read_text().replace("stitch = true", 'stitch = true\nuntil = "1970-01-01T00:00:01"'))
    put(where, log_of("dev", "u", "v"))
    put_links(where, [Link("dev", "u", 5), Link("dev", "v", 7_000_000)])
    with store.open_snapshot(where) as snap:
        assert len(dump_all(snap)["u"]["events"]) == 6
    assert len(forget(where, "dev")["id_hashes"]) == 1
    assert files_with(where, b"page-of-dev") == []
    with store.open_snapshot(where) as snap:
        seen = dump_all(snap)
        assert {user: len(path["events"]) for user, path in seen.items()} == {"u": 3, "v": 3}
        assert snap.totals.events == 6


def test_values_of_an_item_that_only_the_person_had_are_not_kept_in_what_was_fitted(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop", 2)
    toml = where / "cartpath.toml"
    rules = '[cleaning.missing]\nprice = "random"\n[cleaning.outliers.price]\nlimit = 9.0\n'
    toml.write_text(toml.read_text() + "\n" + rules)
    own = [Row("solo", i, "view", item_id="secret", price=777.0 + i, page=f"/{i}") for i in range(6)]
    others = [Row("other", i, "view", item_id="common", price=5.0 + i, page=f"/o{i}") for i in range(6)]
    put(where, own + others)
    with store.open_snapshot(where) as snap:
        assert "777.0" in json.dumps(snap.derivation)
        codes = snap.codes("item")
    forget(where, "solo")
    with store.open_snapshot(where) as snap:
        fill = snap.derivation["record"]["plan"]["fills"]["price"]  # type: ignore[index]
        assert fill["items"] == [codes.index("common")]
        assert len(fill["of_items"]) == 1
        assert snap.derivation["record"]["plan"]["bounds"]["price"]["centre"][0] == [codes.index("common")]  # type: ignore[index]
        assert snap.totals.events == 6
    put(where, [Row("other", 9, "view", item_id="common", page="/9")])
    with store.open_snapshot(where) as snap:
        assert snap.totals.events == 7


@given(links=some_links(), asked=st.sampled_from(IDS))
def test_a_person_by_hand(links: list[Link], asked: str) -> None:
    """The id's owner, and again and again whoever is linked with none but those found."""
    table = merged(table_of_links(links))
    to: dict[str, set[str | None]] = {}
    for link in links:
        if link.anonymous_id != link.user_id:
            to.setdefault(link.anonymous_id, set()).add(link.user_id)
    found = resolve(table, IdentitySettings())
    row = int(found.owners.find(hash_strings(pa.array([asked])))[0])
    owner = None if row < 0 else found.owners.owner_id[row].as_py()
    ids = {asked if owner is None else owner}
    while new := {name for name, users in to.items() if users <= ids} - ids:
        ids |= new
    person = person_of(table, asked, IdentitySettings())
    assert set(person.ids) == ids
    assert person.ids[0] == asked
    assert person.owner == owner
    assert len(person.ids) == len(ids)
    assert np.isin(hash_strings(pa.array(person.ids)), hash_strings(pa.array([asked]))).any()
