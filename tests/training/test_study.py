"""Searches of settings: kept, gone on with, ended early, and the same for the same seed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from cartpath.schema import CartpathError, WorkspaceBusyError
from cartpath.training.samplers import SAMPLERS, How
from cartpath.training.setting import Setting
from cartpath.training.study import Report, opened

SPACE = {
    "rate": Setting("rate", float, 1e-6, 1, 0.01, (0.001, 0.01, 0.1), log=True),
    "leaves": Setting("leaves", int, 1, 100, 8, (2, 8, 32), log=True),
    "norms": Setting("norms", bool, 0, 1, True, (True, False), choice=True),
}
USUAL = {"rate": 0.01, "leaves": 8, "norms": True}


class Killed(BaseException):
    """The machine lost its power."""


def bowl(settings: dict[str, Any]) -> float:
    return (math.log10(settings["rate"]) + 1.5) ** 2 + abs(settings["leaves"] - 20) / 20 + 0.1 * settings["norms"]


def objective(number: int, settings: dict[str, Any], report: Report) -> float:
    for step in range(1, 6):
        report(step, bowl(settings) + 1 / step, step == 5)
    return bowl(settings)


def dying(at: int, step: int) -> Callable[[int, dict[str, Any], Report], float]:
    """The same objective, but for the power that goes in one of the trials."""

    def dies(number: int, settings: dict[str, Any], report: Report) -> float:
        def reported(now: int, loss: float, last: bool) -> None:
            if (number, now) == (at, step):
                raise Killed
            report(now, loss, last)

        return objective(number, settings, reported)

    return dies


def run(
    file: Path,
    trials: int = 12,
    name: str = "question",
    what: Callable[[int, dict[str, Any], Report], float] = objective,
    minutes: float | None = None,
    fresh: bool = False,
    **how: Any,
) -> list[dict[str, Any]]:
    with opened(file, name, SPACE, How(**how), fresh) as study:
        study.run(what, trials, minutes, USUAL, lambda message, share: None)
        return study.history()


def tried(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("at", "step"), [(0, 1), (7, 2)])
def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(
    tmp_path: Path, sampler: str, at: int, step: int
) -> None:
    whole = run(tmp_path / "a", sampler=sampler)
    with pytest.raises(Killed):
        run(tmp_path / "b", what=dying(at, step), sampler=sampler)
    assert tried(run(tmp_path / "b", sampler=sampler)) == tried(whole)


def test_a_second_run_adds_trials_to_the_first(tmp_path: Path) -> None:
    first = run(tmp_path / "a", trials=4)
    assert len(first) == 4
    assert run(tmp_path / "a", trials=3) == first
    longer = run(tmp_path / "a", trials=9)
    assert longer[:4] == first
    assert tried(longer) == tried(run(tmp_path / "b", trials=9))


def test_questions_are_kept_apart_and_forgotten_when_asked(tmp_path: Path) -> None:
    run(tmp_path / "a", trials=3)
    assert len(run(tmp_path / "a", trials=2, name="another")) == 2
    assert len(run(tmp_path / "a", trials=1, fresh=True)) == 1
    assert len(run(tmp_path / "a", trials=1, name="another")) == 2


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_seed_says_what_is_tried_and_the_usual_comes_first(tmp_path: Path, sampler: str) -> None:
    first = run(tmp_path / "a", sampler=sampler, seed=3)
    assert tried(run(tmp_path / "b", sampler=sampler, seed=3)) == tried(first)
    assert tried(run(tmp_path / "c", sampler=sampler, seed=4)) != tried(first)
    assert first[0]["settings"] == USUAL
    for row in first:
        assert 0.001 <= row["settings"]["rate"] <= 0.1
        assert 2 <= row["settings"]["leaves"] <= 32


def test_a_grid_is_every_point_once(tmp_path: Path) -> None:
    history = run(tmp_path / "a", trials=100, sampler="grid", pruner="none")
    points = {tuple(sorted(row["settings"].items())) for row in history}
    assert len(history) == len(points) == 3 * 3 * 2
    with opened(tmp_path / "a", "question", SPACE, How("grid", "none")) as study:
        best = study.best()
    # By hand: log10(.01) + 1.5 = -.5 and log10(.1) + 1.5 = .5, so both rates are as good; 8 leaves are 12 away, 32 too.
    assert best is not None
    assert best["loss"] == pytest.approx(0.5**2 + 12 / 20)
    assert best["settings"]["norms"] is False


def test_hopeless_trials_end_early(tmp_path: Path) -> None:
    history = run(tmp_path / "a", trials=20, sampler="random")
    early = [row for row in history if row["state"] == "pruned"]
    assert early
    assert [row["trial"] for row in history if row["state"] == "complete"][:5] == list(range(5))
    assert all(2 <= row["steps"] < 5 for row in early)
    # Twin of the rule: the best loss until then is above the median of those that ended at that step.
    for row in early:
        before = [other for other in history[: row["trial"]] if other["state"] == "complete"]
        reached = sorted(bowl(other["settings"]) + 1 / row["steps"] for other in before)
        middle = (reached[(len(reached) - 1) // 2] + reached[len(reached) // 2]) / 2
        assert row["loss"] > middle
    assert not [row for row in run(tmp_path / "b", sampler="random", pruner="none") if row["state"] == "pruned"]
    assert run(tmp_path / "c", trials=20, pruner="hyperband")


def test_a_failed_trial_is_shown_and_the_others_go_on(tmp_path: Path) -> None:
    def odd_ones_fail(number: int, settings: dict[str, Any], report: Report) -> float:
        if number % 2:
            raise CartpathError("out of memory", "less")
        return math.nan if number == 2 else bowl(settings)

    history = run(tmp_path / "a", trials=5, what=odd_ones_fail)
    assert [row["state"] for row in history] == ["complete", "failed", "failed", "failed", "complete"]
    assert "out of memory" in history[1]["error"]
    assert "no number" in history[2]["error"]


def test_a_bug_ends_the_search(tmp_path: Path) -> None:
    def broken(number: int, settings: dict[str, Any], report: Report) -> float:
        raise TypeError

    with pytest.raises(TypeError):
        run(tmp_path / "a", what=broken)


def test_the_trial_that_time_ends_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cartpath.training import study

    now = iter(range(1000))
    monkeypatch.setattr(study.time, "monotonic", lambda: float(next(now)))
    stopped = run(tmp_path / "a", minutes=0.5)
    assert stopped[-1]["state"] == "running"
    assert 1 < len(stopped) < 12
    assert tried(run(tmp_path / "a")) == tried(run(tmp_path / "b"))


def test_a_torn_last_line_is_cut(tmp_path: Path) -> None:
    whole = run(tmp_path / "a", trials=4)
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content + content.splitlines()[-1][:7])
    assert run(tmp_path / "a", trials=4) == whole
    assert len(run(tmp_path / "a", trials=5)) == 5


def test_what_is_damaged_or_in_use_says_so(tmp_path: Path) -> None:
    run(tmp_path / "a", trials=1)
    lines = (tmp_path / "a").read_text().splitlines()
    (tmp_path / "b").write_text("\n".join(["nonsense", *lines]) + "\n")
    with pytest.raises(CartpathError, match="damaged"):
        run(tmp_path / "b", trials=1)
    with (
        opened(tmp_path / "a", "question", SPACE, How()),
        pytest.raises(WorkspaceBusyError, match="in use by a search"),
    ):
        run(tmp_path / "a")
    assert json.loads(lines[0])


@pytest.mark.parametrize(("how", "told"), [({"sampler": "luck"}, "tpe, random, grid"), ({"pruner": "x"}, "median")])
def test_unknown_ways_are_refused(how: dict[str, str], told: str) -> None:
    with pytest.raises(CartpathError) as error:
        How(**how)
    assert told in str(error.value.hint)
