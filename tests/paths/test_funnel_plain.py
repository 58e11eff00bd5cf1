"""The plain question, counted in one pass, is held to the general way: every number, on any log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.paths.counted import Counted
from cartpath.paths.funnel import FunnelPlan, merge_funnel, scan_funnel
from cartpath.paths.funnel.count import result_of
from cartpath.paths.funnel.plain import is_plain
from cartpath.paths.funnel.scan import FunnelCounts, general
from cartpath.store import PathView
from cartpath.store.path import EVENT_ARRAYS
from tests.paths.funnels import asked, plan_of, rule_of
from tests.paths.twin import EVENTS, Row, buckets_of, logs, view_of
from tests.paths.twin_funnel import Asked

steps = st.lists(st.lists(st.sampled_from((*EVENTS, "never")), min_size=1, max_size=3), min_size=1, max_size=5)
questions = st.builds(
    lambda steps, window, exclude: asked(
        *("|".join(step) for step in steps), window=window, exclude=tuple((event, None) for event in exclude)
    ),
    steps,
    st.one_of(st.none(), st.integers(0, 8)),
    st.lists(st.sampled_from(EVENTS), max_size=2),
)


def both(views: list[PathView], plan: FunnelPlan) -> tuple[FunnelCounts, FunnelCounts]:
    rule = rule_of()
    assert all(is_plain(rule.counted(view), plan) for view in views)
    plain = merge_funnel([scan_funnel(view, rule, plan) for view in views], plan.n_steps)
    return plain, merge_funnel([general(rule.counted(view), plan) for view in views], plan.n_steps)


def assert_same(views: list[PathView], question: Asked) -> FunnelCounts:
    plan = plan_of(question)
    plain, usual = both(views, plan)
    assert (plain.basis, plain.units, plain.tied, plain.last_ts) == (
        usual.basis, usual.units, usual.tied, usual.last_ts,
    )  # fmt: skip
    assert plain.reached.tolist() == usual.reached.tolist()
    assert plain.durations.whole.tolist() == usual.durations.whole.tolist()
    assert [d.tolist() for d in plain.durations.between] == [d.tolist() for d in usual.durations.between]
    assert (plain.after.cell.tolist(), plain.after.n.tolist()) == (usual.after.cell.tolist(), usual.after.n.tolist())
    found = [result_of(counts, plan, rule_of(), EVENTS, 2) for counts in (plain, usual)]
    assert found[0].to_dict() == found[1].to_dict()
    assert found[0].frame.equals(found[1].frame)
    return plain


@settings(max_examples=500)
@given(log=logs, question=questions, buckets=st.integers(1, 3))
def test_equals_the_general_way(log: list[Row], question: Asked, buckets: int) -> None:
    assert_same(buckets_of(log, buckets), question)


def long_log(lengths: npt.NDArray[np.int64], seed: int) -> PathView:
    """Users with paths of these lengths: ties in time, hits of several events, sessions that interleave."""
    draw, n = np.random.default_rng(seed), int(lengths.sum())
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int64)
    ts = np.concatenate([np.sort(draw.integers(0, length // 2 + 1, length)) for length in lengths])
    same = np.append(False, ts[1:] == ts[:-1])
    same[offsets[:-1][lengths > 0]] = False
    arrays = {name: np.zeros(n, kind) for name, kind in EVENT_ARRAYS.items()} | {
        "ts": ts,
        "event": draw.choice(len(EVENTS), n, p=(0.5, 0.2, 0.1, 0.2)).astype(np.int32),
        "step": (~same | (draw.random(n) < 0.5)).astype(np.uint8),
    }
    one = view_of([Row(0, 0, "view")])
    ends = replace(one.sessions, end=np.array([ts.max()]))
    return replace(one, offsets=offsets, sessions=ends, **arrays)


@pytest.mark.parametrize(
    "question", [asked("view", "cart", "buy"), asked("cart|buy", "view", exclude=(("refund", None),))]
)
def test_blocks_of_users_join_without_a_seam(question: Asked) -> None:
    draw = np.random.default_rng(3)
    lengths = np.concatenate([draw.integers(0, 9, 9_000), [20_000, 0, 1, 8_192, 8_191, 8_193], draw.integers(0, 3, 50)])
    found = assert_same([long_log(lengths, 5)], question)
    assert found.units == np.count_nonzero(lengths)
    assert 0 < found.reached[-1] < found.reached[0] < found.units
    assert found.basis.tied_users > 0
    assert found.tied > 0


def test_what_else_is_asked_goes_the_general_way() -> None:
    counted = Counted(view_of([Row(0, 0, "view"), Row(0, 1, "buy")]))
    plain = asked("view", "buy")
    assert is_plain(counted, plan_of(plain))
    others = [
        replace(plain, order="strict"),
        replace(plain, order="any"),
        replace(plain, unit="sessions"),
        replace(plain, unit="entries"),
        replace(plain, in_session=True),
        replace(plain, hold=True),
        replace(plain, steps=((("view", 1),), (("buy", None),))),
    ]
    assert not any(is_plain(counted, plan_of(other)) for other in others)
    assert not is_plain(counted, plan_of(plain, by=0))
    assert not is_plain(counted, plan_of(plain, trend="day"))
    assert not is_plain(Counted(counted.view, np.array([1])), plan_of(plain))


def test_an_empty_bucket() -> None:
    found = assert_same([view_of([])], asked("view", "buy"))
    assert (found.units, found.last_ts, found.reached.tolist()) == (0, None, [0, 0])
