from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cartpath.schema import CartpathError, MissingExtraError
from cartpath.shop.pipeline import Step, StepOutcome, fingerprint, read_state, run_steps


class Bench:
    """Steps that note when they run: first, second (reads first), third (on its own)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "run.json"
        self.ran: list[str] = []
        self.settings: dict[str, Any] = {"first": 0, "second": 0, "third": 0}
        self.broken: dict[str, BaseException] = {}

    def step(self, name: str, after: tuple[str, ...] = (), vital: bool = False) -> Step:
        def run() -> dict[str, Any]:
            self.ran.append(name)
            if name in self.broken:
                raise self.broken[name]
            (self.folder / name).write_text("made")
            return {"made": name}

        return Step(name, run, lambda: self.settings[name], lambda: [self.folder / name], after, vital)

    def run(self, vital: bool = False) -> dict[str, StepOutcome]:
        self.ran = []
        steps = [self.step("first", vital=vital), self.step("second", ("first",)), self.step("third")]
        return {outcome.name: outcome for outcome in run_steps(steps, self.state)}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_second_run_does_nothing_and_still_has_the_results(bench: Bench) -> None:
    assert [o.state for o in bench.run().values()] == ["done"] * 3
    again = bench.run()
    assert bench.ran == []
    assert [o.state for o in again.values()] == ["unchanged"] * 3
    assert again["second"].result == {"made": "second"}


def test_what_depends_on_a_change_runs_again_and_nothing_else(bench: Bench) -> None:
    bench.run()
    bench.settings["first"] = 1
    bench.run()
    assert bench.ran == ["first", "second"]
    bench.settings["third"] = 1
    bench.run()
    assert bench.ran == ["third"]


def test_a_step_whose_file_is_gone_runs_again(bench: Bench) -> None:
    bench.run()
    (bench.folder / "third").unlink()
    bench.run()
    assert bench.ran == ["third"]


@pytest.mark.parametrize("killed", ["first", "second", "third"])
def test_a_cut_run_goes_on_where_it_was(bench: Bench, killed: str) -> None:
    bench.broken[killed] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    before = bench.ran[:-1]
    bench.broken.clear()
    outcomes = bench.run()
    assert bench.ran == [name for name in ("first", "second", "third") if name not in before]
    assert all(outcome.good for outcome in outcomes.values())


def test_a_failure_holds_up_only_what_needs_it(bench: Bench) -> None:
    bench.broken["first"] = CartpathError("too few sessions", "ingest more days")
    outcomes = bench.run()
    assert {name: o.state for name, o in outcomes.items()} == {"first": "failed", "second": "waiting", "third": "done"}
    assert "ingest more days" in outcomes["first"].note
    bench.broken.clear()
    bench.run()
    assert bench.ran == ["first", "second"]


def test_a_missing_extra_is_told_apart(bench: Bench) -> None:
    bench.broken["first"] = MissingExtraError("training", "models")
    assert bench.run()["first"].state == "missing"


def test_a_vital_failure_ends_the_run(bench: Bench) -> None:
    bench.broken["first"] = CartpathError("no such file")
    with pytest.raises(CartpathError, match="no such file"):
        bench.run(vital=True)
    assert bench.ran == ["first"]


def test_a_bug_is_not_swallowed(bench: Bench) -> None:
    bench.broken["second"] = ValueError("bug")
    with pytest.raises(ValueError, match="bug"):
        bench.run()


@pytest.mark.parametrize("damage", ["", "{", '{"version": 99, "steps": {}}', '{"version": 1, "steps": {"first": 5}}'])
def test_a_damaged_state_file_means_everything_runs(bench: Bench, damage: str) -> None:
    bench.run()
    bench.state.write_text(damage)
    bench.run()
    assert bench.ran == ["first", "second", "third"]
    assert set(read_state(bench.state)) == {"first", "second", "third"}


def test_the_state_file_is_json_that_says_when_and_how_long(bench: Bench) -> None:
    bench.run()
    entry = json.loads(bench.state.read_text())["steps"]["first"]
    assert entry["seconds"] >= 0
    assert entry["finished"].endswith("+00:00")


def test_begin_and_end_are_told(bench: Bench) -> None:
    told: list[str] = []
    note: Callable[[str], None] = told.append
    run_steps([bench.step("first")], bench.state, note, lambda outcome: note(outcome.state))
    run_steps([bench.step("first")], bench.state, note, lambda outcome: note(outcome.state))
    assert told == ["first", "done", "unchanged"]


def test_a_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "b.csv").write_text("2")
    whole = fingerprint([str(tmp_path)])
    assert [Path(row[0]).name for row in whole] == ["a.csv", "b.csv"]
    assert fingerprint([str(tmp_path / "*.csv")]) == whole
    assert fingerprint([str(tmp_path / "a.csv")]) == whole[:1]
    os.utime(tmp_path / "a.csv", ns=(1, 1))
    assert fingerprint([str(tmp_path)]) != whole
    assert fingerprint([str(tmp_path / "none.csv")]) == [[str(tmp_path / "none.csv"), -1, -1]]
