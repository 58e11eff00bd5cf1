"""Forgetting: the user is in no byte of any file, nobody else is touched, and nothing brings the user back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath import store
from cartpath.ingest import ingest
from cartpath.privacy import forget
from cartpath.schema import CartpathError, CorruptStoreError, WorkspaceBusyError
from cartpath.store.erase import erase
from cartpath.store.props import prop
from cartpath.store.rebuild import rebuild
from tests.store.twin import SECOND, Row, dump_all, expected, hashed, put, table_of, workspace

GONE = "gone-user-4711"
#: Texts that only this user has; none may be left anywhere.
OWN = ["own-page", "own-query", "own-referrer", "own-device", "own-props", "own-session", "own-order", "own-event"]
MINUTE = 60 * SECOND


def own_log() -> list[Row]:
    """Also what never reaches a path: context of later events, and rows dropped as duplicates."""
    base = Row(GONE, 0, "view", item_id="i1", page="/shared", device="desk", session_id="own-session", event_id="e1")
    return [
        base,
        Row(**{**vars(base), "ts": 1, "page": "/own-page", "referrer": "own-referrer", "event_id": "e2"}),
        Row(**{**vars(base), "ts": 2, "device": "own-device", "props": '{"t": "own-props"}', "event_id": "own-event"}),
        Row(**{**vars(base), "ts": 3, "query": "own-query dropped as a duplicate"}),
        Row(GONE, 4, "purchase", item_id="own-item", order_id="own-order", hit="1", once="own-order"),
        Row(GONE, 5, "purchase", page="own-page of a repeat", order_id="own-order", hit="2", once="own-order"),
        Row(GONE, 6, "view", item_id="in-catalogue"),
    ]


def others_log(n: int = 40) -> list[Row]:
    log = []
    for i in range(n):
        user, ts = f"u{i % 11}", i * MINUTE
        log.append(
            Row(user, ts, "view", item_id=f"i{i % 3}", page="/shared", query=f"q{i}", device="desk", event_id=f"x{i}")
        )
    return [*log, Row(f"{GONE}2", 7, "view", query="longer id"), Row(f"x{GONE}", 7, "view")]


@pytest.fixture(params=[1, 4])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A store with a base, a delta, several parts and dictionary segments, attributes, a quarantine, a cache."""
    where = workspace(tmp_path / "shop", request.param)
    own, others = own_log(), others_log()
    quarantine = where / "quarantine" / "0001.parquet"
    raw = {
        "user_id": [GONE, None, None, "u1", None],
        "raw": ["a,b", f"2020,{GONE},view", f"{GONE}2,view", "x", None],
        "row": [1, 2, 3, 4, 5],
    }
    pq.write_table(pa.table(raw), quarantine)
    (where / "models" / "m1").mkdir()
    (where / "reports" / "cache.bin").write_bytes(GONE.encode())
    (where / "reports" / "cached").mkdir()
    (where / "reports" / "cached" / "a.txt").write_text(GONE)
    with store.writer(where) as writer:
        writer.add(table_of(others[:35] + own[:2]))
        writer.put_items(pa.table({"item_id": ["in-catalogue"]}))
        writer.put_users(pa.table({"user_id": [GONE, "u1"], "email": ["own-email", "other"]}))
        writer.register_artefact(quarantine)
        writer.register_artefact(where / "reports" / "cache.bin", kind="cache")
        writer.register_artefact(where / "reports" / "cached", kind="cache")
        writer.commit(quarantine={"wrong_type": 5})
    put(where, own[2:4] + others[35:])
    put(where, own[4:])
    return where


def texts(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and of Parquet, which is compressed, also every value."""
    yield path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield repr(table.to_pydict()).encode()
        yield repr(table.schema.metadata).encode()


def files_with(workspace: Path, *needles: bytes) -> list[tuple[str, bytes]]:
    found = []
    for path in sorted(p for p in workspace.rglob("*") if p.is_file()):
        found += [(path.name, needle) for text in texts(path) for needle in needles if needle in text]
    return found


def needles() -> list[bytes]:
    key = np.uint64(hashed(GONE) % 2**64)
    ids = [f"{quote}{GONE}{quote}".encode() for quote in "'\""]
    return [*(text.encode() for text in [*OWN, "own-email", "own-item"]), *ids, key.tobytes(), str(key).encode()]


def test_the_needles_are_there_before(shop: Path) -> None:
    found = {needle for _, needle in files_with(shop, *needles())}
    assert {b"own-page", b"own-query", b"own-referrer", b"own-device", b"own-props", b"own-email"} <= found
    assert np.uint64(hashed(GONE) % 2**64).tobytes() in found


def test_no_byte_is_left_and_others_are_as_they_were(shop: Path) -> None:
    record = forget(shop, GONE)
    assert files_with(shop, *needles()) == []
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(others_log())
        assert snap.generation == record["generation"] == 4
        assert snap.totals.users == 13
        assert snap.totals.items == 3
        assert "purchase" not in snap.totals.events_by_type
        assert snap.users.to_pylist() == [{"user_id": "u1", "email": "other"}]
        assert snap.code_of("item", "in-catalogue") >= 0
        assert "(erased)" in snap.codes("query")
        assert "(erased)" in snap.codes("referrer")
    assert (record["events"], record["sessions"], record["attribute_rows"]) == (5, 2, 1)
    assert store.leftovers(shop) == []
    assert not (shop / "reports" / "cache.bin").exists()
    assert not (shop / "reports" / "cached").exists()


def test_properties_that_were_asked_for_go_too(shop: Path) -> None:
    with store.open_snapshot(shop) as snap:
        assert prop(snap, "t").labels == ("own-props",)
    kept = shop / "store" / "props"
    assert files_with(kept, b"own-props")
    record = forget(shop, GONE)
    assert record["artefacts"]["store/props"] == -1
    assert files_with(shop, *needles()) == []
    with store.open_snapshot(shop) as snap:
        assert prop(snap, "t").rows == 0
    assert not files_with(kept, b"own-props")


def test_ids_that_contain_the_users_id_stay(shop: Path) -> None:
    forget(shop, GONE)
    assert pq.read_table(shop / "quarantine/0001.parquet")["row"].to_pylist() == [3, 4, 5]
    with store.open_snapshot(shop) as snap:
        assert {f"{GONE}2", f"x{GONE}"} <= dump_all(snap).keys()


def test_the_evidence_names_nobody(shop: Path) -> None:
    record = forget(shop, GONE)
    text = Path(record["evidence"]).read_text()
    assert GONE not in text
    kept = json.loads(text)
    assert kept == {name: value for name, value in record.items() if name != "evidence"}
    assert kept["models"] == ["models/m1"]
    assert "next training" in kept["limits"]
    assert kept["artefacts"]["quarantine/0001.parquet"] == 2
    assert kept["user_hash"] in (shop / "store/forgotten.json").read_text()


def test_twice_is_fine(shop: Path) -> None:
    first, second = forget(shop, GONE), forget(shop, GONE)
    assert (second["events"], second["attribute_rows"], second["values"]) == (0, 0, {})
    assert second["user_hash"] == first["user_hash"]
    assert first["evidence"] != second["evidence"]
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(others_log())


def test_an_unknown_user_is_refused_from_now_on(shop: Path) -> None:
    record = forget(shop, "never-seen")
    assert (record["events"], record["sessions"]) == (0, 0)
    with store.writer(shop) as writer:
        assert writer.is_forgotten(pa.array(["never-seen", "u1", None])).tolist() == [True, False, False]


def test_the_old_log_does_not_bring_the_user_back(shop: Path) -> None:
    forget(shop, GONE)
    table = table_of(own_log() + others_log())
    with store.writer(shop) as writer:
        gone = writer.is_forgotten(table["user_id"])
        assert gone.sum() == len(own_log())
        chunked = pa.chunked_array([table["user_id"].combine_chunks().dictionary_encode()])
        assert writer.is_forgotten(chunked).tolist() == gone.tolist()
        writer.add(table.filter(pa.array(~gone)))
        writer.put_users(pa.table({"user_id": [GONE, "u2"], "email": ["own-email", "new"]}))
        done = writer.commit()
    assert done.stored == 0
    assert files_with(shop, *needles()) == []
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(others_log())


def test_nothing_comes_back_with_a_rebuild_or_an_append(shop: Path) -> None:
    forget(shop, GONE)
    rebuild(shop, 3)
    more = [Row("u3", 10**9, "view", page="/shared"), Row("u3", 10**9 + 1, "view", query="new")]
    put(shop, more)
    assert files_with(shop, *needles()) == []
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(others_log() + more)


def test_the_only_user_of_a_store(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    put(shop, [Row("u", 1, "view", page="/a")])
    forget(shop, "u")
    with store.open_snapshot(shop) as snap:
        assert snap.totals == store.Totals(0, 0, 0, 0, None, None, {})
        assert snap.codes("page") == ["(erased)"]
        assert dump_all(snap) == {}
    put(shop, [Row("v", 1, "view", page="/a")])
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected([Row("v", 1, "view", page="/a")])


def test_a_user_who_is_only_in_the_delta_or_only_in_the_base(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    base = [Row("a", i, "view", page=str(i)) for i in range(30)] + [Row("b", 1, "view", page="b")]
    delta = [Row("c", 99, "buy", page="c"), Row("a", 100, "view")]
    put(shop, base)
    put(shop, delta)
    for user, left in (("c", base + delta[1:]), ("b", base[:30] + delta[1:]), ("a", [])):
        erase(shop, user)
        with store.open_snapshot(shop) as snap:
            assert dump_all(snap) == expected(left)
            assert snap.totals.events == len(left)


def test_reports_are_dropped(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop", 1)
    put(where, own_log() + others_log())
    (where / "reports" / "recommendations.json").write_text(json.dumps({GONE: []}))
    assert forget(where, GONE)["artefacts"]["reports/recommendations.json"] == -1
    assert not list((where / "reports").iterdir())


def test_rows_that_an_interrupted_ingest_quarantined_are_found(shop: Path) -> None:
    stray = shop / "quarantine" / "stray.parquet"
    pq.write_table(pa.table({"user_id": [GONE, "u1"], "raw": ["x", "y"]}), stray)
    forget(shop, GONE)
    assert pq.read_table(stray)["user_id"].to_pylist() == ["u1"]


@pytest.mark.parametrize("user", ["a.b*c[", "x\\y", "with space", "ü☃", "-", "n\nl", "a\x00b", "0", 'q"uote'])
def test_any_id_can_be_forgotten(tmp_path: Path, user: str) -> None:
    shop = workspace(tmp_path / "shop", 1)
    put(shop, [Row(user, 1, "view"), Row("other", 1, "view")])
    raw = shop / "quarantine" / "q.parquet"
    written = [f"1,{user},view", json.dumps({"u": user}), json.dumps({"u": user}, ensure_ascii=False), "abc"]
    pq.write_table(pa.table({"user_id": pa.nulls(4, pa.string()), "raw": written}), raw)
    assert forget(shop, user)["events"] == 1
    assert pq.read_table(raw)["raw"].to_pylist() == ["abc"]
    with store.open_snapshot(shop) as snap:
        assert list(dump_all(snap)) == ["other"]


def test_a_reader_of_an_older_generation_is_told(shop: Path) -> None:
    with store.open_snapshot(shop) as old:
        forget(shop, GONE)
        with pytest.raises(CorruptStoreError, match="missing"):
            dump_all(old)
    put(shop, [Row("u1", 10**9, "view")])


def test_nobody_is_an_error(shop: Path) -> None:
    with pytest.raises(CartpathError, match="no user"):
        forget(shop, "")
    with pytest.raises(CartpathError, match="not a Cartpath workspace"):
        forget(shop / "models", GONE)


def test_not_while_another_writes(shop: Path) -> None:
    with store.writer(shop), pytest.raises(WorkspaceBusyError):
        forget(shop, GONE)


@pytest.mark.parametrize("where", ["events", "quarantine"])
def test_damage_stops_an_erasure_and_it_can_be_done_again(shop: Path, where: str) -> None:
    folder = shop / "quarantine" if where == "quarantine" else shop / "store" / "events"
    files: dict[Path, Any] = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    for path in files:
        path.write_bytes(b"PAR1")
    with pytest.raises(CorruptStoreError, match="missing or damaged"):
        forget(shop, GONE)
    for path, data in files.items():
        path.write_bytes(data)
    with store.writer(shop) as writer:
        assert writer.is_forgotten(pa.array([GONE])).all()
    forget(shop, GONE)
    assert files_with(shop, *needles()) == []


def test_ingesting_the_old_file_again_keeps_the_user_out(tmp_path: Path) -> None:
    shop, old = workspace(tmp_path / "shop", 2), tmp_path / "old.csv"
    lines = [f"{user},2020-01-0{day},view" for user in (GONE, "other") for day in (1, 2, 3)]
    old.write_text("\n".join(["user_id,ts,event", *lines, ""]))
    assert ingest(shop, [str(old)]).stored == 6
    assert forget(shop, GONE)["events"] == 3
    copy = tmp_path / "copy.csv"
    copy.write_text("\n".join(["user_id,ts,event", *lines, "other,2020-01-04,buy", ""]))
    again = ingest(shop, [str(copy)])
    assert (again.read, again.stored, again.duplicates, again.quarantined) == (7, 1, 3, 3)
    assert again.reasons == {"forgotten_user": 3}
    assert files_with(shop, GONE.encode(), *needles()) == []
    with store.open_snapshot(shop) as snap:
        assert list(dump_all(snap)) == ["other"]


def test_an_id_that_was_never_seen(shop: Path, cartpath_command: list[str]) -> None:
    record = forget(shop, "typo")
    assert (record["seen"], record["note"][:22]) == (False, "this id was never seen")
    assert "forgotten before" in forget(shop, "typo")["note"]
    assert forget(shop, GONE)["seen"] is True
    told = subprocess.run([*cartpath_command, "forget", str(shop), "--user", "typo2"], capture_output=True, text=True)
    assert told.returncode == 0
    assert told.stderr.startswith("warning: this id was never seen in this workspace")


def test_lists_of_segments_that_name_the_person(shop: Path) -> None:
    (shop / "lists").mkdir()
    (shop / "lists" / "vip.csv").write_text(f"user_id;note\n{GONE};x\n")
    (shop / "lists" / "b c.csv").write_text(f'"{GONE}"\n')
    (shop / "lists" / "longer.csv").write_text(f"{GONE}2\nu1\n")
    with (shop / "cartpath.toml").open("a") as file:
        file.write('[segments]\nvip = "file(lists/vip.csv) | did view"\nlonger = "file(lists/longer.csv)"\n')
        file.write("quoted = 'did view & !file(\"lists/b c.csv\")'\nlost = 'file(none.csv)'\n")
    record = forget(shop, GONE)
    assert record["lists"] == ["lists/vip.csv", "lists/b c.csv"]
    assert "to be edited by hand: lists/vip.csv, lists/b c.csv." in record["limits"]
    assert json.loads(Path(record["evidence"]).read_text())["lists"] == record["lists"]
