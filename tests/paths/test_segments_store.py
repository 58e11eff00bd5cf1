"""Segments of a workspace: from cartpath.toml to users, in Python and on the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.csv as arrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cartpath
from cartpath import config, store
from cartpath.config import SegmentSettings, Settings, StoreSettings
from cartpath.figures import segments_figure
from cartpath.paths import Counting
from cartpath.paths.counted import merge_basis
from cartpath.paths.segments import compile_segment, members, segments
from cartpath.paths.segments.lists import read_keys
from cartpath.schema import CartpathError
from cartpath.shop import Shop
from cartpath.store import Snapshot
from cartpath.store.answers import kept
from tests.paths.twin import Row, table_of

NAMED = {
    "buyers": "did buy",
    "carts": "did cart",
    "left": "carts - buyers",
    "vip": "file(lists/vip.csv)",
    "nobody": "did never",
}
#: Users 0 to 11: all view, those divisible by 2 put in the cart, by 4 buy.
ROWS = [
    Row(user, at, event, session=at // 2)
    for user in range(12)
    for at, event in enumerate(("view", "cart", "buy"))
    if user % 2**at == 0
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("segments") / "shop"
    store.init(folder, Settings(store=StoreSettings(buckets=4), segments=SegmentSettings(NAMED)))
    with store.writer(folder) as writer:
        writer.add(table_of(ROWS))
        writer.commit(sources=[{"file": "log", "hash": "1", "adapter": "test", "read": len(ROWS)}], quarantine={})
    (folder / "lists").mkdir()
    (folder / "lists" / "vip.csv").write_text("user_id,note\nu0,a\nu1,b\nu1,c\nnoone,d\n")
    return cartpath.open(folder)


@pytest.fixture(scope="module")
def snap(shop: Shop) -> Iterator[Snapshot]:
    with shop.snapshot() as snapshot:
        yield snapshot


def test_the_settings_are_read_back(shop: Shop) -> None:
    assert config.load(shop.path).segments == SegmentSettings(NAMED)


def test_sizes_and_overlaps(snap: Snapshot) -> None:
    found = segments(snap)
    assert {row["name"]: row["users"] for row in found.rows} == {
        "buyers": 3,
        "carts": 6,
        "left": 3,
        "vip": 2,
        "nobody": 0,
    }
    assert found.rows[0] == {"name": "buyers", "expression": "did buy", "users": 3, "share": 0.25}
    jaccard = {(row["a"], row["b"]): row["jaccard"] for row in found.overlaps}
    assert jaccard["buyers", "carts"] == 0.5
    assert jaccard["buyers", "left"] == 0
    assert jaccard["buyers", "vip"] == 1 / 4
    assert len(jaccard) == 10
    assert "1 of 3 users in lists/vip.csv were never seen" in found.warnings
    assert "no user is in nobody" in found.warnings
    json.dumps(found.to_dict())
    assert len(segments_figure(found.frame, found.overlaps).data) == 2
    empty = segments(snap, [])
    assert empty.rows == []
    assert "no segments" in segments_figure(empty.frame, empty.overlaps).layout.annotations[0].text


def test_the_counting_rule_counts_members_only(snap: Snapshot) -> None:
    rule = Counting.of(segment="left").bind(snap)
    found = merge_basis([rule.counted(snap.bucket(b)).basis() for b in range(snap.n_buckets)])
    assert (found.users, found.events) == (3, 6)
    never = Counting.of(segment="nobody").bind(snap)
    nothing = merge_basis([never.counted(snap.bucket(b)).basis() for b in range(snap.n_buckets)])
    assert nothing.users == 0
    assert any("no event counts" in text and "nobody" in text for text in never.heading.warnings_of(nothing))


def test_the_members_make_the_trip_through_a_file(shop: Shop, snap: Snapshot, tmp_path: Path) -> None:
    assert shop.write_segment("left | vip", tmp_path / "out" / "left.csv") == 5
    assert sorted(arrow.read_csv(tmp_path / "out" / "left.csv")["user_id"].to_pylist()) == [
        "u0",
        "u1",
        "u10",
        "u2",
        "u6",
    ]
    again = compile_segment(snap, f"file({tmp_path / 'out' / 'left.csv'})")
    assert sorted(members(snap, again)["user_id"].to_pylist()) == ["u0", "u1", "u10", "u2", "u6"]
    assert again.warnings == ()


def test_an_unknown_name(snap: Snapshot) -> None:
    with pytest.raises(CartpathError, match="no segment 'byers'") as error:
        compile_segment(snap, "!byers")
    assert error.value.hint == "did you mean 'buyers'?; an event is written: did byers"


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("", 0),
        ("\n", 0),
        ("user_id\n", 0),
        ("USER_ID \n a \n\n", 1),
        ("007\n7\n", 2),
        ("\ufeffuser_id\nx\n", 1),
        ("a;user_id\n1;x\n2;y\n", 2),
        ("user_id\ta\nx\t1\n", 1),
        ('"a,b"\n"c"\n', 2),
        ("NULL\nNA\n", 2),
    ],
)
def test_lists(tmp_path: Path, text: str, n: int) -> None:
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    assert len(read_keys(tmp_path / "list.csv")) == n


@pytest.mark.parametrize(
    ("text", "problem"), [("a,b\n1,2\n", "has 2 columns and none is called user_id"), ("user_id,b\n1\n", "cannot read")]
)
def test_lists_that_cannot_be_read(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(CartpathError, match=problem):
        read_keys(tmp_path / "list.csv")


def test_a_list_that_is_not_there(snap: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="no file of users") as error:
        compile_segment(snap, "file(lists/vips.csv)")
    assert "relative to the workspace" in error.value.hint
    with pytest.raises(CartpathError, match="cannot read the users"):
        compile_segment(snap, f"file({tmp_path})")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CartpathError, match="cannot read the users"):
        read_keys(tmp_path / "binary")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"a-b": "did x"}, "cannot be a segment's name"),
        ({"": "did x"}, "cannot be a segment's name"),
        ({"did": "did x"}, "is a word of the language"),
        ({"everyone": "did x"}, "is a word of the language"),
        ({"a": ""}, "must be an expression in quotes"),
        ({"a": 3}, "must be an expression in quotes"),
    ],
)
def test_settings_of_the_wrong_shape(values: dict[str, str], problem: str) -> None:
    with pytest.raises(CartpathError, match=problem):
        SegmentSettings(values)


@given(st.dictionaries(st.from_regex(r"[a-z]\w{3,9}x", fullmatch=True), st.text(min_size=1).filter(str.strip)))
def test_settings_are_written_as_they_are_read(expressions: dict[str, str]) -> None:
    import tomllib

    written = SegmentSettings(expressions).to_toml()
    assert tomllib.loads(written).get("segments", {}) == expressions


def run(command: list[str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, "segments", *args], capture_output=True, text=True, check=False)


def test_the_command(shop: Shop, cartpath_command: list[str], tmp_path: Path) -> None:
    path = str(shop.path)
    table = run(cartpath_command, path)
    assert table.returncode == 0, table.stderr
    assert "buyers       3  25.0%  did buy" in table.stdout
    assert "1 of 3 users in lists/vip.csv were never seen" in table.stderr
    found = json.loads(run(cartpath_command, path, "--name", "did buy & !vip", "--json").stdout)
    assert found["segments"][0]["users"] == 2
    out = tmp_path / "buyers.csv"
    written = run(cartpath_command, path, "--name", "buyers", "--out", str(out), "--csv", "-")
    assert written.stdout.splitlines() == ["name,expression,users,share", "buyers,did buy,3,0.25"]
    assert sorted(out.read_text().split()) == ['"u0"', '"u4"', '"u8"', '"user_id"']
    refused = run(cartpath_command, path, "--out", str(out))
    assert (refused.returncode, "--out writes one segment" in refused.stderr) == (2, True)


def test_answers_that_are_kept_follow_definitions_and_lists(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    store.init(folder, Settings(store=StoreSettings(buckets=2)))
    with store.writer(folder) as writer:
        writer.add(table_of(ROWS))
        writer.commit(sources=[{"file": "log", "hash": "1", "adapter": "test", "read": len(ROWS)}], quarantine={})
    asked = []

    @kept
    def users(snap: Snapshot, counting: Counting) -> int:
        asked.append(counting)
        rule = counting.bind(snap)
        return merge_basis([rule.counted(snap.bucket(b)).basis() for b in range(snap.n_buckets)]).users

    def write(toml: str, ids: str) -> None:
        (folder / "cartpath.toml").write_text(f"[store]\nbuckets = 2\n[segments]\n{toml}")
        (folder / "ids.csv").write_text(ids)

    with store.open_snapshot(folder) as snap:
        for toml, ids, wanted, computed in [
            ('a = "b - did buy"\nb = "did cart"\n', "u1\n", 3, 1),
            ('a = "b - did buy"\nb = "did cart"\nc = "b"', "u1\n", 3, 1),  # another segment changed
            ('a = "b - did buy"\nb = "did view"\n', "u1\n", 9, 2),
            ('a = "b - did buy"\nb = "file(ids.csv)"\n', "u1\n", 1, 3),
            ('a = "b - did buy"\nb = "file(ids.csv)"\n', "u1\nu2\n", 2, 4),
        ]:
            write(toml, ids)
            assert users(snap, Counting.of(segment="a")) == wanted
            assert len(asked) == computed
        write('a = "b"\nb = "a"', "")
        with pytest.raises(CartpathError, match="made of itself"):
            users(snap, Counting.of(segment="a"))
        (folder / "ids.csv").unlink()
        with pytest.raises(CartpathError, match="no file of users"):
            users(snap, Counting.of(segment="file(ids.csv)"))


def test_a_bad_definition_does_not_block_the_list(cartpath_command: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    named = {"bad": "*[country=Germany] & !buyers", "buyers": "did buy", "lost": "file(none.csv)", "of_bad": "bad"}
    store.init(folder, Settings(segments=SegmentSettings(named)))
    put_rows(folder)
    listed = run(cartpath_command, str(folder))
    assert listed.returncode == 0, listed.stderr
    assert "buyers       3    25.0%  did buy" in listed.stdout
    assert "bad          -  refused  *[country=Germany] & !buyers" in listed.stdout
    assert "write did *[country=Germany]" in listed.stderr
    found = cartpath.open(folder).segments().to_dict()
    assert [row["name"] for row in found["segments"]] == ["buyers"]
    assert [row["name"] for row in found["refused"]] == ["bad", "lost", "of_bad"]
    assert all(one["error"] for one in found["refused"])
    assert run(cartpath_command, str(folder), "--name", "bad").returncode == 2
    assert run(cartpath_command, str(folder), "--name", "buyers").returncode == 0
    (folder / "cartpath.toml").write_text('[segments]\nbad = "*[a=b]"\n')
    assert run(cartpath_command, str(folder)).returncode == 2


def put_rows(folder: Path) -> None:
    with store.writer(folder) as writer:
        writer.add(table_of(ROWS))
        writer.commit(sources=[{"file": "log", "hash": "1", "adapter": "test", "read": len(ROWS)}], quarantine={})
