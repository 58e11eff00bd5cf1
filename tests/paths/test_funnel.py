"""The funnel's rules by example, and over a store."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths import Counting
from cartpath.paths.funnel import FunnelResult, funnel, scan_funnel
from cartpath.paths.funnel.plan import LAST
from cartpath.paths.funnel.times import distribution, summary
from cartpath.schema import CartpathError
from cartpath.store import PathView, Snapshot
from tests.paths.funnels import asked, counts_of, path, plan_of, reached, result, rule_of
from tests.paths.twin import EVENTS, SECOND, Row, funnel_twin, logs, paths_of, periods, view_of, within
from tests.paths.twin_flow import flow_twin
from tests.web.shops import make

VIEW_BUY = asked("view", "buy")
DAY = 86400


@given(
    rows=logs,
    steps=st.lists(st.sampled_from((*EVENTS, "never")), min_size=1, max_size=4).map(tuple),
    window=st.one_of(st.none(), st.integers(0, 8)),
    unit=st.sampled_from(("users", "sessions")),
    period=periods,
)
def test_equals_the_twin(
    rows: list[Row], steps: tuple[str, ...], window: int | None, unit: str, period: tuple[int | None, int | None]
) -> None:
    found = counts_of(rows, plan_of(asked(*steps, window=window, unit=unit)), rule_of(unit, *period))
    assert found.units == len(paths_of(within(rows, *period), unit))
    assert found.reached.tolist() == funnel_twin(rows, steps, window, unit, *period)


@given(rows=logs, repeats=st.integers(1, 4), window=st.one_of(st.none(), st.integers(0, 4)))
def test_equals_the_twin_where_a_step_repeats(rows: list[Row], repeats: int, window: int | None) -> None:
    steps = ("view",) * repeats + ("cart",)
    for unit in ("users", "sessions"):
        found = reached(rows, asked(*steps, window=window, unit=unit))
        assert found[1:] == funnel_twin(rows, steps, window, unit, None, None)


@given(rows=logs, period=periods, pair=st.tuples(st.sampled_from(EVENTS), st.sampled_from(EVENTS)))
def test_a_strict_pair_is_an_edge_of_the_flow_graph(
    rows: list[Row], period: tuple[int | None, int | None], pair: tuple[str, str]
) -> None:
    within_sessions, across = (flow_twin(rows, *period, unit=unit)[1].get(pair) for unit in ("sessions", "users"))
    for edge, question, place in (
        (within_sessions, asked(*pair, order="strict", in_session=True), 2),
        (within_sessions, asked(*pair, order="strict", unit="sessions"), 1),
        (across, asked(*pair, order="strict"), 2),
    ):
        found = counts_of(rows, plan_of(question), rule_of(question.unit, *period)).reached[1]
        assert found == (edge[place] if edge else 0)


def test_an_event_is_used_once() -> None:
    assert reached(path("view"), asked("view", "view")) == [1, 1, 0]
    assert reached(path("view", "view"), asked("view", "view")) == [1, 1, 1]


def test_every_start_counts_not_only_the_first() -> None:
    late = [Row(0, 0, "view"), Row(0, 100, "view"), Row(0, 105, "buy")]
    assert reached(late, replace(VIEW_BUY, window=5)) == [1, 1, 1]
    assert reached(late, replace(VIEW_BUY, window=4)) == [1, 1, 0]


def test_the_window_runs_from_the_first_step_to_the_last_and_includes_its_end() -> None:
    rows = path("view", "cart", "buy", gap=5)
    assert reached(rows, asked("view", "cart", "buy", window=10)) == [1, 1, 1, 1]
    assert reached(rows, asked("view", "cart", "buy", window=9)) == [1, 1, 1, 0]


def test_ties_keep_source_order_and_are_told() -> None:
    tie = [Row(0, 1, "view"), Row(0, 1, "buy")]
    assert reached(tie, VIEW_BUY) == [1, 1, 1]
    assert reached(tie[::-1], VIEW_BUY) == [1, 1, 0]
    assert reached(tie[::-1], replace(VIEW_BUY, order="any")) == [1, 1, 1]
    told = result(tie, plan_of(VIEW_BUY))
    assert "1 of 1 users have different events of this funnel at the same moment" in told.warnings[-1]
    assert told.to_dict()["ties"] == {"events": 1, "users": 1, "funnel_users": 1}
    assert counts_of([Row(0, 1, "view"), Row(0, 1, "cart")], plan_of(VIEW_BUY)).tied == 0
    assert counts_of(tie, plan_of(replace(VIEW_BUY, order="any"))).tied == 0


def test_sessions_that_interleave_are_kept_apart() -> None:
    rows = [Row(0, 0, "view", 1), Row(0, 1, "view", 2), Row(0, 2, "buy", 1), Row(0, 3, "cart", 2)]
    assert reached(rows, replace(VIEW_BUY, unit="sessions")) == [2, 2, 1]
    assert reached(rows, VIEW_BUY) == [1, 1, 1]


def test_users_may_be_counted_within_a_session() -> None:
    rows = [Row(0, 0, "view", 1), Row(0, 1, "buy", 2)]
    assert reached(rows, VIEW_BUY) == [1, 1, 1]
    assert reached(rows, replace(VIEW_BUY, in_session=True)) == [1, 1, 0]


def test_strict_allows_nothing_in_between() -> None:
    strict = replace(VIEW_BUY, order="strict")
    assert reached(path("view", "cart", "buy"), strict) == [1, 1, 0]
    assert reached(path("view", "cart", "view", "buy"), strict) == [1, 1, 1]


def test_strict_reads_the_events_of_one_hit_as_one_step_named_after_the_first() -> None:
    strict = replace(VIEW_BUY, order="strict")
    hit = [Row(0, 0, "view"), *(Row(0, 1, event, hit=1) for event in ("cart", "buy"))]
    assert reached(hit, strict) == [1, 1, 0]
    assert reached([hit[0], hit[2], hit[1]], strict) == [1, 1, 1]
    assert reached(hit, VIEW_BUY) == [1, 1, 1]


def test_an_excluded_event_in_between_ends_a_chain_but_not_one_begun_at_it() -> None:
    question = replace(VIEW_BUY, exclude=(("cart", None),))
    assert reached(path("view", "cart", "buy"), question) == [1, 1, 0]
    assert reached(path("view", "cart", "view", "buy"), question) == [1, 1, 1]
    assert reached(path("cart", "view", "buy", "cart"), question) == [1, 1, 1]
    ends = asked("cart", "buy", exclude=(("cart", None), ("buy", None)))
    assert reached(path("cart", "buy"), ends) == [1, 1, 1]


def test_a_held_property_must_be_the_same_and_known() -> None:
    question = replace(VIEW_BUY, hold=True)
    one, other, none = (Row(0, 0, "view", quantity=q) for q in (0, 1, None))
    buy = Row(0, 5, "buy", quantity=1)
    assert reached([one, buy], question) == [1, 1, 0]
    assert reached([one, other, buy], question) == [1, 1, 1]
    assert reached([none, Row(0, 5, "buy")], question) == [1, 0, 0]


@pytest.mark.parametrize("order", ["loose", "strict", "any"])
def test_with_a_held_property_another_item_excludes_nothing_but_an_event_without_item_does(order: str) -> None:
    question = asked("view", "cart", "buy", exclude=(("refund", None),), hold=True, order=order)
    rows = [Row(0, t, event, quantity=1, hit=t) for t, event in enumerate(("view", "cart", "buy"))]

    def with_refund(value: int | None) -> list[Row]:
        return [*rows[:2], Row(0, 1, "refund", quantity=value, hit=1), rows[2]]

    assert reached(with_refund(0), question) == [1, 1, 1, 1]
    assert reached(with_refund(1), question) == [1, 1, 1, 0]
    assert reached(with_refund(None), question) == [1, 1, 1, 0]


def test_entries_are_begun_again_after_conversion_and_after_the_window() -> None:
    entries = replace(VIEW_BUY, unit="entries")
    assert reached(path("view", "view", "buy", "view", "buy", "view"), entries) == [3, 3, 2]
    late = [Row(0, 0, "view"), Row(0, 3, "view"), Row(0, 8, "buy")]
    assert reached(late, replace(entries, window=5)) == [1, 1, 0]
    assert reached([*late, Row(0, 9, "view")], replace(entries, window=5)) == [2, 2, 0]
    assert reached(path("view", "cart", "view", "buy"), replace(entries, order="strict")) == [2, 2, 1]
    assert reached(path("buy", "view", "buy"), replace(entries, order="any")) == [2, 1, 1]


def test_groups_add_up_and_who_never_reached_the_step_is_a_group() -> None:
    rows = [Row(user, t, event, quantity=t) for user in range(4) for t, event in enumerate(("view", "buy")[: 1 + user])]
    found = result(rows, plan_of(VIEW_BUY, by=1), top=1)
    assert [(row["value"], row["n"]) for row in found.parts.groups] == [("1", [3, 3]), ("(step not reached)", [1, 0])]
    assert found.to_dict()["by"]["taken_at"] == "step 2, buy"
    assert found.to_dict()["by"]["groups"][1]["interval"] == pytest.approx([0, 0.793451], abs=1e-6)
    last = result(rows, plan_of(VIEW_BUY, by=LAST), top=1).parts.groups
    assert [(row["value"], row["n"]) for row in last] == [("1", [3, 3]), ("(other)", [1, 0])]
    assert last[1]["values"] == 1


def test_instead_has_a_top_and_the_rest() -> None:
    rows = [row for user in range(3) for row in (Row(user, 0, "view"), Row(user, 1, "cart"))] + [Row(3, 0, "view")]
    found = result(rows, plan_of(VIEW_BUY), top=1).instead
    assert found[0]["n"] == 4
    assert [(row["event"], row["n"], row["share"]) for row in found[0]["next"]] == [
        ("cart", 3, 0.75),
        ("(other)", 1, 0.25),
    ]


def test_a_trend_has_every_period_and_says_which_is_not_over() -> None:
    rows = [Row(0, 0, "view"), Row(0, 10, "buy"), Row(1, 16 * DAY, "view"), Row(2, 17 * DAY, "cart")]
    weeks = result(rows, plan_of(replace(VIEW_BUY, window=DAY), trend="week")).parts.periods
    assert [(row["period"], row["n"], row["complete"]) for row in weeks] == [
        ("1969-12-29", [1, 1], True),
        ("1970-01-05", [0, 0], True),
        ("1970-01-12", [1, 0], False),
    ]
    assert (weeks[0]["conversion"], weeks[1]["conversion"], weeks[1]["interval"]) == (1.0, None, None)
    months = result([*rows, Row(3, 40 * DAY, "view")], plan_of(VIEW_BUY, trend="month")).parts.periods
    assert [(row["period"], row["n"], row["complete"]) for row in months] == [
        ("1970-01", [2, 1], None),
        ("1970-02", [1, 0], None),
    ]


def test_quantiles_are_exact_and_the_distribution_is_complete() -> None:
    gaps = np.sort(np.random.default_rng(5).integers(0, 90 * DAY, 500)) * SECOND
    rows = distribution(gaps)
    assert sum(row["n"] for row in rows) == 500
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert summary(gaps)["p90_seconds"] == pytest.approx(np.quantile(gaps / SECOND, 0.9))
    assert rows[-1]["bin"] == "30d and more"


def test_an_empty_log_and_an_empty_period() -> None:
    for question in (VIEW_BUY, replace(VIEW_BUY, hold=True, order="strict"), replace(VIEW_BUY, unit="entries")):
        plan = plan_of(question, by=0, trend="day")
        assert reached([], question) == [0, 0, 0]
        empty = result([], plan)
        assert empty.to_dict()["time_to_convert"]["median_seconds"] is None
        assert (empty.parts.groups, empty.parts.periods) == ([], [])
        assert counts_of(path("view", "buy"), plan, rule_of(question.unit, 100, 200)).units == 0


@pytest.fixture(scope="module")
def long_path() -> PathView:
    return view_of([Row(0, 0, ("view", "cart", "refund")[i % 3], quantity=i // 2) for i in range(100_000)])


@pytest.mark.parametrize("order", ["loose", "strict", "any"])
@pytest.mark.parametrize("unit", ["users", "entries"])
@pytest.mark.parametrize("hold", [False, True])
def test_a_path_of_100_000_events_at_one_moment_takes_linear_time(
    long_path: PathView, order: str, unit: str, hold: bool
) -> None:
    plan, rule = plan_of(asked("view", "cart", "buy", order=order, unit=unit, hold=hold)), rule_of(unit)
    counts_of(path("view"), plan)
    start = time.process_time()
    found = scan_funnel(long_path, rule, plan)
    assert time.process_time() - start < 1
    assert found.reached[1] > 0


def test_plans_and_partials_can_be_sent_to_other_processes() -> None:
    plan = plan_of(replace(VIEW_BUY, hold=True, exclude=(("cart", 1),)), by=0, trend="week")
    found = counts_of(path("view", "buy"), pickle.loads(pickle.dumps(plan)))
    assert pickle.loads(pickle.dumps(found)).reached.tolist() == found.reached.tolist()


def by_hand(*counts: int) -> FunnelResult:
    return FunnelResult(("view", "cart", "buy")[: len(counts)], counts, 20, Counting(), 60)


def test_json_has_the_fields_of_the_contract() -> None:
    got = by_hand(10, 5, 1).to_dict()
    assert (got["count"], got["order"], got["within_seconds"]) == ("users", "loose", 60)
    assert [step["event"] for step in got["steps"]] == ["view", "cart", "buy"]
    assert [step["n"] for step in got["steps"]] == [10, 5, 1]
    assert [step["rate_from_start"] for step in got["steps"]] == [1.0, 0.5, 0.1]
    assert [step["rate_from_previous"] for step in got["steps"]] == [1.0, 0.5, 0.2]
    assert got["steps"][0]["interval_from_start"] is None
    assert got["steps"][1]["interval_from_start"] == pytest.approx([0.236593, 0.763407], abs=1e-6)
    assert got["conversion"]["rate"] == 0.1


def test_a_rate_without_denominator_is_null_not_zero() -> None:
    steps = by_hand(0, 0).to_dict()["steps"]
    assert [step["rate_from_start"] for step in steps] == [None, None]
    assert steps[1]["interval_from_previous"] is None


def test_the_frame_has_a_row_a_step() -> None:
    frame = by_hand(10, 5, 1).frame
    assert frame["step"].tolist() == [1, 2, 3]
    assert frame["n"].tolist() == [10, 5, 1]
    assert {"interval_from_start_low", "interval_from_previous_high"} <= set(frame.columns)


@pytest.fixture(scope="module")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    rows = [
        Row(user, 10 * t, event, session=t // 3, hit=t, price=10.0 * t)
        for user in range(20)
        for t, event in enumerate(("view", "cart", "cart", "view", "buy")[: 1 + user % 6])
    ]
    with make(tmp_path_factory.mktemp("funnel") / "shop", rows).snapshot() as found:
        yield found


def test_a_strict_pair_over_a_store_is_an_edge_of_its_flow(snap: Snapshot) -> None:
    from cartpath.paths import flow

    edges = {(row["source"], row["target"]): row for row in flow(snap).to_dict()["edges"]}
    for pair in (("view", "cart"), ("cart", "cart"), ("view", "buy")):
        by_user = funnel(snap, pair, within="session", order="strict")
        by_session = funnel(snap, pair, counting=Counting("sessions"), order="strict")
        assert by_user.counts[1] == edges[pair]["users"]
        assert by_session.counts[1] == edges[pair]["sessions"]


def test_what_people_write_reaches_the_kernels(snap: Snapshot) -> None:
    assert funnel(snap, "view,cart[price>15]").counts[1] == funnel(snap, "view,cart,cart").counts[2]
    assert funnel(snap, "view,buy|cart").counts == funnel(snap, "view,cart").counts
    assert funnel(snap, "view,buy", exclude="cart").counts[1] == funnel(snap, "view,buy", order="strict").counts[1]
    assert funnel(snap, "view,buy", hold="price").counts[1] == 0
    assert funnel(snap, "view,buy", hold="event").counts[1] == 0


def test_every_table_can_be_shown(snap: Snapshot) -> None:
    for show, columns in (
        ("steps", "step event"),
        ("by", "value step"),
        ("trend", "period step"),
        ("times", "bin from_seconds"),
        ("instead", "step event next"),
    ):
        frame = funnel(snap, "view,cart,buy", by="price@2", trend="day", show=show).frame
        assert list(frame.columns)[: len(columns.split())] == columns.split()
        assert len(frame)
    parts = funnel(snap, "view,cart,buy", by="price@cart").group_frame.groupby("step")["n"].sum()
    assert tuple(parts) == funnel(snap, "view,cart,buy").counts


def test_groups_of_numbers_are_in_their_order(snap: Snapshot) -> None:
    values = [row["value"] for row in funnel(snap, "view,cart", by="price@last").parts.groups]
    assert values == ["0 to under 1", "10 to under 20"]


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"order": "tight"}, "no order 'tight'", "loose, strict, any"),
        ({"trend": "year"}, "no trend 'year'", "day, week, month"),
        ({"by": "prise"}, "no property 'prise'", "did you mean 'price'"),
        ({"by": "price@basket"}, "no step 'basket'", "2 (cart)"),
        ({"by": "price@3"}, "no step '3'", "first, last"),
        ({"hold": "itm_id"}, "no property 'itm_id'", "item_id"),
        ({"exclude": "cart["}, "cannot read", ""),
        ({"show": "trend"}, "no 'trend' to show", "steps, times, instead"),
        ({"steps": ["view"] * 29}, "29 steps are more than the 28", ""),
        ({"steps": ["view"] * 11, "order": "any"}, "11 steps are more than the 10", ""),
        ({"steps": ""}, "at least one step", ""),
        ({"within": "7"}, "not a duration", ""),
    ],
)
def test_bad_questions_are_explained(snap: Snapshot, options: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(CartpathError) as error:
        funnel(snap, **{"steps": "view,cart", **options})  # type: ignore[arg-type]
    assert message in error.value.message
    assert hint in str(error.value.hint or "")
