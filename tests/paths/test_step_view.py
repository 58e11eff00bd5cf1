from __future__ import annotations

import importlib
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths.flow import flow
from cartpath.paths.step_view import StepViewResult, step_view
from cartpath.schema import CartpathError
from tests.paths.test_flow import Period, filters, rule, units
from tests.paths.twin import EVENTS, Row, logs, periods
from tests.paths.twin_flow import snapshot_of, step_paths, step_view_twin

#: ``cartpath.paths.step_view`` is the function.
module = importlib.import_module("cartpath.paths.step_view")


def count(rows: list[Row], period: Period = (None, None), buckets: int = 3, **options: Any) -> StepViewResult:
    return step_view(snapshot_of(rows, buckets), rule(period, options.pop("without", None)), **options)


def columns_of(result: StepViewResult) -> list[Counter[str]]:
    return [Counter({v["event"]: v["n"] for v in column["values"]}) for column in result.columns]


@pytest.mark.parametrize("few", [64, 0], ids=["few nodes", "many nodes"])
@given(
    rows=logs,
    period=periods,
    without=filters,
    unit=units,
    anchor=st.sampled_from([None, *EVENTS]),
    backwards=st.booleans(),
    collapse=st.booleans(),
    steps=st.integers(1, 4),
    top=st.integers(1, 3),
    buckets=st.sampled_from([1, 3]),
)
def test_equals_the_twin(
    few: int,
    rows: list[Row],
    period: Period,
    without: str | None,
    unit: str,
    anchor: str | None,
    backwards: bool,
    collapse: bool,
    steps: int,
    top: int,
    buckets: int,
) -> None:
    backwards = backwards and anchor is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW", few)
        got = count(
            rows,
            period,
            buckets,
            without=without,
            across_sessions=unit == "users",
            start=None if backwards else anchor,
            end=anchor if backwards else None,
            collapse=collapse,
            steps=steps,
            top=top,
        )
    paths = step_paths(rows, *period, without, unit)
    left_out, columns, links = step_view_twin(paths, anchor, steps, top, backwards, collapse)
    assert got.left_out == left_out
    assert got.paths == len(paths) - left_out
    if got.paths:
        assert columns_of(got) == columns
    found = [Counter() for _ in range(steps)]
    for link in got.links:
        found[link["step"]][link["source"], link["target"]] += link["n"]
    assert found == links


@given(rows=logs.filter(bool), collapse=st.booleans(), top=st.integers(1, 4))
def test_columns_sum_to_one_and_links_to_columns(rows: list[Row], collapse: bool, top: int) -> None:
    got = count(rows, collapse=collapse, top=top).to_dict()
    for column in got["columns"]:
        assert sum(value["share"] for value in column["values"]) == pytest.approx(1)
        for value in column["values"]:
            out_of = [x["n"] for x in got["links"] if (x["step"], x["source"]) == (column["step"], value["event"])]
            into = [x["n"] for x in got["links"] if (x["step"] + 1, x["target"]) == (column["step"], value["event"])]
            assert sum(out_of) == value["n"] or column["step"] == 5
            assert sum(into) == value["n"] or column["step"] == 0


@given(rows=logs.filter(bool))
def test_the_first_step_is_what_the_flow_starts_with(rows: list[Row]) -> None:
    starts = {r["target"]: r["n"] for r in flow(snapshot_of(rows)).edges if r["source"] == "(start)"}
    assert columns_of(count(rows))[0] == Counter(starts)


def test_leaving_is_for_good_and_other_is_counted() -> None:
    rows = [Row(0, 0, "view"), Row(1, 0, "view"), Row(1, 1, "cart"), Row(2, 0, "view"), Row(2, 1, "buy")]
    got = count(rows, start="view", steps=2, top=1)
    assert columns_of(got) == [{"view": 3}, {"buy": 1, "(other)": 1, "(left)": 1}, {"(left)": 3}]
    assert [column["gathered"] for column in got.columns] == [0, 1, 0]
    assert ("(left)", "(left)") in {(link["source"], link["target"]) for link in got.links}


def test_backwards_ends_where_the_path_began() -> None:
    rows = [Row(0, 0, "view"), Row(0, 1, "cart"), Row(0, 2, "buy"), Row(1, 0, "buy"), Row(2, 0, "view")]
    got = count(rows, end="buy", steps=2)
    assert columns_of(got) == [{"buy": 2}, {"cart": 1, "(start)": 1}, {"view": 1, "(start)": 1}]
    assert (got.paths, got.left_out) == (2, 1)
    assert "back from its first time; 1 without it are left out" in got.note


def test_any_event_of_a_hit_may_be_the_anchor() -> None:
    rows = [Row(0, 0, "view", hit=1), Row(0, 0, "cart", hit=1), Row(0, 5, "buy")]
    assert columns_of(count(rows, start="cart", steps=1)) == [{"view": 1}, {"buy": 1}]
    assert columns_of(count(rows, start="cart|buy", steps=1)) == [{"view": 1}, {"buy": 1}]


@pytest.mark.parametrize("options", [{}, {"start": "view"}, {"end": "buy"}, {"across_sessions": True}])
def test_an_empty_log(options: dict[str, Any]) -> None:
    got = count([], **options)
    assert (got.paths, got.left_out, got.columns, got.links) == (0, 0, [], [])
    assert len(got.frame) == len(got.link_frame) == 0
    assert "no event counts" in got.to_dict()["warnings"][0]


def test_an_event_that_never_happens_is_explained() -> None:
    got = count([Row(0, 0, "view")], start="veiw")
    assert (got.paths, got.left_out) == (0, 1)
    assert any("did you mean 'view'?" in words for words in got.to_dict()["warnings"])
    assert any("none of 1 sessions has veiw" in words for words in got.warnings + got.to_dict()["warnings"])


def test_a_path_of_100_000_steps() -> None:
    rows = [Row(0, t, "view") for t in range(100_000)] + [Row(0, 100_000, "buy")]
    assert columns_of(count(rows, collapse=True, steps=2)) == [{"view": 1}, {"buy": 1}, {"(left)": 1}]
    assert columns_of(count(rows, end="buy", steps=1)) == [{"buy": 1}, {"view": 1}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "view", "end": "buy"}, "looks from one event"),
        ({"steps": 0}, "cannot show 0 steps"),
        ({"top": 0}, "cannot show 0 values"),
        ({"start": "view["}, "cannot read"),
        ({"node": "pgae"}, "did you mean 'page'"),
    ],
)
def test_what_cannot_be_asked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CartpathError) as error:
        count([Row(0, 0, "view")], **options)
    assert message in f"{error.value.message} {error.value.hint}"
