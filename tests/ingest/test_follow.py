"""Following a folder: files that grow, are renamed, cut, replaced, damaged, or arrive whole."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cartpath import ingest, store
from cartpath.ingest.follow.loop import follow
from cartpath.schema import CartpathError, WorkspaceBusyError
from cartpath.store.manifest import current, writer_lock
from tests.ingest.following import Follower, events, line, lines, make_shop
from tests.ingest.reading import GOOD, HEADER


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "shop")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def append(path: Path, data: bytes) -> None:
    with open(path, "ab") as file:
        file.write(data)


def plain(tmp_path: Path, *files: Path) -> Path:
    """A shop into which the files as they are now are ingested in one go."""
    shop = make_shop(tmp_path / "plain")
    ingest.ingest(shop, [str(path) for path in files])
    return shop


def quarantined(shop: Path) -> list[tuple[str, int]]:
    found = [row for path in (shop / "quarantine").glob("*") for row in pq.read_table(path).to_pylist()]
    return sorted((row["reason"], row["row"]) for row in found)


def test_a_file_is_read_as_it_grows(shop: Path, folder: Path, tmp_path: Path) -> None:
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    append(log, lines(0, 10))
    assert follower.counts() == (10, 0, 0)
    assert follower.counts() == (0, 0, 0)
    append(log, lines(10, 13) + b"nonsense\n")
    assert follower.counts() == (3, 0, 1)
    append(log, lines(13, 14))
    assert follower.again().counts() == (1, 0, 0)
    assert quarantined(shop) == [("malformed_json", 14)]
    assert events(shop) == events(plain(tmp_path, log))


def test_a_half_line_waits_for_its_rest(shop: Path, folder: Path) -> None:
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    text = lines(0, 2)
    append(log, text[:-9])
    assert follower.counts() == (1, 0, 0)
    assert follower.source.lag() == {"bytes": len(text) // 2 - 9}
    append(log, text[-9:-1])
    assert follower.again().counts() == (
        1,
        0,
        0,
    )  # a whole object, and the file is as it was: its newline may be missing


def test_a_last_line_without_newline_is_taken_once_the_file_has_settled(shop: Path, folder: Path) -> None:
    log, hasty, patient = folder / "a.jsonl", Follower(shop, folder), Follower(shop, folder, settle=3600)
    append(log, line("u1")[:-1])
    assert patient.counts() == (0, 0, 0)
    assert hasty.counts() == (1, 0, 0)
    append(log, b"\n" + b"broken\n" + line("u2"))
    assert hasty.counts() == (1, 0, 1)
    assert quarantined(shop) == [("malformed_json", 2)]


def test_keys_that_come_later_are_read(shop: Path, folder: Path, tmp_path: Path) -> None:
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    for data in (line("u1"), line("u2", 1, price=2.5, item_id="i"), line("u3", 2, query="q")):
        append(log, data)
        assert follower.counts() == (1, 0, 0)
    assert events(shop) == events(plain(tmp_path, log))


def test_a_renamed_file_goes_on_and_its_name_starts_anew(shop: Path, folder: Path) -> None:
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    append(log, lines(0, 5))
    follower.batch()
    append(log, lines(5, 7))
    log.rename(folder / "a.jsonl.1")
    append(log, lines(7, 10))
    assert follower.counts() == (5, 0, 0)
    (folder / "a.jsonl.1").rename(folder / "a.jsonl.2")
    log.rename(folder / "a.jsonl.1")
    append(folder / "a.jsonl.2", lines(10, 11))
    append(folder / "a.jsonl.1", lines(11, 12))
    assert follower.again().counts() == (2, 0, 0)
    assert follower.notes == {}


def test_a_file_that_was_rotated_before_it_was_seen_is_read_by_its_old_suffix(shop: Path, folder: Path) -> None:
    append(folder / "a.jsonl.1", lines(0, 3))
    append(folder / "a.jsonl-20200101", lines(3, 5))
    (folder / "a.jsonl.2.gz").write_bytes(gzip.compress(lines(5, 9)))
    assert Follower(shop, folder).counts() == (9, 0, 0)


def test_a_file_cut_to_a_part_of_itself_is_not_read_twice(shop: Path, folder: Path) -> None:
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    append(log, lines(0, 100))
    follower.batch()
    was, now = log.stat().st_size, len(lines(0, 51))
    os.truncate(log, now)
    assert follower.counts() == (0, 0, 0)
    assert follower.notes == {"shrunk": [{"file": str(log), "was": was, "is": now, "known": now}]}
    assert f"{log} shrank: {was:,} bytes were read, it has {now:,}" in follower.said[0]
    assert "not read again" in follower.said[0]
    append(log, lines(100, 103))
    assert follower.counts() == (3, 0, 0)
    assert follower.again().counts() == (0, 0, 0)
    assert sum(events(shop).values()) == 103


def test_a_file_cut_in_the_middle_of_a_line_goes_on_with_that_line(shop: Path, folder: Path) -> None:
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    append(log, lines(0, 20))
    follower.batch()
    os.truncate(log, len(lines(0, 10)) - 5)
    assert follower.counts() == (0, 0, 0)
    append(log, lines(0, 10)[-5:] + lines(20, 22))
    assert follower.counts() == (2, 1, 0)  # the line whose end was gone is read again, and is a repeat


def test_a_cut_that_a_new_process_sees_reads_little_again(shop: Path, folder: Path) -> None:
    log = folder / "a.jsonl"
    append(log, lines(0, 1000))
    Follower(shop, folder).batch()
    os.truncate(log, len(lines(0, 777)))
    append(log, lines(2000, 2001))
    follower = Follower(shop, folder)
    stored, duplicates, _ = follower.counts()
    assert stored == 1
    assert duplicates <= 1000 // 8  # sixteen places are kept in the manifest
    assert sum(events(shop).values()) == 1001


def test_a_file_emptied_and_written_anew_is_read_from_its_start(shop: Path, folder: Path) -> None:
    """What ``copytruncate`` does."""
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    append(log, lines(0, 20))
    follower.batch()
    os.truncate(log, 0)
    append(log, lines(20, 25))
    assert follower.counts() == (5, 0, 0)
    assert [note["known"] for note in follower.notes["shrunk"]] == [0]
    assert "read from its start" in follower.said[0]


def test_a_file_written_anew_beyond_its_old_end_is_noticed(shop: Path, folder: Path) -> None:
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    append(log, lines(0, 5))
    follower.batch()
    os.truncate(log, 0)
    append(log, lines(100, 120))
    assert follower.counts() == (20, 0, 0)
    assert [note["known"] for note in follower.notes["replaced"]] == [0]


def test_another_file_in_its_place_is_a_new_file(shop: Path, folder: Path) -> None:
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    append(log, lines(0, 10))
    follower.batch()
    (folder / "b.tmp").write_bytes(lines(50, 53))
    (folder / "b.tmp").replace(log)
    assert follower.counts() == (3, 0, 0)
    assert list(follower.notes) == ["replaced"]


def test_a_longer_copy_in_its_place_goes_on(shop: Path, folder: Path) -> None:
    """What ``rsync`` does: another inode, the same beginning."""
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    append(log, lines(0, 10))
    follower.batch()
    (folder / "b.tmp").write_bytes(lines(0, 13))
    (folder / "b.tmp").replace(log)
    assert follower.counts() == (3, 0, 0)
    assert follower.notes == {}


def test_an_inode_used_again_is_another_file(shop: Path, folder: Path) -> None:
    log, follower = folder / "a.jsonl", Follower(shop, folder)
    append(log, lines(0, 10))
    follower.batch()
    log.write_bytes(lines(30, 33))  # the same inode
    log.rename(folder / "other.jsonl")
    assert follower.counts() == (3, 0, 0)
    assert follower.notes == {}


def test_whole_files_are_taken_once_and_unfinished_ones_left_alone(shop: Path, folder: Path) -> None:
    follower = Follower(shop, folder)
    for name in ("a.csv.part", "b.csv.tmp", "c.csv.crdownload", ".d.csv", "_e.csv", "readme.md"):
        (folder / name).write_bytes(HEADER + GOOD)
    (folder / "empty.csv").touch()
    assert follower.counts() == (0, 0, 0)
    (folder / "a.csv.part").rename(folder / "a.csv")
    (folder / "deep").mkdir()
    (folder / "deep" / "z.jsonl.gz").write_bytes(gzip.compress(lines(0, 4)))
    assert follower.counts() == (5, 0, 0)
    assert follower.counts() == (0, 0, 0)
    assert follower.again().counts() == (0, 0, 0)


def test_a_file_that_still_changes_waits(shop: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("cartpath.ingest.follow.whole.now", lambda: clock[0])
    follower = Follower(shop, folder, settle=2)
    for n in range(1, 4):
        append(folder / "a.csv", (HEADER if n == 1 else b"") + GOOD.replace(b"u1", b"u%d" % n))
        assert follower.counts() == (0, 0, 0)
        clock[0] += 1.5
    assert follower.counts() == (0, 0, 0)
    clock[0] += 0.5
    assert follower.counts() == (3, 0, 0)


def test_a_csv_that_grew_after_it_was_taken_is_taken_again(shop: Path, folder: Path) -> None:
    log, follower = folder / "a.csv", Follower(shop, folder)
    log.write_bytes(HEADER + GOOD)
    follower.batch()
    for n in range(2, 5):
        append(log, GOOD.replace(b"u1", b"u%d" % n))
        assert follower.counts() == (1, n - 1, 0)
        assert follower.notes["changed"][0]["file"] == str(log)
    assert len(current(shop).data["sources"]) == 1


def test_files_that_cannot_be_read_do_not_stop_the_others(shop: Path, folder: Path) -> None:
    follower = Follower(shop, folder)
    (folder / "a.csv").write_bytes(b"who,when\n1,2\n")
    (folder / "b.parquet").write_bytes(b"PAR1 nothing")
    (folder / "c.json").write_bytes(b'[{"user_id": 1}]\n')
    (folder / "d.jsonl").write_bytes(lines(0, 3))
    assert follower.counts() == (3, 0, 0)
    assert sorted(Path(note["file"]).name for note in follower.notes["failed"]) == ["a.csv", "b.parquet", "c.json"]
    append(folder / "d.jsonl", lines(3, 4))
    assert follower.counts() == (1, 0, 0)
    assert follower.notes == {}
    (folder / "a.csv").write_bytes(HEADER + GOOD)
    assert follower.counts() == (1, 0, 0)
    assert len(follower.said) == 3


def test_a_file_that_tears_while_it_is_read_leaves_the_others(shop: Path, folder: Path) -> None:
    rows = ingest.ingest(make_shop(shop.with_name("other")), [str(_parquet(folder / "b.parquet"))])
    assert rows.stored == 3
    data = bytearray((folder / "b.parquet").read_bytes())
    data[4:60] = b"\xff" * 56  # the footer is whole, the pages are not
    (folder / "b.parquet").write_bytes(data)
    append(folder / "a.jsonl", lines(0, 2))
    follower = Follower(shop, folder)
    assert follower.counts() == (2, 0, 0)
    assert [Path(note["file"]).name for note in follower.notes["failed"]] == ["b.parquet"]


def _parquet(path: Path) -> Path:
    import pyarrow as pa

    pq.write_table(pa.table({"user_id": ["a", "b", "c"], "ts": ["2020-01-01"] * 3, "event": ["view"] * 3}), path)
    return path


def test_a_folder_that_goes_away_is_waited_for(shop: Path, folder: Path) -> None:
    follower = Follower(shop, folder)
    append(folder / "a.jsonl", lines(0, 3))
    follower.batch()
    folder.rename(folder.with_name("away"))
    assert follower.counts() == (0, 0, 0)
    append(folder.with_name("away") / "a.jsonl", lines(3, 5))
    folder.with_name("away").rename(folder)
    assert follower.counts() == (2, 0, 0)
    assert [message.rpartition(" is ")[2] for message in follower.said] == ["gone; waiting for it to come back", "back"]


def test_a_folder_that_is_not_there_is_an_error(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="no such folder"):
        next(follow(shop, [str(tmp_path / "nowhere")]))


def test_one_file_is_followed_by_its_name(shop: Path, folder: Path) -> None:
    log = folder / "clicks.log"
    append(log, lines(0, 2))
    append(folder / "other.jsonl", lines(9, 10))
    follower = Follower(shop, log)
    assert follower.counts() == (2, 0, 0)
    append(log, lines(2, 3))
    log.rename(folder / "clicks.log.1")
    append(log, lines(3, 5))
    assert follower.counts() == (3, 0, 0)


def test_a_batch_without_events_makes_no_generation(shop: Path, folder: Path) -> None:
    follower = Follower(shop, folder)
    append(folder / "a.jsonl", lines(0, 1))
    assert follower.batch().generation == 1
    append(folder / "a.jsonl", b"\n\n")
    (folder / "h.csv").write_bytes(HEADER)
    follower.batch()
    assert current(shop).generation == 1
    append(folder / "a.jsonl", b"x\n")
    follower.batch()
    assert quarantined(shop) == [("malformed_json", 4)]


def test_many_batches_leave_a_short_manifest(shop: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartpath.ingest.quarantine._MANY", 4)
    follower = Follower(shop, folder)
    for n in range(80):
        append(folder / "a.jsonl", lines(n, n + 1) + (b"bad\n" if n % 4 == 0 else b"") + (lines(0, 1) if n else b""))
        follower.batch()
    with store.open_snapshot(shop) as snapshot:
        data, commits = snapshot.manifest.data, snapshot.commits
        assert snapshot.totals.events == 80
    assert len(commits) <= 64
    assert sum(commit["stored"] for commit in commits) == 80
    assert sum(commit["duplicates"] for commit in commits) == 79
    assert sum(commit["quarantine"].get("malformed_json", 0) for commit in commits) == 20
    assert sum(source["read"] for commit in commits for source in commit["sources"]) == 179
    assert data["sources"] == {}
    assert len(data["artefacts"]) <= 4
    assert len(list((shop / "quarantine").glob("*"))) == len(data["artefacts"])
    assert len(quarantined(shop)) == 20


def test_the_loop_waits_for_another_writer_and_ends_when_idle(shop: Path, folder: Path) -> None:
    append(folder / "a.jsonl", lines(0, 3))
    said: list[str] = []
    batches = follow(shop, [str(folder)], every="1s", settle="1s", idle="1s", say=said.append)
    with writer_lock(shop):
        import threading

        found: list[object] = []
        thread = threading.Thread(target=lambda: found.extend(batches))
        thread.start()
        while not said:
            thread.join(0.05)
    thread.join(30)
    assert "is being written" in said[0]
    (batch,) = found
    told = batch.to_dict()  # type: ignore[attr-defined]
    assert (told["batch"], told["read"], told["stored"], told["generation"]) == (1, 3, 3, 1)
    assert (told["shrunk"], told["failed"], told["lag"]) == ([], [], {"bytes": 0})


def test_a_source_is_followed_by_one_process_at_a_time(shop: Path, folder: Path) -> None:
    append(folder / "a.jsonl", lines(0, 3))
    first = follow(shop, [str(folder)])
    next(first)
    with pytest.raises(WorkspaceBusyError, match="is followed into"):
        next(follow(shop, [str(folder)]))
    first.close()
    assert list(follow(shop, [str(folder)], idle="1s")) == []


def test_a_state_survives_an_erasure_and_a_copy_of_the_log(shop: Path, folder: Path) -> None:
    from cartpath.privacy import forget

    append(folder / "a.jsonl", lines(0, 14))
    Follower(shop, folder).batch()
    forget(shop, "u1")
    append(folder / "a.jsonl", lines(14, 21))
    follower = Follower(shop, folder)
    done = follower.batch()
    assert (done.stored, done.reasons) == (6, {"forgotten_user": 1})
    shutil.copy(folder / "a.jsonl", folder / "b.jsonl")
    assert follower.counts() == (0, 18, 3)
