"""Readers keep the generation they opened; one writer at a time; damage is told, not guessed around."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from cartpath import store
from cartpath.config import SessionSettings, Settings
from cartpath.schema import CartpathError, CorruptStoreError, WorkspaceBusyError
from cartpath.store import manifest as manifests
from tests.store.twin import Row, dump_all, expected, put, table_of, workspace

ONE = [Row("u", 1, "view", page="/1")]
TWO = [Row("u", 2, "view", page="/2"), Row("v", 3, "buy")]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    where = workspace(tmp_path / "shop=1 ü", 2)
    put(where, ONE)
    return where


def generations(shop: Path) -> list[int]:
    return sorted(int(path.stem) for path in (shop / "store/generations").glob("*.json"))


def pins(shop: Path) -> list[Path]:
    return list((shop / "store/pins").glob("*"))


def test_a_reader_keeps_its_generation_and_lets_it_go(shop: Path) -> None:
    old = store.open_snapshot(shop)
    put(shop, TWO)
    put(shop, [Row("w", 4, "view")])
    assert dump_all(old) == expected(ONE)
    assert (old.generation, old.totals.events) == (1, 1)
    assert generations(shop) == [1, 3]
    with store.open_snapshot(shop) as new:
        assert (new.generation, new.totals.events) == (3, 4)
    old.close()
    assert pins(shop) == []
    put(shop, [Row("x", 5, "view")])
    assert generations(shop) == [4]
    assert store.leftovers(shop) == []


def test_two_readers_of_one_generation(shop: Path) -> None:
    first, second = store.open_snapshot(shop), store.open_snapshot(shop)
    first.close()
    put(shop, TWO)
    assert dump_all(second) == expected(ONE)
    second.close()


def test_the_pin_of_a_dead_reader_is_collected(shop: Path) -> None:
    script = "import os, sys; from cartpath import store; s = store.open_snapshot(sys.argv[1]); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script, str(shop)], check=False)
    assert len(pins(shop)) == 1
    put(shop, TWO)
    assert pins(shop) == []
    assert generations(shop) == [2]


def test_files_of_a_generation_nobody_reads_go(shop: Path) -> None:
    put(shop, TWO)
    with store.open_snapshot(shop) as snap:
        named = {shop / "store" / name for name in snap.manifest.files()}
    folders = [shop / "store" / name for name in ("events", "paths", "codes", "tables")]
    on_disk = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    assert on_disk == named


def test_a_second_writer_is_told_who_writes(shop: Path) -> None:
    with store.writer(shop), pytest.raises(WorkspaceBusyError, match=f"process {os.getpid()}"), store.writer(shop):
        pass
    script = (
        "import sys, time; from cartpath import store\n"
        "with store.writer(sys.argv[1]): print('in', flush=True); time.sleep(99)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(shop)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(WorkspaceBusyError, match=f"process {other.pid}") as error, store.writer(shop):
            pass
        assert error.value.exit_code == 3
        with store.open_snapshot(shop) as snap:  # reading goes on
            assert snap.totals.events == 1
        other.kill()
    put(shop, TWO)  # the lock went with the process


def test_leaving_without_commit_changes_nothing(shop: Path) -> None:
    files = {p: p.read_bytes() for p in (shop / "store").rglob("*") if p.is_file() and p.suffix != ".lock"}
    with store.writer(shop) as writer:
        writer.add(table_of(TWO))
    with suppress(KeyError), store.writer(shop) as writer:
        writer.add(table_of(TWO))
        raise KeyError
    assert {p: p.read_bytes() for p in (shop / "store").rglob("*") if p.is_file() and p.suffix != ".lock"} == files
    assert store.leftovers(shop) == []


def test_a_failing_commit_changes_nothing_and_can_be_done_again(shop: Path) -> None:
    def fail(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put(shop, TWO, progress=fail)
    assert pins(shop) == []
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(ONE)
    assert store.leftovers(shop) != []
    put(shop, TWO)
    assert store.leftovers(shop) == []
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(ONE + TWO)


def test_a_generation_that_was_never_made_current_is_a_leftover(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = manifests.write_text

    def die(path: Path, text: str) -> None:
        if path.name == "manifest.json":
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(manifests, "write_text", die)
    with pytest.raises(KeyboardInterrupt):
        put(shop, TWO)
    monkeypatch.undo()
    left = {path.name for path in store.leftovers(shop)}
    assert "00000002.json" in left
    assert any(name.endswith(".parquet") for name in left)
    with store.open_snapshot(shop) as snap:
        assert snap.generation == 1
    put(shop, TWO)
    assert generations(shop) == [2]
    assert store.leftovers(shop) == []


@pytest.mark.parametrize("use", [store.open_snapshot, lambda path: store.writer(path).__enter__(), store.leftovers])
def test_a_folder_that_is_no_workspace(tmp_path: Path, use: Callable[[Path], object]) -> None:
    for where in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CartpathError, match="is not a Cartpath workspace") as error:
            use(where)
        assert "cartpath init" in error.value.hint
        assert error.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "{", '{"format": 1', "\x00", "[]", "null", '{"format": 99, "hash_version": 1}'])
def test_a_damaged_manifest(shop: Path, text: str) -> None:
    (shop / "store/manifest.json").write_text(text)
    with pytest.raises(CorruptStoreError, match=r"manifest\.json") as error:
        store.open_snapshot(shop)
    assert error.value.exit_code == 4
    assert pins(shop) == []


def test_a_missing_manifest_is_damage_once_there_were_generations(shop: Path) -> None:
    (shop / "store/manifest.json").unlink()
    with pytest.raises(CorruptStoreError, match=r"manifest\.json is missing"):
        store.open_snapshot(shop)


def read_all(shop: Path) -> None:
    with store.open_snapshot(shop) as snap:
        for bucket in range(snap.n_buckets):
            snap.bucket(bucket)
        for name in ("event", "page"):
            snap.codes(name)
        assert len(snap.items) >= 0
        assert snap.totals


def named(shop: Path) -> list[Path]:
    with store.open_snapshot(shop) as snap:
        return [shop / "store" / name for name in sorted(snap.manifest.files()) if not name.startswith("events")]


@pytest.mark.parametrize("damage", ["missing", "empty", "half", "tail", "garbage"])
def test_damaged_files_are_named(shop: Path, damage: str) -> None:
    for path in named(shop):
        whole = path.read_bytes()
        if damage == "missing":
            path.unlink()
        else:
            half = whole[: len(whole) // 2]
            path.write_bytes({"empty": b"", "half": half, "tail": whole[:-1], "garbage": b"x" * len(whole)}[damage])
        with pytest.raises(CorruptStoreError, match=path.name):
            read_all(shop)
        path.write_bytes(whole)
    read_all(shop)
    assert pins(shop) == []


def test_settings_that_no_longer_fit_are_refused(shop: Path) -> None:
    toml = shop / "cartpath.toml"
    toml.write_text(Settings(sessions=SessionSettings("10m")).to_toml())
    with pytest.raises(CartpathError, match="another session gap or bucket count"):
        put(shop, TWO)
    assert pins(shop) == []
    read_all(shop)


def test_init_refuses_what_is_there(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="workspace already"):
        store.init(shop)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file.txt").write_text("mine")
    with pytest.raises(CartpathError, match="not an empty folder"):
        store.init(tmp_path / "full")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CartpathError, match="not an empty folder"):
        store.init(tmp_path / "file")


def test_init_starts_from_the_settings_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/cartpath.toml").write_text("[store]\nbuckets = 5\n")
    store.init(tmp_path / "shop")
    with store.open_snapshot(tmp_path / "shop") as snap:
        assert (snap.n_buckets, snap.gap_seconds, snap.generation) == (5, 1800, 0)


def test_a_store_that_cannot_be_written_can_be_read(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise PermissionError

    monkeypatch.setattr(manifests, "_pins_lock", refuse)
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(ONE)


def test_readers_see_only_whole_generations(tmp_path: Path) -> None:
    """Every generation adds one event to each of 20 users: to a reader that saw half of one they would differ."""
    shop = workspace(tmp_path / "shop", 4)
    users = [f"u{i}" for i in range(20)]

    def write(turn: int) -> None:
        put(shop, [Row(user, turn, "view", page=f"/{turn}") for user in users])

    write(0)
    stop, seen, problems = threading.Event(), set(), []

    def read() -> None:
        try:
            while not stop.is_set():
                with store.open_snapshot(shop) as snap:
                    counts = {len(path.ts) for b in range(4) for path in snap.bucket(b)}
                    pages = {page for b in range(4) for page in snap.bucket(b).page.tolist()}
                    assert counts == {snap.generation}, (counts, snap.generation)
                    assert snap.totals.events == 20 * snap.generation
                    assert {snap.codes("page")[p] for p in pages} == {f"/{t}" for t in range(snap.generation)}
                    seen.add(snap.generation)
        except BaseException as error:
            problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(1, 25):
        write(turn)
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert len(seen) > 1
    put(shop, [Row("last", 1, "view")])
    assert generations(shop) == [26]


def test_the_manifest_is_plain_json_that_names_every_file(shop: Path) -> None:
    data = json.loads((shop / "store/manifest.json").read_text())
    assert (data["format"], data["hash_version"], data["generation"]) == (1, 1, 1)
    assert [sorted(bucket) for bucket in data["buckets"]] == [["base", "delta", "parts", "stats"]] * 2
