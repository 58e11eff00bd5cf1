"""Anonymous ids on their way in: a file of identities, events with both ids, and what the command says."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from cartpath import cli, shop, store
from cartpath.config import IdentitySettings
from cartpath.ingest import Adapter, ingest
from cartpath.ingest.identity import Collector, load_identities
from cartpath.privacy import forget
from cartpath.schema import CartpathError
from cartpath.store.links import EVENTS, FILE, link_schema, noted
from cartpath.store.owners import resolve
from tests.ingest.reading import read, write
from tests.store.stitching import stitched
from tests.store.twin import workspace

DAY = "2020-01-01T00:"
#: What a tracker sends: a cookie on each event, the account once somebody is logged in.
LOG = [
    ("c1", "", "00", "view"),
    ("c1", "", "01", "add_to_cart"),
    ("c1", "u1", "02", "login"),
    ("", "u1", "03", "purchase"),
    ("c2", "", "04", "view"),
    ("c2", "u1", "05", "view"),
    ("c2", "u1", "06", "view"),
    ("kiosk", "u1", "07", "view"),
    ("kiosk", "u2", "08", "view"),
    ("kiosk", "", "09", "view"),
    ("c3", "", "10", "view"),
    ("", "", "11", "view"),
]


def log_file(path: Path, rows: list[tuple[str, ...]] = LOG, header: str = "cookie,user_id,ts,event") -> Path:
    lines = [f"{cookie},{user},{DAY}{minute}:00,{event}" for cookie, user, minute, event in rows]
    path.write_text("\n".join([header, *lines, ""]))
    return path


def links_of(where: Path) -> list[tuple[Any, ...]]:
    with store.open_snapshot(where) as snap:
        rows = snap.links.to_pylist()
    names = ("anonymous_id", "user_id", "n", "source")
    minutes = [[row[name] and row[name].minute for name in ("first", "last")] for row in rows]
    return sorted(((*(row[n] for n in names), *of) for row, of in zip(rows, minutes, strict=True)), key=str)


def paths_of(where: Path, **identity: Any) -> dict[str, str]:
    with store.open_snapshot(where) as snap:
        found = stitched(snap, IdentitySettings(**identity))
    return {user: " ".join(event["event"] for event in path["events"]) for user, path in found.items()}


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return workspace(tmp_path / "shop", 4)


class TestEvents:
    def test_the_user_where_known_else_the_anonymous_id(self, where: Path, tmp_path: Path) -> None:
        summary = ingest(where, [str(log_file(tmp_path / "log.csv"))], options={"anonymous": "cookie"})
        assert (summary.read, summary.stored, summary.quarantined, summary.links) == (12, 11, 1, 4)
        assert summary.reasons == {"missing_user": 1}
        assert links_of(where) == [
            ("c1", "u1", 1, EVENTS, 2, 2),
            ("c2", "u1", 2, EVENTS, 5, 6),
            ("kiosk", "u1", 1, EVENTS, 7, 7),
            ("kiosk", "u2", 1, EVENTS, 8, 8),
        ]
        assert paths_of(where, stitch=False) == {
            "c1": "view add_to_cart",
            "u1": "login purchase view view view",
            "c2": "view",
            "u2": "view",
            "kiosk": "view",
            "c3": "view",
        }
        assert paths_of(where) == {
            "u1": "view add_to_cart login purchase view view view view",
            "u2": "view",
            "kiosk": "view",
            "c3": "view",
        }

    @pytest.mark.parametrize("seed", range(4))
    def test_pieces_in_any_order_give_the_same(self, where: Path, tmp_path: Path, seed: int) -> None:
        whole = workspace(tmp_path / "whole", 2)
        ingest(whole, [str(log_file(tmp_path / "log.csv"))], options={"anonymous": "cookie"})
        rng = random.Random(seed)
        log = LOG.copy()
        rng.shuffle(log)
        cut = rng.randrange(1, len(log))
        for name, part in (("a.csv", log[:cut]), ("b.csv", log[cut:])):
            ingest(where, [str(log_file(tmp_path / name, part))], options={"anonymous": "cookie"})
        assert links_of(where) == links_of(whole)
        assert paths_of(where) == paths_of(whole)

    @pytest.mark.parametrize("kind", ["parquet", "jsonl"])
    def test_other_formats(self, where: Path, tmp_path: Path, kind: str) -> None:
        names = ("cookie", "user_id", "ts", "event")
        rows = [dict(zip(names, [c or None, u or None, f"{DAY}{m}:00", e], strict=True)) for c, u, m, e in LOG]
        path = tmp_path / f"log.{kind}"
        if kind == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        else:
            path.write_text("\n".join(map(json.dumps, rows)))
        summary = ingest(where, [str(path)], options={"anonymous": "cookie"})
        assert (summary.stored, summary.quarantined, summary.links) == (11, 1, 4)
        assert len(paths_of(where)) == 4

    def test_ids_are_read_as_all_ids_are(self, tmp_path: Path) -> None:
        data = b"who,user_id,ts,event\n7.0,,2020-01-01,view\n7,12.0,2020-01-01,view\n ,,2020-01-01,view\n"
        found = read(write(tmp_path / "a.csv", data), anonymous="who")
        assert found.column("user_id") == ["7", "12"]
        assert found.reasons == {"missing_user": 1}

    def test_a_log_of_nothing_but_visitors(self, tmp_path: Path) -> None:
        data = b"cookie,ts,event\nc,2020-01-01,view\n,2020-01-01,view\n"
        found = read(write(tmp_path / "a.csv", data), anonymous="cookie")
        assert (found.column("user_id"), found.reasons) == (["c"], {"missing_user": 1})

    def test_an_adapter_may_declare_the_column(self, where: Path, tmp_path: Path) -> None:
        columns = {"user_id": "user_id", "ts": "ts", "event": "event"}
        ours = Adapter("ours", "with cookies", columns=columns, anonymous=("visitor", "cookie"))
        log_file(tmp_path / "log.csv")
        (tmp_path / "plain.csv").write_text("user_id,ts,event\nu9,2020-01-01,view\n")
        summary = ingest(where, [str(tmp_path / "log.csv"), str(tmp_path / "plain.csv")], adapter=ours)
        assert (summary.stored, summary.links) == (12, 4)

    def test_a_column_that_is_not_there_is_told(self, where: Path, tmp_path: Path) -> None:
        path = str(log_file(tmp_path / "log.csv"))
        with pytest.raises(CartpathError, match="has no column 'cokie'; columns found: cookie, user_id"):
            ingest(where, [path], options={"anonymous": "cokie"})
        with pytest.raises(CartpathError, match="makes its own columns"):
            ingest(where, [path], adapter="sequences", options={"anonymous": "cookie"})
        with pytest.raises(CartpathError, match="'account'"):
            ingest(where, [path], options={"anonymous": "cookie"}, mapping={"user_id": "account"})

    def test_without_the_option_nothing_is_linked(self, where: Path, tmp_path: Path) -> None:
        summary = ingest(where, [str(log_file(tmp_path / "log.csv"))])
        assert (summary.stored, summary.quarantined, summary.links) == (6, 6, 0)
        with store.open_snapshot(where) as snap:
            assert len(snap.links) == 0

    def test_rows_that_cannot_be_used_link_nothing(self, where: Path, tmp_path: Path) -> None:
        path = log_file(tmp_path / "log.csv", [("c1", "u1", "99", "view"), ("c2", "u2", "01", "view")])
        summary = ingest(where, [str(path)], options={"anonymous": "cookie"})
        assert summary.reasons == {"unreadable_time": 1}
        assert [link[:2] for link in links_of(where)] == [("c2", "u2")]

    def test_a_forgotten_visitor_stays_out_of_links_and_of_the_quarantine(self, where: Path, tmp_path: Path) -> None:
        forget(where, "c1")
        forget(where, "u2")
        rows = [*LOG, ("c1", "u9", "99", "view")]
        summary = ingest(where, [str(log_file(tmp_path / "log.csv", rows))], options={"anonymous": "cookie"})
        assert summary.reasons == {"missing_user": 1, "forgotten_user": 4}
        assert summary.read == summary.stored + summary.duplicates + summary.quarantined == 13
        assert [link[:2] for link in links_of(where) if link[1]] == [("c2", "u1"), ("kiosk", "u1")]
        assert paths_of(where) == {
            "u1": "login purchase view view view view",
            "kiosk": "view",
            "c3": "view",
        }
        assert "c1" not in str(pq.read_table(summary.quarantine_file or "").to_pydict())

    def test_a_file_that_was_read_before_the_option_existed_is_known(self, where: Path, tmp_path: Path) -> None:
        """Its signature is that of the options that there were."""
        from cartpath.ingest import get
        from cartpath.ingest.options import resolve_options
        from cartpath.ingest.reading import FileJob

        path, adapter = log_file(tmp_path / "log.csv"), get("generic")
        options = resolve_options(adapter, {})
        before = {name: value for name, value in options.items() if name != "anonymous"}
        assert FileJob(path, adapter, {}, options).signature == FileJob(path, adapter, {}, before).signature
        other = {**options, "anonymous": "cookie"}
        assert FileJob(path, adapter, {}, other).signature != FileJob(path, adapter, {}, options).signature


class TestFile:
    def test_without_times_a_link_was_always_known(self, where: Path, tmp_path: Path) -> None:
        path = write(tmp_path / "ids.csv", b"user_id,anonymous_id,x\nu,a,1\nu,a,2\nu,b,3\n,c,4\nv,,5\n")
        summary = ingest(where, [], identities=path)
        assert summary.identities == {
            "file": str(path), "rows": 5, "links": 2, "without_id": 2, "unreadable_time": 0, "left_out": [5, 6],
        }  # fmt: skip
        assert (summary.links, summary.read, summary.files) == (2, 0, 0)
        assert links_of(where) == [("a", "u", 2, FILE, None, None), ("b", "u", 1, FILE, None, None)]

    def test_with_times(self, tmp_path: Path) -> None:
        data = b"anonymous_id,user_id,ts\na,u,2020-01-02\na,u,2020-01-01T10:00:00+02:00\nb,u,\nc,u,soon\n"
        found = load_identities(write(tmp_path / "ids.csv", data))
        assert (found.unreadable_time, found.left_out) == (1, [5])
        rows = {row["anonymous_id"]: (row["first"], row["last"]) for row in found.links.to_pylist()}
        assert [str(moment) for moment in rows["a"]] == ["2020-01-01 08:00:00+00:00", "2020-01-02 00:00:00+00:00"]
        assert rows["b"] == (None, None)
        assert rows.keys() == {"a", "b"}

    @pytest.mark.parametrize("ts", [1577836800, 1577836800000, "2020-01-01", None])
    def test_formats(self, tmp_path: Path, ts: Any) -> None:
        rows = [{"anonymous_id": i, "user_id": str(i % 2), "ts": ts} for i in range(6)]
        (tmp_path / "ids.jsonl").write_text("\n".join(map(json.dumps, rows)))
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "ids.parquet")
        a, b = (load_identities(tmp_path / name) for name in ("ids.jsonl", "ids.parquet"))
        assert a.links.equals(b.links)
        assert a.links["user_id"].to_pylist().count("1") == 3
        firsts = {str(first) for first in a.links["first"].to_pylist()}
        assert firsts == {"2020-01-01 00:00:00+00:00" if ts is not None else "None"}

    def test_the_same_file_twice_changes_nothing(self, where: Path, tmp_path: Path) -> None:
        path = write(tmp_path / "ids.csv", b"anonymous_id,user_id\na,u\n")
        ingest(where, [], identities=path)
        once = links_of(where)
        again = ingest(where, [], identities=path)
        assert again.identities == {"file": str(path), "unchanged": True}
        assert links_of(where) == once
        with store.open_snapshot(where) as snap:
            assert snap.generation == 1

    def test_with_events_in_one_go(self, where: Path, tmp_path: Path) -> None:
        path = write(tmp_path / "ids.csv", b"anonymous_id,user_id\nc3,u2\nc1,u1\n")
        log = str(log_file(tmp_path / "log.csv"))
        summary = ingest(where, [log], options={"anonymous": "cookie"}, identities=path)
        assert (summary.stored, summary.links) == (11, 6)
        assert paths_of(where)["u2"] == "view view"

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (b"anon,user_id\na,u\n", "has no column 'anonymous_id'; columns found: anon, user_id"),
            (b"anonymous_id,user\na,u\n", "has no column 'user_id'"),
            (b"", "is empty"),
            (b"anonymous_id,user_id\na,u\na,u,v\n", "row 3: wrong_number_of_fields"),
        ],
    )
    def test_what_is_wrong_is_told(self, where: Path, tmp_path: Path, data: bytes, says: str) -> None:
        with pytest.raises(CartpathError, match=says):
            ingest(where, [], identities=write(tmp_path / "ids.csv", data))
        with store.open_snapshot(where) as snap:
            assert snap.generation == 0

    def test_no_file(self, where: Path) -> None:
        with pytest.raises(CartpathError, match="no such file"):
            ingest(where, [], identities=where / "nothing.csv")


def test_links_that_come_in_many_pieces_take_the_room_of_distinct_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartpath.ingest.identity._HELD", 10)
    collector = Collector()
    most = 0
    for _ in range(200):
        collector.add(noted(pa.array(["a", "b", "c"]), pa.array(["u", "u", "v"]), None, EVENTS))
        most = max(most, sum(map(len, collector._held)))
    assert most <= 12
    assert collector.table()["n"].to_pylist() == [200, 200, 200]
    assert Collector().table().schema == link_schema()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


class TestCommand:
    @pytest.fixture
    def filled(self, where: Path, tmp_path: Path) -> Path:
        ids = write(tmp_path / "ids.csv", b"anonymous_id,user_id\nx,y\ny,x\nu1,u1\nold,c3\nc3,u2\n")
        command = ["ingest", str(where), str(log_file(tmp_path / "log.csv")), "--adapter", "generic"]
        done = run(*command, "--option", "anonymous=cookie", "--identities", str(ids), "--json")
        assert json.loads(done.stdout)["identities"]["rows"] == 5
        return where

    def test_what_stitching_does(self, filled: Path) -> None:
        found = json.loads(run("identities", str(filled), "--json").stdout)
        assert found == {
            "stitch": True,
            "until": None,
            "max_ids": 50,
            "links": 8,
            "merged_ids": 4,
            "users": 2,
            "shared_devices": 1,
            "cycles": 2,
            "too_many_users": 0,
            "too_many_ids": 0,
            "left_out": {"self": 1, "after_until": 0},
            "seen": {"events": 4, "file": 5, "erased": 0},
            "examples": {"shared_devices": ["kiosk"], "cycles": ["y", "x"], "too_many_users": []},
        } | {"examples": found["examples"]}
        assert {name: set(ids) for name, ids in found["examples"].items()} == {
            "shared_devices": {"kiosk"}, "cycles": {"x", "y"}, "too_many_users": set(),
        }  # fmt: skip
        table = run("identities", str(filled)).stdout
        assert "merged_ids" in table
        assert "kiosk" in table

    def test_one_user(self, filled: Path) -> None:
        found = json.loads(run("identities", str(filled), "--user", "u2", "--json").stdout)
        assert (found["id"], found["owner"], found["verdict"]) == ("u2", None, "owner")
        assert {one["id"]: one["verdict"] for one in found["ids"]} == {
            "kiosk": "shared",
            "c3": "merged",
            "old": "merged",
        }
        (kiosk,) = (one for one in found["ids"] if one["id"] == "kiosk")
        assert kiosk["links"] == [
            {
                "user_id": f"u{i}",
                "first": f"{DAY}0{6 + i}:00Z",
                "last": f"{DAY}0{6 + i}:00Z",
                "n": 1,
                "source": "events",
            }
            for i in (1, 2)
        ]
        table = run("identities", str(filled), "--user", "old").stdout
        assert "merged" in table
        assert "u2" in table

    def test_verdicts_on_single_ids(self, filled: Path) -> None:
        toml = filled / "cartpath.toml"
        toml.write_text(toml.read_text().replace("max_ids = 50", "max_ids = 1\nuntil = 2020-01-01T00:08:00Z"))
        ours = shop.open(filled)
        said = {name: ours.identities(name) for name in ("c1", "kiosk", "x", "u1", "nobody", "u2")}
        assert {name: one["verdict"] for name, one in said.items()} == {
            "c1": "too_many",
            "kiosk": "too_many",  # before the cut-off only u1 was seen on it
            "x": "circle",
            "u1": "self",
            "nobody": "unlinked",
            "u2": "unlinked",
        }
        assert said["c1"]["owner"] is None
        assert said["nobody"]["ids"] == []
        assert said["c1"]["until"] == "2020-01-01T00:08:00Z"
        toml.write_text(toml.read_text().replace("00:08:00Z", "00:01:00Z"))
        assert ours.identities("c1")["verdict"] == "after_until"
        assert ours.identities()["left_out"] == {"self": 1, "after_until": 4}
        assert "no link names this id" in run("identities", str(filled), "--user", "nobody").stdout

    def test_identities_need_no_source_and_no_adapter(self, where: Path, tmp_path: Path) -> None:
        ids = write(tmp_path / "ids.csv", b"anonymous_id,user_id\na,u\n,u\n")
        done = run("ingest", str(where), "--identities", str(ids))
        assert done.exit_code == 0
        assert "without_id" in done.stdout
        assert run("ingest", str(where)).exit_code == 2
        missing = run("ingest", str(where), str(ids))
        assert (missing.exit_code, "no adapter named" in missing.stderr) == (2, True)
        wrong = run("ingest", str(where), "--identities", str(log_file(tmp_path / "log.csv")))
        assert (wrong.exit_code, "has no column 'anonymous_id'" in wrong.stderr) == (2, True)


def test_a_store_without_links(where: Path) -> None:
    with store.open_snapshot(where) as snap:
        assert resolve(snap.links, IdentitySettings()).links == 0
    assert shop.open(where).identities()["seen"] == {"events": 0, "file": 0, "erased": 0}
