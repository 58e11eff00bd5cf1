"""The sliding window, by hand and against one that keeps everything."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cartpath.serving.drift import Window


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_what_is_older_than_the_window_leaves_it_a_slot_at_a_time() -> None:
    clock = Clock(1_000_000.5)
    window = Window(1, seconds=30, slots=3, clock=clock)  # slots begin at multiples of 10
    totals = []
    for _ in range(8):
        window.add([1])
        totals.append(int(window.counts()[0]))
        clock.now += 5
    assert totals == [1, 2, 3, 4, 5, 6, 5, 6]


def test_a_long_silence_empties_it() -> None:
    clock = Clock()
    window = Window(2, seconds=30, slots=3, clock=clock)
    window.add([3, 4])
    clock.now = 1e9
    assert window.counts().tolist() == [0, 0]
    window.add([1, 0])
    assert window.counts().tolist() == [1, 0]


def test_it_is_whole_after_its_length() -> None:
    clock = Clock(95.0)
    window = Window(1, seconds=30, slots=3, clock=clock)
    clock.now = 119.0
    assert not window.is_whole
    clock.now = 120.0
    assert window.is_whole


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(0, 5), st.integers(0, 5)), max_size=40))
def test_the_twin_that_keeps_everything_agrees(steps: list[tuple[int, int, int]]) -> None:
    clock = Clock()
    window = Window(2, seconds=40, slots=4, clock=clock)
    kept: list[tuple[int, list[int]]] = []
    for wait, a, b in steps:
        clock.now += wait
        window.add([a, b])
        kept.append((int(clock.now // 10), [a, b]))
        inside = [counts for slot, counts in kept if slot > int(clock.now // 10) - 4]
        assert window.counts().tolist() == np.sum(inside, axis=0).tolist()
