"""Masks of segments equal sets in plain Python."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths.segments import compile_segment
from cartpath.schema import CartpathError
from tests.paths.twin import Row, logs
from tests.paths.twin_segments import FakeSnapshot, Written, segments, users_of, views_of


def members(text: str, rows: list[Row], buckets: int = 1, named: dict[str, str] | None = None) -> set[int]:
    views = views_of(rows, buckets)
    snap: Any = FakeSnapshot(views=views)
    plan = pickle.loads(pickle.dumps(compile_segment(snap, text, named or {})))
    found: set[int] = set()
    for view in views:
        mask = plan.mask(view)
        assert mask.dtype == bool
        assert len(mask) == view.n_users
        found |= {int(user) for user, is_in in zip(view.user_id.to_pylist(), mask, strict=True) if is_in}
    return found


@given(segments, logs, st.sampled_from((1, 3)))
def test_masks_equal_python_sets(written: Written, rows: list[Row], buckets: int) -> None:
    assert members(written.text, rows, buckets) == written.members(rows)


@given(segments, segments, logs)
def test_laws_of_sets(a: Written, b: Written, rows: list[Row]) -> None:
    named = {"a": a.text, "b": b.text}
    assert members("!(a & b)", rows, named=named) == members("!a | !b", rows, named=named)
    assert members("a - b", rows, named=named) == members("a & !b", rows, named=named)
    assert members("a | b", rows, named=named) == members("(a - b) | (b - a) | (a & b)", rows, named=named)


@given(logs, st.integers(0, 9))
def test_a_sample_and_its_rest_are_everyone(rows: list[Row], seed: int) -> None:
    one, rest = members(f"sample(30%; seed={seed})", rows, 3), members(f"!sample(30%; seed={seed})", rows, 1)
    assert one | rest == users_of(rows)
    assert not one & rest
    assert members("sample(0%)", rows) == set()
    assert members("sample(100%)", rows) == users_of(rows)


LOG = [
    Row(1, 0, "view", session=0),
    Row(1, 1, "buy", session=0, hit=1),
    Row(1, 1, "buy", session=0, hit=1),
    Row(2, 5, "buy", session=1),
    Row(2, 9, "buy", session=2),
    Row(3, 3, "view", session=2),
]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("did buy", {1, 2}),
        ("did buy >= 2", {2}),  # the two lines of one hit are one purchase
        ("did buy = 0", {3}),
        ("did not buy", {3}),
        ("did view|buy", {1, 2, 3}),
        ("did view | did buy", {1, 2, 3}),
        ("did buy since 1970-01-01T00:00:06", {2}),
        ("did buy until 1970-01-01T00:00:02", {1}),
        ("did *[device=mobile]", {1, 2}),
        ("did buy[device=mobile]", {1, 2}),
        ("device=mobile|desktop", {1, 2, 3}),
        ("device=mobile since 1970-01-01T00:00:09", {2}),
        ("device=mobile until 1970-01-01T00:00:00.000001", {1}),
        ("buyers - early", {2}),
        ("buyers-early", {2}),
        ("not buyers or early", {1, 3}),
        ("BUYERS | did view", None),
        ("stopped(view,buy; at=0)", {2}),
        ("stopped(view,buy)", {3}),
        ("everyone - everyone", set()),
        ("did view - did buy & everyone - did cart", {3}),
        (" & ".join(["did buy"] * 3000), {1, 2}),
        (" | ".join(["did view"] * 3000), {1, 3}),
    ],
)
def test_by_hand(text: str, wanted: set[int] | None) -> None:
    named = {"buyers": "did buy", "early": "buyers & cohort(1970-01-01, 1970-01-01T00:00:03)"}
    if wanted is None:
        with pytest.raises(CartpathError, match="no segment 'BUYERS'") as error:
            members(text, LOG, named=named)
        assert "did you mean" in error.value.hint or "there are" in error.value.hint
        return
    assert members(text, LOG, 3, named) == wanted


def test_a_circle_is_refused_with_its_chain() -> None:
    named = {"a": "did buy & b", "b": "c | did view", "c": "!a"}
    with pytest.raises(CartpathError, match="made of itself: a -> b -> c -> a"):
        members("a", LOG, named=named)


def test_a_name_used_twice_is_no_circle() -> None:
    assert members("a & b", LOG, named={"a": "c", "b": "c | did view", "c": "did buy"}) == {1, 2}


def test_a_value_or_a_segment() -> None:
    with pytest.raises(CartpathError, match="is buyers a value of device, or the segment buyers"):
        members("device=mobile|buyers", LOG, named={"buyers": "did buy"})
    assert members('device=mobile|"buyers"', LOG, named={"buyers": "did buy"}) == {1, 2}


def test_what_was_never_seen_is_warned_of() -> None:
    snap: Any = FakeSnapshot()
    plan = compile_segment(snap, "did bye | device=mobil", {})
    assert plan.warnings == (
        "no event 'bye' was ever seen; did you mean 'buy'?",
        "no device 'mobil' was ever seen; did you mean 'mobile'?",
    )
    assert plan.behaviour
    assert not compile_segment(snap, "device=mobile", {}).behaviour


@pytest.mark.parametrize("text", ["did view[devise=mobile]", "devise=mobile"])
def test_an_unknown_property_is_an_error(text: str) -> None:
    with pytest.raises(CartpathError, match="no property 'devise'") as error:
        members(text, LOG)
    assert error.value.hint == "did you mean 'device'?"


def test_a_long_path_and_one_moment() -> None:
    rows = [Row(0, 7, "view") for _ in range(3000)]
    assert members("did view >= 3000 & reached(view,view,view)", rows) == {0}
    assert members("did view", []) == set()
