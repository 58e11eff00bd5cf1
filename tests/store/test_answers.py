"""Kept answers: never stale, never in the way, and gone when somebody is forgotten."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import store
from cartpath.ingest import ingest
from cartpath.privacy import forget
from cartpath.store import answers, values
from cartpath.store.answers import answered, kept
from cartpath.store.manifest import collect, writer_lock
from cartpath.store.rebuild import rebuild
from cartpath.store.snapshot import Snapshot, Totals
from tests.store.twin import Row, put, workspace

ROOT = Path(__file__).resolve().parents[2]
LOG = [Row(f"u{i % 5}", i * 10**6, "view", page=f"/{i % 7}") for i in range(40)]
CSV = "user_id,ts,event\n" + "".join(f"u{i},2024-01-0{1 + i % 9},view\n" for i in range(30))
ANSWER = Totals(1, 2, 3, 4, None, -5, {"view": 1})


class Counted:
    """A view that counts how often it is computed."""

    def __init__(self, answer: Any = ANSWER) -> None:
        self.answer, self.times = answer, 0

    def __call__(self) -> Any:
        self.times += 1
        return self.answer


def ask(shop: Path, compute: Callable[[], Any], question: dict[str, Any] | None = None, **named: Any) -> Any:
    with store.open_snapshot(shop) as snap:
        return answered(snap, {"view": "test"} if question is None else question, compute, **named)


def files(shop: Path) -> list[Path]:
    return sorted((shop / "store" / "answers").glob("*"))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    where = workspace(tmp_path / "shop", 4)
    put(where, LOG)
    return where


def test_the_same_question_is_computed_once(shop: Path) -> None:
    view = Counted()
    assert [ask(shop, view) for _ in range(3)] == [ANSWER] * 3
    assert view.times == 1
    assert len(files(shop)) == 1


def test_each_option_is_part_of_the_question_and_the_order_of_names_is_not(shop: Path, tmp_path: Path) -> None:
    view = Counted()
    segment = tmp_path / "users.txt"
    segment.write_text("u1")
    asked: list[dict[str, Any]] = [
        {"top": 1}, {"top": 2}, {"top": 1.5}, {"top": "1"}, {"top": None}, {"top": True}, {"top": (1,)},
        {"top": [1]}, {"top": np.array([1, 2])}, {"top": np.array([1, 3])}, {"top": np.array([[1, 2]])},
        {"top": ANSWER}, {"top": segment}, {"top": str(segment)}, {"top": date(2024, 1, 1)}, {"a": 1, "b": {"c": 2}},
    ]  # fmt: skip
    for question in asked * 2:
        ask(shop, view, question)
    assert view.times == len(asked)
    ask(shop, view, {"b": {"c": 2}, "a": 1})
    assert view.times == len(asked)
    segment.write_text("u2")
    ask(shop, view, {"top": segment})
    assert view.times == len(asked) + 1


def test_new_events_and_tables_ask_anew_and_drop_what_was_kept(shop: Path) -> None:
    view = Counted()
    ask(shop, view)
    put(shop, [Row("u1", 10**9, "view")])
    ask(shop, view)
    assert view.times == 2
    assert len(files(shop)) == 1
    import pyarrow as pa

    with store.writer(shop) as writer:
        writer.put_users(pa.table({"user_id": ["u1"], "age": [7]}))
        writer.commit()
    ask(shop, view)
    assert view.times == 3


def test_a_rebuild_asks_anew(shop: Path) -> None:
    view = Counted()
    ask(shop, view)
    rebuild(shop, 2)
    ask(shop, view)
    assert view.times == 2


@pytest.mark.parametrize("again", ["the same file", "the same rows in another file"])
def test_what_was_ingested_before_changes_nothing(tmp_path: Path, again: str) -> None:
    shop = workspace(tmp_path / "shop", 4)
    (tmp_path / "log.csv").write_text(CSV)
    (tmp_path / "copy.csv").write_text(CSV.replace("\n", "\r\n"))
    view = Counted()
    ingest(shop, [str(tmp_path / "log.csv")])
    ask(shop, view)
    done = ingest(shop, [str(tmp_path / ("log.csv" if again == "the same file" else "copy.csv"))])
    assert done.stored == 0
    ask(shop, view)
    assert view.times == 1
    (tmp_path / "log.csv").write_text(CSV + "u1,2024-02-01,buy\n")
    ingest(shop, [str(tmp_path / "log.csv")])
    ask(shop, view)
    assert view.times == 2


def test_an_answer_says_the_generation_that_is_asked(shop: Path) -> None:
    view = Counted({"header": {"generation": 1, "n": 1}, "rows": [({"generation": "as text"},)]})
    ask(shop, view)
    with store.writer(shop) as writer:
        done = writer.commit(sources=[{"file": "nothing new", "signature": "x"}])
    assert done.generation == 2
    assert ask(shop, view) == {"header": {"generation": 2, "n": 1}, "rows": [({"generation": "as text"},)]}
    assert view.times == 1


def test_what_an_argument_means_in_the_workspace_is_part_of_the_question(shop: Path) -> None:
    asked = []

    class Segment:
        def __init__(self, name: str) -> None:
            self.name = name

        def meant_in(self, snap: Snapshot) -> list[str]:
            return [self.name, (snap.workspace / "segments").read_text()]

    @kept
    def view(snap: Snapshot, segment: Segment) -> int:
        asked.append(segment.name)
        return len(asked)

    (shop / "segments").write_text("buyers: purchase")
    with store.open_snapshot(shop) as snap:
        assert view(snap, Segment("buyers")) == view(snap, Segment("buyers")) == 1
        (shop / "segments").write_text("buyers: checkout")
        assert view(snap, Segment("buyers")) == 2


def test_a_store_that_was_put_back_and_went_another_way(shop: Path, tmp_path: Path) -> None:
    shutil.copytree(shop, tmp_path / "backup")
    put(shop, [Row("u1", 10**9, "view")])
    view = Counted()
    ask(shop, view)
    kept_answers = {path.name: path.read_bytes() for path in files(shop)}
    shutil.rmtree(shop)
    shutil.copytree(tmp_path / "backup", shop)
    put(shop, [Row("u2", 10**9, "view")])  # the same files by name, and by size
    (shop / "store" / "answers").mkdir(exist_ok=True)
    for name, content in kept_answers.items():
        (shop / "store" / "answers" / name).write_bytes(content)
    ask(shop, view)
    assert view.times == 2


def test_a_forgotten_user_takes_all_answers_along(shop: Path) -> None:
    ask(shop, Counted({"paths": ["u1-was-here"]}), {"a": 1})
    ask(shop, Counted({"paths": ["u1-was-here"]}), {"a": 2})
    assert any(b"u1-was-here" in path.read_bytes() for path in files(shop))
    (shop / "store" / "answers" / "planted.npz.1-ab.tmp").write_text("u1-was-here")
    record = forget(shop, "u1")
    assert record["artefacts"]["store/answers"] == -1
    assert not (shop / "store" / "answers").exists()
    view = Counted()
    ask(shop, view, {"a": 1})
    assert view.times == 1


def test_forgetting_somebody_unknown_drops_them_too(shop: Path) -> None:
    ask(shop, Counted())
    forget(shop, "nobody")
    assert files(shop) == []


def test_what_was_asked_of_a_state_before_an_erasure_is_not_kept_after_it(shop: Path) -> None:
    def late() -> dict[str, str]:
        forget(shop, "u1")
        return {"names": "u1"}

    assert ask(shop, late) == {"names": "u1"}
    assert files(shop) == []


@pytest.mark.parametrize("damage", [b"", b"PK", b"\x80\x04K\x01.", b"half", b"flipped", b"foreign"])
def test_a_damaged_file_is_computed_again_and_replaced(shop: Path, damage: bytes) -> None:
    view = Counted({"a": np.arange(1000)})
    ask(shop, view)
    [path] = files(shop)
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 255
    path.write_bytes({b"half": whole[: len(whole) // 2], b"flipped": bytes(changed)}.get(damage, damage))
    if damage == b"foreign":
        with open(path, "wb") as file:
            values.dump(file, {"key": "of another question", "answer": 1})
    assert ask(shop, view)["a"].tolist() == list(range(1000))
    assert view.times == 2
    ask(shop, view)
    assert view.times == 2


def test_another_version_or_other_code_asks_anew(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view = Counted()
    ask(shop, view)
    monkeypatch.setattr("cartpath.__version__", "99")
    ask(shop, view)
    monkeypatch.setattr(answers, "_code", lambda: [["paths/flow/view.py", 1, 2]])
    ask(shop, view)
    assert view.times == 3


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_it_can_be_switched_off(shop: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    view = Counted()
    ask(shop, view)
    if how == "environment":
        monkeypatch.setenv("CARTPATH_CACHE", "off")
    for _ in range(2):
        ask(shop, view, cache=how != "argument")
    assert view.times == 3


def test_a_workspace_that_cannot_be_written(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view = Counted()

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(30, "read-only file system")

    monkeypatch.setattr(answers, "atomic", refuse)
    assert [ask(shop, view), ask(shop, view)] == [ANSWER, ANSWER]
    assert view.times == 2
    monkeypatch.undo()
    ask(shop, view)
    monkeypatch.setattr(os, "utime", refuse)  # what is kept already can be read
    ask(shop, view)
    assert view.times == 3


def test_a_file_in_place_of_the_folder(shop: Path) -> None:
    (shop / "store" / "answers").write_text("in the way")
    assert ask(shop, Counted()) == ANSWER


def test_the_newest_stay_within_bounds(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_FILES", 3)
    view = Counted()
    for top in range(5):
        ask(shop, view, {"top": top})
        time.sleep(0.01)
    ask(shop, view, {"top": 2})
    ask(shop, view, {"top": 7})
    assert len(files(shop)) == 3
    assert view.times == 6
    ask(shop, view, {"top": 2})  # was used last
    assert view.times == 6
    monkeypatch.setattr(answers, "MOST_BYTES", 1)
    ask(shop, view, {"top": 8})
    assert files(shop) == []


def test_a_reader_of_an_older_state_leaves_newer_answers(shop: Path) -> None:
    view = Counted()
    with store.open_snapshot(shop) as old:
        put(shop, [Row("u1", 10**9, "view")])
        ask(shop, view)
        for _ in range(2):
            answered(old, {"view": "test"}, view)
    assert view.times == 2
    ask(shop, view)
    assert view.times == 2


def test_the_store_does_not_trip_over_answers(shop: Path) -> None:
    ask(shop, Counted())
    half = shop / "store" / "answers" / "x.npz.1-ab.tmp"
    half.write_text("half")
    assert store.leftovers(shop) == [half]
    with writer_lock(shop):
        collect(shop)
    assert store.leftovers(shop) == []
    assert len(files(shop)) == 1


def test_what_cannot_be_kept_is_answered_all_the_same(shop: Path) -> None:
    view = Counted(answer=object())
    with pytest.warns(RuntimeWarning, match="not kept: a file cannot hold builtins.object"):
        assert ask(shop, view) is view.answer
    with pytest.warns(RuntimeWarning, match="not kept"):
        ask(shop, view, {"progress": print})
    assert view.times == 2
    assert files(shop) == []


def test_an_error_is_not_kept(shop: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            ask(shop, lambda: 1 // 0)
    assert files(shop) == []


def test_a_view_is_wrapped_with_one_line(shop: Path) -> None:
    asked = []

    @kept
    def view(snap: Snapshot, top: int = 3, *, collapse: bool = False) -> tuple[int, bool]:
        """Count."""
        asked.append(top)
        return snap.totals.users + top, collapse

    with store.open_snapshot(shop) as snap:
        assert view(snap) == view(snap, 3) == view(snap, top=3, collapse=False) == (8, False)
        assert view(snap, collapse=True) == (8, True)
    assert asked == [3, 3]
    assert view.__doc__ == "Count."


def _ask_often(shop: str, worker: int) -> None:
    for number in range(30):
        question = {"n": number % 5}
        found = ask(Path(shop), lambda n=number: {"n": n % 5, "a": np.full(5000, n % 5)}, question)
        assert found["n"] == number % 5
        assert (found["a"] == number % 5).all()


def test_processes_side_by_side(shop: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_ask_often, args=(str(shop), n)) for n in range(2)]
    for worker in workers:
        worker.start()
    for _ in range(3):
        put(shop, [Row("u1", time.time_ns() // 1000, "view")])
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0


_KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from cartpath import store
from cartpath.store import answers, values
dump = values.dump
def killed(file, held):
    dump(file, held)
    if sys.argv[2] == "half":
        file.truncate(file.tell() // 2)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
answers.dump = killed
with store.open_snapshot(Path(sys.argv[1])) as snap:
    answers.answered(snap, {"view": "test"}, lambda: np.arange(1000))
"""


@pytest.mark.parametrize("when", ["half", "before the rename"])
def test_a_process_killed_in_the_middle_leaves_no_answer(shop: Path, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(shop), when], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -9
    assert [path.suffix for path in files(shop)] == [".tmp"]
    assert len(store.leftovers(shop)) == 1
    view = Counted()
    assert ask(shop, view) == ANSWER
    put(shop, [Row("u1", 10**9, "view")])
    assert store.leftovers(shop) == []


keys = st.one_of(st.text(max_size=3), st.integers(), st.booleans(), st.none(), st.tuples(st.integers(), st.text()))
arrays = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), max_size=4).map(lambda v: np.array(v, np.int64)),
    st.lists(st.text(max_size=3), max_size=3).map(lambda v: np.array(v, dtype="<U3")),
    st.just(np.float32(1.5)),
    st.just(np.zeros((0, 3), np.uint8)),
)
kinds = st.recursive(
    st.one_of(keys, st.floats(), arrays, st.just(datetime(2024, 1, 1, tzinfo=UTC)), st.frozensets(st.integers())),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.builds(Totals, inner, inner, inner, inner, inner, inner, inner),
    ),
    max_leaves=12,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return type(b) is np.ndarray and a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, Totals):
        return same(vars(a), vars(b))
    return bool(a == b) or a != a


@given(value=kinds)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    file = BytesIO()
    values.dump(file, value)
    file.seek(0)
    assert same(value, values.load(file))


@dataclass
class Foreign:
    """Of no room of the package."""

    x: int = field(default=1)


@pytest.mark.parametrize(
    "skeleton",
    [
        {"dataclass": ["os:stat_result", {}]},
        {"dataclass": ["cartpath.store:Snapshot", {}]},
        {"dataclass": ["cartpath.store:Totals", {"events": 1}]},
        {"dataclass": ["cartpath.store.answers:os.system", {}]},
        {"dataclass": ["cartpathology:Totals", {}]},
        {"enum": ["cartpath.store:Totals", "x"]},
        {"call": ["os.system", "true"]},
        {"a": 1, "b": 2},
    ],
)
def test_a_skeleton_brings_back_data_alone(skeleton: Any) -> None:
    with pytest.raises((ValueError, ImportError, AttributeError)):
        values.restore(skeleton, [])


def test_a_class_of_elsewhere_is_not_taken() -> None:
    for value in (Foreign(), np.array([object()]), lambda: 1, {1: b"bytes"}):
        with pytest.raises(values.NotKeptError):
            values.dump(BytesIO(), value)
