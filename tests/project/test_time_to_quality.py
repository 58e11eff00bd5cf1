"""The judge of the next-item contenders is ours, and what is read off their curves is right."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cartpath.evaluation.ranks import hit_rate, ndcg_at, rank_of
from cartpath.tasks import leave_one_out
from tests.tasks.test_protocols import log_of_rows

PEERS = Path(__file__).resolve().parents[2] / "benchmarks" / "next_item" / "peers"


@pytest.fixture
def judging(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PEERS))
    monkeypatch.delitem(sys.modules, "judging", raising=False)
    import judging

    return judging  # type: ignore[no-any-return]


def test_ranks_and_metrics_are_ours(judging: ModuleType) -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (200, 40)).astype(np.float32)
    truth, seen = rng.integers(0, 40, 200), rng.integers(0, 40, (200, 9))
    places = judging.ranks(scores, truth, seen)
    ours = rank_of(scores, truth, (np.repeat(np.arange(200), 9), seen.ravel()))
    assert np.array_equal(places, ours)
    assert judging.ndcg_10(places) == pytest.approx(ndcg_at(ours, 10).mean(), abs=1e-12)
    assert judging.hit_10(places) == hit_rate(ours, 10).mean()


def test_questions_are_those_of_leave_one_out(judging: ModuleType, tmp_path: Path) -> None:
    paths = {"1": "abcd", "2": "ca", "3": "bac"}
    (tmp_path / "file.txt").write_text("".join(f"{user} {' '.join(path)}\n" for user, path in paths.items()))
    rows = [(user, n, "view", item) for user, path in paths.items() for n, item in enumerate(path)]
    split = leave_one_out(log_of_rows(rows, timed=False))
    view, texts, users = split.log.view, split.log.codes("item"), split.log.view.user_id.to_pylist()
    read = judging.read_paths(tmp_path / "file.txt")
    for name, questions in (("test", split.test), ("validation", split.valid)):
        asked, known, truth = read.asked(name)
        theirs = {read.users[row]: (known[at], read.names[truth[at]]) for at, row in enumerate(asked)}
        assert len(theirs) == len(questions)
        for user, end, answer in zip(questions.user, questions.ends, questions.truth, strict=True):
            path = [texts[code] for code in view.item[view.offsets[user] : end]]
            found, item = theirs[users[user]]
            assert ([read.names[number] for number in found], item) == (path, texts[answer])
    learned = {read.users[row]: [read.names[item] for item in path] for row, path in enumerate(read.train())}
    assert learned == {"1": ["a", "b"], "2": ["c", "a"], "3": ["b"]}


def test_a_course_ends_when_nothing_gets_better_or_the_time_is_up(judging: ModuleType) -> None:
    course = judging.Course(minutes=1000)
    for epoch in range(1, 1 + judging.PATIENCE):
        course.judged(float(epoch), np.array([min(epoch, 2)]))
        assert not course.converged
    with pytest.raises(judging.Over):
        course.judged(99.0, np.array([2]))
    assert course.converged
    late = judging.Course(minutes=0)
    with pytest.raises(judging.Over):
        late.judged(0.1, np.array([1]))
    assert not late.converged


def test_judging_takes_no_time(judging: ModuleType) -> None:
    watch = judging.Watch()
    with watch.stopped():
        sum(range(3_000_000))
    spent = watch.left_out[1]
    assert spent > 0
    wall, cpu = watch.read()
    assert wall < watch.left_out[0]
    assert cpu < spent
